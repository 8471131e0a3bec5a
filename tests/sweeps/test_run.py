"""Runs sweeps with an engine without processes: order, endings, Ctrl-C, and a power cut between any two writes."""

import io
import json
import os
import signal
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from segexp.errors import Interrupted
from segexp.runs.files import replace_file
from segexp.runs.manifest_files import CHANGES, MANIFEST
from segexp.sweeps import manifest as manifests
from segexp.sweeps import run
from segexp.sweeps.display import Display
from segexp.sweeps.engines.base import Ended
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.manifest import LONGEST_PAUSE, Manifest
from segexp.sweeps.run import Runner
from segexp.sweeps.start import told_when_interrupted
from tests.sweeps.made import Power, PowerCut, Pretend, create, seeds


def go(folder: Path, engine: Pretend) -> tuple[int, str]:
    """Runs what is left; exit code and what was said."""
    manifest = Manifest.read(folder)
    manifest.reconcile()
    out = io.StringIO()
    code = Runner(manifest, engine, Display(manifest, out)).run()
    return code, out.getvalue()


def states(folder: Path) -> list[str]:
    return [entry.state for entry in Manifest.read(folder)]


def test_all_finish_in_the_order_of_the_grid(tmp_path: Path) -> None:
    create(tmp_path, seeds(0, 1, 2, 3, 4))
    engine = Pretend(tmp_path)
    code, out = go(tmp_path, engine)
    assert code == 0
    assert engine.started == [0, 1, 2, 3, 4]
    assert states(tmp_path) == ["finished"] * 5
    entry = Manifest.read(tmp_path).entries[3]
    assert (entry.attempts, entry.seconds, entry.memory_mb, entry.gpu, entry.error) == (1, 1.0, 100, "1", None)
    assert entry.started is not None
    assert "job   3  started      seed=3" in out
    assert "(5 of 5)" in out
    assert "to go on" not in out


def test_a_failed_job_is_told_at_once_and_the_rest_goes_on(tmp_path: Path) -> None:
    create(tmp_path, seeds(0, 1, 2, 3))
    code, out = go(tmp_path, Pretend(tmp_path, {0: "finished", 1: "failed", 2: "killed", 3: "finished"}.__getitem__))
    assert code == 1
    assert states(tmp_path) == ["finished", "failed", "failed", "finished"]
    lines = out.splitlines()
    at = lines.index("job   1  FAILED       seed=1")
    assert lines[at + 1 : at + 4] == ["    Oops: no", "    really", f"    log  {tmp_path}/jobs/001/output.log"]
    assert at < lines.index("job   3  started      seed=3")
    assert "2 of 4 jobs failed:" in lines
    assert lines[-1] == f"to go on: python -m segexp sweep.resume={tmp_path}"
    killed = json.loads((tmp_path / "jobs/002/failed.json").read_text())
    assert "killed by SIGKILL; was the memory short?" in killed["error"]
    engine = Pretend(tmp_path)
    code, out = go(tmp_path, engine)
    assert (code, engine.started) == (0, [1, 2])
    assert "job   1  goes on" in out
    assert [entry.attempts for entry in Manifest.read(tmp_path)] == [1, 2, 2, 1]


def test_ctrl_c_keeps_what_waits_and_a_second_one_kills(tmp_path: Path) -> None:
    create(tmp_path, seeds(0, 1, 2, 3))

    def press(number: int) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "finished"

    before = signal.getsignal(signal.SIGTERM)
    engine = Pretend(tmp_path, press)
    code, out = go(tmp_path, engine)
    assert (code, engine.said) == (130, ["interrupt"])
    assert signal.getsignal(signal.SIGTERM) is before
    assert states(tmp_path) == ["finished", "interrupted", "waiting", "waiting"]
    assert "stopping: running jobs keep their last epoch" in out
    assert out.endswith(f"to go on: python -m segexp sweep.resume={tmp_path}\n")


