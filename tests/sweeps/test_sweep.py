"""``-m`` with real jobs: a process and a folder each, as if each had been started alone."""

import json
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from tests.lines import run_lines
from tests.sweeps.real import PART, QUICK, command, environment, manifest, results, resume, sweep, sweep_folder
from tests.training.runs import TINY, checkpoint, go, read_json, same_weights, table, without


def test_jobs_are_what_they_would_be_alone() -> None:
    done = sweep("loss=bce,bce_jaccard", "seed=0,1", "sweep.gpus=[7,9]", PART % "Seen")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = sweep_folder()
    assert list(Path("outputs").iterdir()) == [Path("outputs/multirun")]
    assert not Path("multirun").exists()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_[0-9a-f]{4}", folder.name)
    jobs = manifest(folder)
    assert [job["label"] for job in jobs] == [
        f"loss={loss} seed={seed}" for loss in ("bce", "bce_jaccard") for seed in (0, 1)
    ]
    assert {job["state"] for job in jobs} == {"finished"}
    for job in jobs:
        record, choices = read_json(folder / job["folder"] / "run.json"), job["choices"]
        assert (record["state"], record["job"], record["choices"]) == ("finished", job["number"], choices)
        assert job["label"].split()[0] == f"loss={choices['loss']}" in record["overrides"]
        assert not [override for override in record["overrides"] if override.startswith("sweep")]
        assert record["threads"] == 1
        log = (folder / job["folder"] / "log.txt").read_text()
        assert log.count("epoch 1/2 ") == log.count("epoch 2/2 ") == log.count("INFO run folder") == 1
        assert (folder / "jobs" / f"{job['number']:03d}" / "output.log").read_text().count("epoch 2/2 ") == 1
        seen = yaml.safe_load((folder / job["folder"] / "seen.yaml").read_text())
        assert seen == {"gpu": job["gpu"], "cores": "1", "read": "taken over"}
    # One at a time on each GPU, and the next job gets the one that is free.
    assert {jobs[0]["gpu"], jobs[1]["gpu"]} == {jobs[2]["gpu"], jobs[3]["gpu"]} == {"7", "9"}
    memory = [job["memory_mb"] for job in jobs]
    assert max(memory) < 1.05 * min(memory)
    assert done.stdout.count("finished") == 4
    alone = go("loss=bce_jaccard", "seed=1", *QUICK)
    last = results(folder)[jobs[3]["folder"]]
    for part in ("checkpoint", "threshold", "rows", "confusion", "notes"):
        assert alone.content[part] == last["results"][part]
    assert without(alone.rows, "seconds") == last["metrics"]
    go_on_with_a_finished_one(folder)


def go_on_with_a_finished_one(folder: Path) -> None:
    """The same grid in another order is done already; another one is refused; nothing changes."""
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
    same = ["-m", *TINY, *QUICK, "seed=1,0", "loss=bce,bce_jaccard", PART % "Seen", f"sweep.resume={folder}"]
    other = ["-m", *TINY, *QUICK, "seed=1,0", "loss=bce,dice", PART % "Seen", f"sweep.resume={folder}"]
    answers = run_lines([same, [f"sweep.resume={folder}"], other, [*other[:-1], "optimizer.lr=1", other[-1]]])
    assert [answer.code for answer in answers] == [0, 0, 2, 2]
    for answer in answers[:2]:
        assert "so far        4 of 4 finished" in answer.out
        assert "job " not in answer.out
        # For the summary; never torch.
        assert (answer.err, answer.heavy) == ("", ["numpy"])
        assert f"summary       {folder}/summary.html" in answer.out
    assert "  only in the folder: loss=bce_jaccard seed=1\n" in answers[2].err
    assert "  only in the command: seed=0 loss=dice\n" in answers[2].err
    after = {path: path.stat().st_mtime_ns for path in before}
    changed = {path.name for path in before if after[path] != before[path]}
    assert changed == {"manifest.json", "summary.csv", "summary.md", "summary.html"}


def test_the_sweep_itself_imports_nothing_heavy() -> None:
    """And one that only asks, or is wrong, writes nothing."""
    lines = [
        ["seed=0", "sweep.resume=x", "--cfg", "job"],
        ["-m", "seed=0,1", "model.base=2,x"],
        ["-m", "seed=1,1"],
        ["-m", "sweep.jobs=1,2"],
        ["sweep.resume=nowhere"],
        ["-m", "seed=1,2", "hydra/launcher=joblib"],
    ]
    answers = run_lines(lines)
    assert [answer.code for answer in answers] == [0, 2, 2, 2, 2, 2]
    assert [answer.files for answer in answers] == [[]] * 6
    assert [answer.heavy for answer in answers] == [[]] * 6
    assert answers[1].err == (
        "segexp: model.base: found 'x', expected a whole number, a value of at least 1.\n"
        "  in the job seed=0 model.base=x and 1 more; no job was started\n"
    )
    assert "are the same experiment" in answers[2].err
    assert "sweep: found several values" in answers[3].err
    assert "sweep.resume: no file nowhere/manifest.json" in answers[4].err
    assert "segexp runs sweeps itself" in answers[5].err


