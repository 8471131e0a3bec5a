"""Who a folder belongs to: taken from a process that is gone, refused of one that runs or cannot be asked."""

import os
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from segexp.errors import FolderTakenError
from segexp.runs import lock as module
from segexp.runs.lock import ANY, FREE, LOCK, BusyError, FolderLock, Owner, owner_of
from segexp.system.process import OUTSIDE, is_running, start_time

HERE = socket.gethostname()
GONE = f"{2**22 + 1} 17 {HERE} 2026-11-30T12:00:00+00:00\n"
ELSEWHERE = "4711 17 node7 2026-11-30T12:00:00+00:00\n"


def taken(folder: Path, over: str | None = None, patience: float = 0.0) -> FolderLock:
    return FolderLock(folder, patience, over=over, says=lambda owner: f"in use by {owner}; take_over={owner.key}")


def test_one_process_at_a_time_and_nothing_is_left(tmp_path: Path) -> None:
    lock = taken(tmp_path)
    owner = owner_of(tmp_path)
    assert owner is not None
    assert (owner.pid, owner.host, owner.started, owner.state()) == (
        os.getpid(), HERE, start_time(os.getpid()), "running"
    )  # fmt: skip
    with pytest.raises(BusyError, match=f"in use by process {os.getpid()} on {HERE}, since 20.*take_over={HERE}:"):
        taken(tmp_path)
    assert lock._is_there()
    lock.release(remove=True)
    assert not list(tmp_path.iterdir())
    assert owner_of(tmp_path) is None
    taken(tmp_path).release()
    assert (tmp_path / LOCK).read_text() == ""


@pytest.mark.parametrize("text", [GONE, "", "nothing of ours", "1\0 2 3", "٣ 17 host", "1 2", f"1 0 {HERE}"])
def test_what_no_process_holds_is_taken(tmp_path: Path, text: str) -> None:
    (tmp_path / LOCK).write_text(text, encoding="utf-8")
    taken(tmp_path).release()


def test_an_owner_elsewhere_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(ELSEWHERE)
    with pytest.raises(BusyError, match=r"process 4711 on node7, since 2026-11-30T12:.*; take_over=node7:4711"):
        taken(tmp_path)
    with pytest.raises(BusyError):
        taken(tmp_path, over="node7:12")
    assert (tmp_path / LOCK).read_text() == ELSEWHERE
    for over in ("node7:4711", ANY):
        (tmp_path / LOCK).write_text(ELSEWHERE)
        taken(tmp_path, over=over).release()


def test_the_word_takes_it_from_a_process_that_runs(tmp_path: Path) -> None:
    first = taken(tmp_path)
    with pytest.raises(BusyError):
        taken(tmp_path, over="*")
    second = taken(tmp_path, over=f"{HERE}:{os.getpid()}")
    assert not first._is_there()
    assert second._is_there()
    first.release(remove=True)
    assert second._is_there()
    second.release(remove=True)


@pytest.fixture
def no_system_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system of a network without them: what is written in the file tells alone."""
    monkeypatch.setattr(module, "_try_lock", lambda handle: None)


@pytest.mark.usefixtures("no_system_locks")
def test_a_container_elsewhere_with_the_same_number_is_no_owner_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text(f"{os.getpid()} 17 node7 2026-11-30T12:00:00+00:00\n")
    with pytest.raises(BusyError, match=f"take_over=node7:{os.getpid()}"):
        taken(tmp_path)
    # A sweep is taken over only where the lock of the system is seen to be free.
    with pytest.raises(BusyError):
        taken(tmp_path, over=FREE)
    # This process itself may not have given it back.
    (tmp_path / LOCK).write_text(Owner.here().line())
    taken(tmp_path).release(remove=True)
    assert not (tmp_path / LOCK).exists()


def test_another_container_of_the_same_host_name_cannot_be_asked(tmp_path: Path) -> None:
    me = Owner.here()
    assert me.numbering
    other = replace(me, numbering=me.numbering + "1")
    assert Owner.parse(other.line()) == other
    assert (me.state(), other.state(), other.is_same(me)) == ("running", "unknown", False)
    # Files of an older version say nothing of it.
    assert replace(me, numbering="").state() == "running"
    (tmp_path / LOCK).write_text(other.line())
    with pytest.raises(BusyError, match=f"take_over={HERE}:{os.getpid()}"):
        taken(tmp_path)


@pytest.mark.parametrize(
    ("before", "now", "state"),
    [
        (f"m/a/{OUTSIDE}", f"m/b/{OUTSIDE}", "gone"),
        (f"m/a/{OUTSIDE}", f"m/a/{OUTSIDE}", "running"),
        (f"n/a/{OUTSIDE}", f"m/b/{OUTSIDE}", "unknown"),
        (f"-/a/{OUTSIDE}", f"-/b/{OUTSIDE}", "unknown"),
        ("m/a/77", "m/b/77", "unknown"),
        ("m/a/77", "m/a/78", "unknown"),
        ("of another form", f"m/b/{OUTSIDE}", "unknown"),
        ("", f"m/b/{OUTSIDE}", "running"),
    ],
)
def test_after_a_start_of_the_machine_all_earlier_owners_are_gone(
    before: str, now: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run goes on after a power cut by the line alone."""
    monkeypatch.setattr(module, "numbering", lambda: now)
    assert replace(Owner.here(), numbering=before).state() == state