def test_ctrl_c_before_the_first_job_tells_how_to_go_on(tmp_path: Path) -> None:
    create(tmp_path, seeds(0, 1))
    with (
        pytest.raises(
            Interrupted, match=rf"^interrupted; to go on: python -m segexp sweep\.resume={tmp_path}$"
        ) as told,
        told_when_interrupted(Manifest.read(tmp_path)),
    ):
        raise KeyboardInterrupt
    assert told.value.exit_code == 130
    assert go(tmp_path, Pretend(tmp_path))[0] == 0
    assert states(tmp_path) == ["finished", "finished"]


def test_a_second_ctrl_c_kills(tmp_path: Path) -> None:
    create(tmp_path, seeds(0, 1, 2, 3))

    class Stubborn(Pretend):
        def wait(self, seconds: float) -> list[Ended]:
            if "kill" in self.said:
                return super().wait(seconds)
            os.kill(os.getpid(), signal.SIGTERM)
            return []

    engine = Stubborn(tmp_path)
    code, _ = go(tmp_path, engine)
    assert (code, engine.started, engine.said) == (130, [0, 1], ["interrupt", "kill"])
    assert states(tmp_path) == ["interrupted", "interrupted", "waiting", "waiting"]


def test_an_engine_that_dies_leaves_its_jobs_interrupted(tmp_path: Path) -> None:
    create(tmp_path, seeds(0, 1, 2))
    engine = Pretend(tmp_path)
    engine.wait = lambda seconds: (_ for _ in ()).throw(OSError("gone"))  # type: ignore[method-assign]
    with pytest.raises(OSError, match="gone"):
        go(tmp_path, engine)
    assert states(tmp_path) == ["interrupted", "interrupted", "waiting"]


def test_a_job_whose_end_could_not_be_written_down_is_not_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two jobs end at once; the disk is full at the first, and takes a little right after."""
    create(tmp_path, seeds(0, 1, 2))
    append = manifests.append_change

    def full(folder: Path, job: dict[str, Any]) -> None:
        if job["state"] == "finished":
            raise OSError(28, "No space left on device", str(folder / CHANGES))
        append(folder, job)

    class Both(Pretend):
        def wait(self, seconds: float) -> list[Ended]:
            return [*super().wait(seconds), *super().wait(seconds)]

    manifest = Manifest.read(tmp_path)
    monkeypatch.setattr(manifests, "append_change", full)
    monkeypatch.setattr(manifests, "monotonic", lambda: manifest._due - 1)
    with pytest.raises(OSError, match="No space left on device"):
        Runner(manifest, Both(tmp_path), Display(manifest, io.StringIO())).run()
    monkeypatch.undo()
    assert states(tmp_path) == ["finished", "interrupted", "waiting"]
    engine = Pretend(tmp_path)
    assert go(tmp_path, engine)[0] == 0
    assert engine.started == [2]
    assert [(entry.state, entry.attempts) for entry in Manifest.read(tmp_path)] == [("finished", 1)] * 3


@pytest.mark.parametrize("dies", [False, True])
def test_all_is_in_the_manifest_at_the_end(dies: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the sweep ends, but by a kill; meanwhile changes stand beside it, and are written though none comes."""
    create(tmp_path, seeds(0, 1, 2))
    now = [1000.0]

    def write(path: Path, content: bytes) -> Path:
        now[0] += 1
        return replace_file(path, content)

    monkeypatch.setattr(manifests, "monotonic", lambda: now[0])
    monkeypatch.setattr(manifests, "replace_file", write)
    seen: list[tuple[list[str], bool]] = []

    class Slow(Pretend):
        def wait(self, seconds: float) -> list[Ended]:
            content = json.loads((tmp_path / MANIFEST).read_text())
            seen.append(([job["state"] for job in content["jobs"]], (tmp_path / CHANGES).exists()))
            now[0] += LONGEST_PAUSE
            if dies and len(seen) == 3:
                raise OSError("gone")
            return super().wait(seconds) if len(seen) > 2 else []

    with pytest.raises(OSError, match="gone") if dies else nullcontext():
        manifest = Manifest.read(tmp_path)
        Runner(manifest, Slow(tmp_path), Display(manifest, io.StringIO())).run()
    assert seen[:2] == [(["running", "waiting", "waiting"], True), (["running", "running", "waiting"], False)]
    assert not (tmp_path / CHANGES).exists()
    ends = ["interrupted", "interrupted", "waiting"] if dies else ["finished"] * 3
    assert [job["state"] for job in json.loads((tmp_path / MANIFEST).read_text())["jobs"]] == ends


