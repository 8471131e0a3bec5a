"""The file of a sweep's jobs, whole or with changes beside it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from segexp.errors import DataError, StoredError
from segexp.runs.manifest_files import CHANGES, MANIFEST, read_manifest
from segexp.sweeps import manifest as manifests
from segexp.sweeps.manifest import LONGEST_PAUSE, PAUSE, Entry, Manifest


def entry(number: int) -> Entry:
    return Entry(number, "k", "l\nä", ["a=1", 'b="x"'], {}, f"{number:03d}", error="a\nb")


@pytest.mark.parametrize("facts", [{}, {"command": "x\ny", "engine": {"places": 2, "gpus": []}}])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_texts_that_are_kept_are_those_of_the_whole(facts: dict[str, Any], count: int, tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, facts, {number: entry(number) for number in range(count)})
    manifest.write()
    for number in range(count):
        manifest.change(number, state="finished", seconds=1.5)
    whole = {**facts, "jobs": [asdict(each) for each in manifest]}
    manifest.catch_up(at_once=True)
    assert (tmp_path / MANIFEST).read_text(encoding="utf-8") == json.dumps(whole, indent=2) + "\n"
    assert Manifest.read(tmp_path).entries == manifest.entries


def test_a_change_makes_the_text_of_one_job_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep of a thousand jobs writes its file hundreds of times."""
    monkeypatch.setattr(manifests, "PAUSE", 0)
    manifest = Manifest(tmp_path, {}, {number: entry(number) for number in range(50)})
    manifest.write()
    with mock.patch("segexp.sweeps.manifest.asdict", wraps=asdict) as made:
        manifest.change(7, state="running")
        manifest.change(8, state="running")
    assert [call.args[0].number for call in made.call_args_list] == [7, 8]


class Clock:
    """Time that goes on by what is written: so many seconds for the whole file."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, costs: float) -> None:
        self.now, self.costs, self.written = 1000.0, costs, 0
        write = manifests.replace_file

        def slow(path: Path, content: bytes) -> Path:
            self.now += self.costs
            self.written += 1
            return write(path, content)

        monkeypatch.setattr(manifests, "replace_file", slow)
        monkeypatch.setattr(manifests, "monotonic", lambda: self.now)


def held(folder: Path) -> list[str]:
    """States in manifest.json alone."""
    return [job["state"] for job in json.loads((folder / MANIFEST).read_text())["jobs"]]


def test_what_changes_rarely_is_in_the_file_at_once_and_the_rest_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(monkeypatch, costs=0.01)
    manifest = Manifest(tmp_path, {}, {number: entry(number) for number in range(4)})
    manifest.change(0, state="running")
    assert (held(tmp_path)[0], (tmp_path / CHANGES).exists()) == ("running", False)
    manifest.change(1, state="running")
    manifest.change(0, state="finished", seconds=2.5)
    manifest.catch_up()
    assert held(tmp_path) == ["running", "waiting", "waiting", "waiting"]
    assert Manifest.read(tmp_path).entries == manifest.entries
    assert [job["state"] for job in read_manifest(tmp_path)["jobs"]] == ["finished", "running", "waiting", "waiting"]
    clock.now += PAUSE * 0.01
    manifest.catch_up()
    assert (held(tmp_path), (tmp_path / CHANGES).exists()) == ([each.state for each in manifest], False)
    clock.now += LONGEST_PAUSE
    manifest.catch_up()
    assert clock.written == 2
    manifest.change(2, state="running")
    assert held(tmp_path)[2] == "running"
    assert [manifest.count("running"), manifest.count("finished", "failed")] == [2, 1]


@pytest.mark.parametrize("jobs", [100, 1000])
def test_the_whole_file_takes_a_fiftieth_of_the_time_however_many_jobs_there_are(
    jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten jobs end in a second, and to write them takes as long as there are jobs."""
    for name in ("replace_file", "append_change", "forget_changes"):
        monkeypatch.setattr(manifests, name, lambda *words: None)
    clock = Clock(monkeypatch, costs=jobs * 1e-5)
    manifest = Manifest(tmp_path, {}, {number: Entry(number, "k", "l", [], {}, f"{number}") for number in range(jobs)})
    start = clock.now
    for number in range(jobs):
        clock.now += 0.1
        manifest.change(number, state="finished")
    assert clock.written * clock.costs <= (clock.now - start) / PAUSE + clock.costs
    assert clock.written > jobs / 10


