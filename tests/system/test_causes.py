"""What the system refused, found below what libraries make of it."""

import errno
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from segexp.cli import hydra_app as cli
from segexp.errors import DataError, ResourceError, UserError
from segexp.system.causes import cause_of, describe_cause, reason_of, resource_error

Usage = namedtuple("Usage", "total used free")


def system(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


def wrapped(cause: Exception, *, text: str = "file write failed", openly: bool = True) -> Exception:
    """As a library that raises its own error instead."""
    try:
        try:
            raise cause
        except Exception as error:
            if openly:
                raise RuntimeError(text) from error
            raise RuntimeError(text)  # noqa: B904 - so do libraries
    except RuntimeError as error:
        return error


@pytest.mark.parametrize("openly", [True, False])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EMFILE, "too many open files in this process"),
        (errno.ENFILE, "too many open files on this machine"),
        (errno.ENOMEM, "not enough memory"),
        (errno.ENOSPC, "no space left on the disk"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "a read-only file system"),
        (errno.EIO, "the disk or network drive failed"),
        (errno.ESTALE, "the network drive has lost the file"),
    ],
)
def test_number(number: int, words: str, openly: bool) -> None:
    cause = cause_of(wrapped(system(number, "a/b.png"), openly=openly))
    assert cause is not None
    assert describe_cause(cause).startswith(f"a/b.png: {words}")
    assert "; " in describe_cause(cause)


def test_reason_is_in_plain_words_or_those_of_the_error() -> None:
    assert reason_of(system(errno.ENOSPC, "a/b.png")) == "no space left on the disk"
    assert reason_of(ValueError("two\nlines")) == "ValueError: two"


def test_rights_count_where_they_are_the_error_itself() -> None:
    denied = system(errno.EACCES, "a")
    assert describe_cause(cause_of(denied) or pytest.fail("no cause")) == (
        "a: no permission; allow it (chmod, chown), or give another folder"
    )
    assert cause_of(wrapped(denied)) is not None
    assert cause_of(wrapped(denied, openly=False)) is None  # only met on the way


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a.tif: Too many open files", "too many open files in this process"),
        ("Error while serializing: I/O error: No space left on device (os error 28)", "no space left on the disk"),
        ("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes", "not enough memory"),
        ("OpenCV: error: (-4:Insufficient memory) Failed to allocate 1 bytes", "not enough memory"),
    ],
)
def test_text(text: str, words: str) -> None:
    cause = cause_of(RuntimeError(text))
    assert cause is not None and cause.words == words


@pytest.mark.parametrize(
    "error",
    [
        ValueError("broken PNG file"),
        RuntimeError('TIFFReadDirectory:Out of memory reading of "BitsPerSample"'),
        DataError("a.png: Too many open files is what this mask is called"),
        system(errno.ENOENT, "a"),
        KeyError("No such key"),
    ],
)
def test_other_errors_have_no_such_cause(error: Exception) -> None:
    assert cause_of(error) is None
    assert resource_error(error, "a") is None


@pytest.mark.parametrize(("free", "found"), [(1000, True), (10**9, False)])
def test_a_write_that_failed_for_no_reason_given(
    tmp_path: Path, free: int, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch: "enforce fail at inline_container", whatever the disk said."""
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage(10**9, 10**9 - free, free))
    error = RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 832 vs 726")
    cause = cause_of(error, tmp_path / "not" / "there.ckpt")
    assert (cause is not None and cause.words == "no space left on the disk") is found
    assert cause_of(error) is None


def test_an_error_of_the_machine_is_not_the_users() -> None:
    error = resource_error(MemoryError(), "a.png")
    assert isinstance(error, ResourceError) and not isinstance(error, UserError)
    assert (error.exit_code, str(error).partition(";")[0]) == (1, "a.png: not enough memory")
    assert resource_error(system(errno.EACCES), "a.png") is None


@pytest.mark.parametrize("debug", [False, True])
def test_the_command_line_says_it_in_one_line(debug: bool, capsys: pytest.CaptureFixture[str]) -> None:
    def job() -> None:
        raise wrapped(system(errno.ENOSPC, "outputs/results.json"))

    assert cli.run_guarded(job, debug=debug) == 1
    told = capsys.readouterr().err
    line = "segexp: outputs/results.json: no space left on the disk; make room there, or give another folder\n"
    assert told.endswith(line)
    assert ("Traceback" in told) is debug
    assert debug or told == line


def test_a_fault_of_the_program_keeps_its_trace(capsys: pytest.CaptureFixture[str]) -> None:
    def job() -> None:
        raise ZeroDivisionError

    assert cli.run_guarded(job, debug=False) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