def test_finished_results_that_are_gone_are_made_again(tmp_path: Path) -> None:
    create(tmp_path, seeds(0, 1))
    go(tmp_path, Pretend(tmp_path))
    manifest = Manifest.read(tmp_path)
    (tmp_path / manifest.entries[1].folder / "results.json").unlink()
    (note,) = manifest.reconcile()
    assert "job 1" in note
    assert "runs again" in note
    engine = Pretend(tmp_path)
    assert go(tmp_path, engine)[0] == 0
    assert engine.started == [1]


@pytest.mark.parametrize("pause", [0, 4])
def test_a_power_cut_between_any_two_writes(pause: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each write in turn the power goes; then the sweep is started or resumed until it is done."""
    ending = {0: "finished", 1: "failed", 2: "killed", 3: "interrupted", 4: "finished"}
    power = Power(monkeypatch, pause)
    cuts = 0
    for count in range(1000):
        folder = tmp_path / str(count)
        power.left = count
        try:
            create(folder, seeds(*range(5)))
            go(folder, Pretend(folder, ending.__getitem__))
            break
        except PowerCut:
            cuts += 1
        power.left = None
        if not (folder / "manifest.json").exists():
            continue
        before = {e.number: e.attempts for e in Manifest.read(folder)}
        finished = {n for n in range(5) if (JobFiles(folder, n).outcome() or [None])[0] == "finished"}
        engine = Pretend(folder)
        assert go(folder, engine)[0] == 0
        assert states(folder) == ["finished"] * 5
        assert finished.isdisjoint(engine.started)
        assert len(set(engine.started)) == len(engine.started) == 5 - len(finished)
        after = Manifest.read(folder)
        assert all(e.attempts == before[e.number] + (e.number in engine.started) for e in after)
        assert [e.key for e in after] == [job.key for job in seeds(*range(5))]
    assert cuts > 25
    assert power.added == bool(pause)


def test_display_on_a_terminal_draws_running_jobs_and_takes_them_away(tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    manifest = create(tmp_path, seeds(0, 1, 2))
    manifest.change(0, state="running")
    manifest.change(1, state="finished", seconds=60.0)
    JobFiles(tmp_path, 0).output.write_text("epoch 1/9 train/loss 0.5\n\nepoch 2/9 train/loss 0.4\n\n")
    out = Terminal()
    display = Display(manifest, out)
    display.refresh(places=1)
    drawn = out.getvalue().splitlines()
    assert drawn == [
        "job   0  running      seed=0  epoch 2/9 train/loss 0.4",
        "1 finished, 1 running, 1 waiting; 0:00 so far, about 2:00 to go",
    ]
    display.refresh(places=1)
    assert out.getvalue().splitlines() == drawn
    display.event(manifest.entries[0], "finished", "0.9")
    assert out.getvalue().endswith("\x1b[2F\x1b[Jjob   0  finished     seed=0  0.9\n")


def test_headline_and_clock(tmp_path: Path) -> None:
    from segexp.sweeps.display import clock, describe_result

    assert [clock(5), clock(65.4), clock(3725)] == ["0:05", "1:05", "1:02:05"]
    assert describe_result(tmp_path) == ""
    content: dict[str, Any] = {
        "checkpoint": {"monitor": "val/miou", "value": 0.5},
        "rows": [{"dataset": {"miou": 0.25}}],
    }
    (tmp_path / "results.json").write_text(json.dumps(content))
    assert describe_result(tmp_path) == "val/miou 0.5000, test mean IoU 0.2500"
    assert run.INTERRUPTED == 130