def test_a_slow_disk_delays_the_file_for_some_seconds_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch, costs=60.0)
    manifest = Manifest(tmp_path, {}, {0: entry(0)})
    manifest.write()
    manifest.change(0, state="running")
    clock.now += LONGEST_PAUSE
    manifest.catch_up()
    assert held(tmp_path) == ["running"]


@pytest.fixture
def behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """A manifest whose file does not hold the last change."""
    monkeypatch.setattr(manifests, "PAUSE", 1e9)
    manifest = Manifest(tmp_path, {"command": "x"}, {number: entry(number) for number in range(2)})
    manifest.write()
    manifest.change(1, state="running", attempts=1)
    return manifest


def test_who_goes_on_writes_all_into_the_file(behind: Manifest) -> None:
    """Also where a kill came in the middle of a line, or when the file was written and the changes were still there."""
    stale = (behind.folder / CHANGES).read_bytes()
    for rest in (b"", b'{"number": 0, "st', stale):
        (behind.folder / CHANGES).write_bytes(stale + rest)
        manifest = Manifest.read(behind.folder)
        assert manifest.entries == behind.entries
        assert manifest.facts == {"command": "x"}
        manifest.reconcile()
        assert (held(behind.folder), (behind.folder / CHANGES).exists()) == (["waiting", "interrupted"], False)
        assert Manifest.read(behind.folder).entries[1].attempts == 1


@pytest.mark.parametrize("is_read_anew", [False, True])
def test_a_kill_between_the_file_and_the_end_of_the_changes_brings_no_old_state_back(
    behind: Manifest, monkeypatch: pytest.MonkeyPatch, is_read_anew: bool
) -> None:
    manifest = Manifest.read(behind.folder) if is_read_anew else behind
    manifest._due = 0.0
    monkeypatch.setattr(manifests, "forget_changes", lambda folder: None)
    manifest.change(1, state="finished")
    assert held(behind.folder) == ["waiting", "finished"]
    assert (behind.folder / CHANGES).is_file()
    assert Manifest.read(behind.folder).entries[1].state == "finished"


def test_a_stranger_s_change_is_checked_as_the_manifest_is(behind: Manifest) -> None:
    job = asdict(entry(1))
    path = behind.folder / CHANGES
    for line, why in (
        ({**job, "folder": "../x"}, rf"{CHANGES}: jobs\.1\.folder: found '\.\./x', which leads out"),
        ({**job, "folder": "x" * 5000}, rf"{CHANGES}: jobs\.1\.folder: found 'x+…x+', a name that no file can have"),
        ({**job, "more": 1}, f"{CHANGES}: is no manifest of segexp: .*'more'"),
        ({"number": 1}, f"{CHANGES}: is no manifest of segexp: .*missing 5"),
        ({**job, "state": []}, rf"{CHANGES}: is no manifest of segexp: state of a job is \[\], expected waiting"),
        ([], f"{CHANGES}: a line is no job with a number"),
    ):
        path.write_text(json.dumps(line) + "\n")
        with pytest.raises((DataError, StoredError), match=why) as caught:
            Manifest.read(behind.folder)
        assert "\n" not in str(caught.value)


def test_a_folder_that_cannot_be_written_keeps_what_it_has(behind: Manifest, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {path.name: path.read_bytes() for path in behind.folder.iterdir()}

    def refuse(path: Path | None = None, *flags: int, **keys: Any) -> int:
        raise OSError(30, "Read-only file system", path)

    monkeypatch.setattr("os.open", refuse)
    monkeypatch.setattr("tempfile.mkstemp", refuse)
    for change in (lambda: behind.change(0, state="running"), behind.write):
        with pytest.raises(OSError, match=r"Read-only file system: .*manifest.*json"):
            change()
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in behind.folder.iterdir()} == before