def test_the_name_may_stay_where_nothing_else_tells_that_the_owner_is_gone(tmp_path: Path) -> None:
    taken(tmp_path).release(remove=True, named=True)
    found = owner_of(tmp_path)
    assert found is not None
    assert found.is_same(Owner.here())
    taken(tmp_path).release(remove=True)
    assert owner_of(tmp_path) is None


@pytest.mark.usefixtures("no_system_locks")
def test_who_lost_a_folder_leaves_it_to_the_new_owner(tmp_path: Path) -> None:
    first = taken(tmp_path)
    assert first.taken_by() is None
    # In the same file, as from a machine that cannot be asked.
    (tmp_path / LOCK).write_text(ELSEWHERE)
    assert first.taken_by() == Owner.parse(ELSEWHERE)
    with pytest.raises(FolderTakenError, match=r"taken over by process 4711 on node7, since .* writes nothing more"):
        first.require_ours()
    first.release(remove=True)
    assert (tmp_path / LOCK).read_text() == ELSEWHERE


def test_an_owner_that_has_not_written_its_name_yet_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = taken(tmp_path)
    name = (tmp_path / LOCK).read_text()
    (tmp_path / LOCK).write_text("")
    # It writes while the other waits.
    monkeypatch.setattr(module.time, "sleep", lambda seconds: (tmp_path / LOCK).write_text(name))
    with pytest.raises(BusyError, match=f"in use by process {os.getpid()} on"):
        taken(tmp_path)
    monkeypatch.undo()
    (tmp_path / LOCK).write_text("")
    with pytest.raises(BusyError, match="in use by another process"):
        taken(tmp_path, over=":0")
    assert first._is_there()
    first.release()


def test_a_lock_file_that_somebody_removed_costs_no_training(tmp_path: Path) -> None:
    first = taken(tmp_path)
    (tmp_path / LOCK).unlink()
    first.require_ours()
    first.release(remove=True)


def test_processes_that_a_killed_owner_has_left_are_waited_for(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from segexp.runs.lock import FolderLock\n"
        "lock = FolderLock(Path(sys.argv[1]), says=str); os.set_inheritable(lock.handle, True)\n"
        "if os.fork() == 0:\n    os.execvp('sleep', ['sleep', '1'])\n"
        "print('held', flush=True); os.kill(os.getpid(), 9)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
    with pytest.raises(BusyError):
        taken(tmp_path, patience=0.1)
    taken(tmp_path, patience=10.0).release()


@pytest.mark.parametrize("windows", [True, False])
def test_without_fcntl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, windows: bool) -> None:
    """As on Windows, whose locks ``msvcrt`` takes; where there are none at all, what is written tells."""
    held: list[int] = []

    def locking(handle: int, mode: int, count: int) -> None:
        assert (mode, count, os.lseek(handle, 0, os.SEEK_CUR)) == (2, 1, 2**30)
        if held:
            raise PermissionError
        held.append(handle)

    def imported(name: str) -> object:
        if name == "msvcrt" and windows:
            return SimpleNamespace(locking=locking, LK_NBLCK=2)
        raise ImportError(name)

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setattr(module, "import_module", imported)
    lock = taken(tmp_path)
    assert len(held) == int(windows)
    with subprocess.Popen(["sleep", "60"]) as other:
        if not windows:
            (tmp_path / LOCK).write_text(Owner(other.pid, start_time(other.pid), HERE).line())
        with pytest.raises(BusyError):
            taken(tmp_path)
        other.kill()
    if not windows:
        taken(tmp_path).release()
    lock.release()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("precious")
    (tmp_path / LOCK).symlink_to(tmp_path / "other")
    with pytest.raises(OSError, match="symbolic"):
        taken(tmp_path)
    assert (tmp_path / "other").read_text() == "precious"


def test_numbers_of_processes() -> None:
    assert [is_running(number) for number in (os.getpid(), os.getppid(), 2**22 + 1, 2**40)] == [
        True,
        True,
        False,
        False,
    ]
    assert [start_time(number) for number in (2**22 + 1, 2**40)] == ["", ""]
    assert Owner(os.getpid(), "", HERE).state() == "running"
    assert Owner(2**22 + 1, "", HERE).state() == "gone"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system has no /proc")
def test_a_killed_process_that_nobody_has_asked_for_its_exit_code_owns_nothing(tmp_path: Path) -> None:
    """Where the first process of a container asks for none, it stays listed for good."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = start_time(child.pid)
    assert started
    (tmp_path / LOCK).write_text(Owner(child.pid, started, socket.gethostname(), "").line())
    owner = owner_of(tmp_path)
    assert owner is not None
    assert owner.state() == "running"
    child.kill()
    # Ended, and still listed: this asks without taking the exit code.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Path(f"/proc/{child.pid}/stat").exists()
    assert (start_time(child.pid), owner.state()) == ("", "gone")
    FolderLock(tmp_path, patience=0, says=str).release(remove=True)
    child.wait()
