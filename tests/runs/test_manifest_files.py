"""The manifest and its changes, whole, cut short, read twice, and as strangers write them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segexp.errors import DataError
from segexp.runs import manifest_files
from segexp.runs.json_yaml import JSON_BYTES, MOST_PARTS
from segexp.runs.manifest_files import CHANGES, MANIFEST, append_change, forget_changes, read_changes, read_manifest


def job(number: int, state: str, **more: Any) -> dict[str, Any]:
    return {"number": number, "state": state, "folder": f"{number:03d}", **more}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Three jobs; since then one has ended, and one has come."""
    content = {"command": "x", "jobs": [job(number, "waiting") for number in range(3)]}
    (tmp_path / MANIFEST).write_text(json.dumps(content))
    append_change(tmp_path, job(1, "running"))
    append_change(tmp_path, job(3, "waiting"))
    append_change(tmp_path, job(1, "finished", error="ä\nb"))
    return tmp_path


def states(folder: Path) -> dict[int, str]:
    content = read_manifest(folder)
    assert content["command"] == "x"
    return {each["number"]: each["state"] for each in content["jobs"]}


NOW = {0: "waiting", 1: "finished", 2: "waiting", 3: "waiting"}


def test_the_last_line_of_a_job_counts_and_nothing_is_written(sweep: Path) -> None:
    before = {path.name: path.read_bytes() for path in sweep.iterdir()}
    sweep.chmod(0o555)
    assert list(states(sweep).items()) == list(NOW.items())
    sweep.chmod(0o755)
    assert {path.name: path.read_bytes() for path in sweep.iterdir()} == before
    assert all(isinstance(json.loads(line), dict) for line in before[CHANGES].splitlines())


def test_changes_that_the_manifest_holds_already_change_nothing(sweep: Path) -> None:
    """Killed when the manifest was written and the changes were still there; and those once more."""
    (sweep / MANIFEST).write_text(json.dumps(dict(read_manifest(sweep))))
    assert states(sweep) == NOW
    lines = (sweep / CHANGES).read_bytes()
    (sweep / CHANGES).write_bytes(lines + lines)
    assert states(sweep) == NOW
    forget_changes(sweep)
    forget_changes(sweep)
    assert states(sweep) == NOW


def test_cut_at_any_byte_it_is_what_was_there_before(sweep: Path) -> None:
    lines = (sweep / CHANGES).read_bytes()
    ends = [at for at, byte in enumerate(lines) if byte == ord("\n")]
    seen = []
    for size in range(len(lines) + 1):
        (sweep / CHANGES).write_bytes(lines[:size])
        # A line is there from its last brace on.
        whole = sum(end <= size for end in ends)
        expected = [{}, {1: "running"}, {1: "running", 3: "waiting"}, {1: "finished", 3: "waiting"}][whole]
        assert {number: each["state"] for number, each in read_changes(sweep, json.loads).items()} == expected
        seen.append(whole)
    assert set(seen) == {0, 1, 2, 3}
    # Blocks that the disk never got are zero.
    for rest in (b"\0" * 40, b"\0" * 40 + b'"}\n', b"\xff\n"):
        (sweep / CHANGES).write_bytes(lines + rest)
        assert states(sweep) == NOW


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ('{"number": 1}\n{\n{"number": 1}\n', "line 2: Expecting"),
        ('{"number": -1}\n', "a line is no job with a number"),
        ('{"number": true}\n', "a line is no job with a number"),
        ('{"state": "finished"}\n', "a line is no job with a number"),
        ("1\n" * 1_000_000, "a line is no job with a number"),
        ("\n" * 1_000_000, "line 1: Expecting"),
        ("\x1b[2J\n1\n", r"line 1: Expecting value: line 1 column 1 \(char 0\)"),
        ("[" * 5000 + "\n1\n", "line 1: it is nested deeper than 40 levels"),
        ('{"number": 1}\n' * (MOST_PARTS + 1), "found more than 1000000 lists and objects"),
        (" " * (JSON_BYTES + 1), "found 32.0 MB, expected at most 32 MB"),
    ],
    ids=["damaged", "below 0", "truth", "no number", "numbers", "empty", "escape", "deep", "many", "large"],
)
def test_what_a_stranger_writes_is_one_line(lines: str, why: str, sweep: Path) -> None:
    (sweep / CHANGES).write_text(lines)
    with pytest.raises(DataError, match=f"{CHANGES}: {why}.*was it edited") as caught:
        read_manifest(sweep)
    assert "\n" not in str(caught.value)


def test_numbers_and_texts_of_a_stranger_are_harmless(sweep: Path) -> None:
    (sweep / CHANGES).write_text('{"number": 0, "state": "\\ud800", "seconds": NaN}\n')
    assert read_manifest(sweep)["jobs"][0] == {"number": 0, "state": "\\ud800", "seconds": None}
    (sweep / MANIFEST).write_text('{"jobs": [1, {"number": [0]}, {"number": 7}, {"number": 7}, "x"]}')
    assert read_manifest(sweep)["jobs"][:5] == [1, {"number": [0]}, {"number": 7}, {"number": 7}, "x"]
    (sweep / MANIFEST).write_text('{"jobs": {}}')
    assert [each["number"] for each in read_manifest(sweep)["jobs"]] == [0]


def test_a_folder_without_changes_and_what_is_no_file(sweep: Path) -> None:
    (sweep / CHANGES).unlink()
    assert states(sweep) == dict.fromkeys(range(3), "waiting")
    os.mkfifo(sweep / CHANGES)
    assert states(sweep) == dict.fromkeys(range(3), "waiting")


def test_changes_that_go_while_they_are_read_are_in_the_manifest(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between any two steps of a reader the manifest is written whole."""
    whole = json.dumps(dict(read_manifest(sweep)))

    def fold_before(name: str) -> None:
        read: Callable[..., Any] = getattr(manifest_files, name)

        def folded(*words: Any) -> Any:
            (sweep / MANIFEST).write_text(whole)
            forget_changes(sweep)
            return read(*words)

        monkeypatch.setattr(manifest_files, name, folded)

    fold_before("read_json_lines")
    assert states(sweep) == NOW
    append_change(sweep, job(1, "finished"))
    fold_before("read_object")
    assert states(sweep) == NOW


def test_a_full_disk_leaves_the_lines_before(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a part of a line first; what comes after it, in this process, is no damaged line."""
    write, left = os.write, [10]

    def full(handle: int, line: bytes) -> int:
        if not left[0]:
            raise OSError(28, "No space left on device")
        done = write(handle, line[: left[0]])
        left[0] -= done
        return done

    before = (sweep / CHANGES).read_bytes()
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match=f"No space left on device: .*{CHANGES}"):
        append_change(sweep, job(2, "running"))
    monkeypatch.undo()
    assert (sweep / CHANGES).read_bytes() == before
    append_change(sweep, job(2, "finished"))
    assert states(sweep) == NOW | {2: "finished"}