def test_a_failed_job_shows_its_error_and_is_run_again() -> None:
    """Job 0 fails in its second epoch while there is no file, 2 and 3 ask for crops larger than the images."""
    done = sweep("datamodule.crop_size=16,64", "seed=0,1", PART % "FailWithoutFile", "sweep.jobs=1")
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    folder = sweep_folder()
    jobs = manifest(folder)
    assert [job["state"] for job in jobs] == ["failed", "finished", "failed", "failed"]
    assert jobs[0]["error"] == "RuntimeError: no file"
    failure = json.loads((folder / "jobs/000/failed.json").read_text())
    assert (failure["error"], failure["exit_code"], failure["log"]) == ("RuntimeError: no file", 1, "output.log")
    assert "Traceback" in failure["trace"][0]
    assert "Traceback" in (folder / "jobs/000/output.log").read_text()
    lines = done.stdout.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith("job   0  FAILED"))
    assert lines[at + 1 : at + 3] == ["    RuntimeError: no file", f"    log  {folder}/jobs/000/output.log"]
    assert lines[at + 3].startswith("job   1  started")
    assert "3 of 4 jobs failed:" in lines
    assert f"to go on: python -m segexp sweep.resume={folder}" in lines
    # What is wrong with config and data is told without a trace, and before there is a run folder.
    assert jobs[2]["error"].startswith("ConfigError: datamodule.crop_size: found 64")
    assert "Traceback" not in (folder / "jobs/002/output.log").read_text()
    assert not list(folder.glob("002_*"))
    again(folder)


def again(folder: Path) -> None:
    """The job that can finish now does; the one that had is left alone."""
    Path("file").touch()
    finished = {path: path.stat().st_mtime_ns for path in folder.glob("001_*/*")}
    done = resume(folder)
    assert done.returncode == 1, done.stdout
    jobs = manifest(folder)
    states = [("finished", 2), ("finished", 1), ("failed", 2), ("failed", 2)]
    assert [(job["state"], job["attempts"]) for job in jobs] == states
    assert {path: path.stat().st_mtime_ns for path in finished} == finished
    # What had failed is put away, where no table looks.
    assert (folder / "jobs/000/.attempt_1/run.json").is_file()
    assert not (folder / "jobs/000/failed.json").exists()


def test_ctrl_c_keeps_epochs_and_the_sweep_goes_on_from_them() -> None:
    long = ("trainer.max_epochs=20", "scheduler=none")
    line = command("-m", *long, "seed=0,1,2", "sweep.jobs=2")
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        wait_for_epoch(process)
        process.send_signal(signal.SIGINT)
        out = process.communicate(timeout=300)[0]
    assert process.returncode == 130, out
    folder = sweep_folder()
    jobs = manifest(folder)
    assert [job["state"] for job in jobs] == ["interrupted", "interrupted", "waiting"], [job["error"] for job in jobs]
    assert "stopping: running jobs keep their last epoch" in out
    assert out.rstrip().endswith(f"to go on: python -m segexp sweep.resume={folder}")
    for job in jobs[:2]:
        assert read_json(folder / job["folder"] / "run.json")["state"] == "interrupted"
        rows = table(folder / job["folder"] / "metrics.csv")
        assert 1 <= len(rows) < 20
        assert checkpoint(folder / job["folder"], "last")["epoch"] + 1 >= len(rows) - 1
    done = resume(folder)
    assert done.returncode == 0, done.stdout
    assert [(job["state"], job["attempts"]) for job in manifest(folder)] == [("finished", 2)] * 2 + [("finished", 1)]
    alone = go("seed=1", *long, *QUICK)
    resumed = folder / "001_seed-1"
    assert alone.content["rows"] == read_json(resumed / "results.json")["rows"]
    assert without(alone.rows, "seconds") == without(table(resumed / "metrics.csv"), "seconds")
    assert same_weights(alone.last, checkpoint(resumed, "last"))


def wait_for_epoch(process: "subprocess.Popen[str]") -> None:
    """Until two jobs have finished an epoch."""
    while process.poll() is None:
        logs = Path("outputs/multirun").glob("*/jobs/*/output.log")
        if sum("epoch  2/20" in log.read_text() for log in logs) == 2:
            return
        time.sleep(0.02)


@pytest.mark.slow
def test_threads_that_reading_leaves_behind() -> None:
    """A fork would wait for them for ever: such jobs import everything themselves, and give the same."""
    done = sweep("seed=0,1", "datamodule._target_=tests.training.parts.ThreadsWhileReading")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "note: the fork server has 2 threads, so jobs import everything themselves" in done.stdout
    folder = sweep_folder()
    alone = go("seed=1", *QUICK)
    assert alone.content["rows"] == read_json(folder / "001_seed-1" / "results.json")["rows"]
