"""Searches as a user starts them."""

import csv
import json
from pathlib import Path
from typing import Any

import optuna

from tests.lines import run_lines
from tests.sweeps.real import QUICK, command, manifest, run, sweep_folder
from tests.training.runs import TINY, read_json

RATE = "optimizer.lr=log(1e-4,1e-2)"


def test_what_is_wrong_is_said_before_anything_is_written() -> None:
    """Without torch; and without optuna where nothing is searched."""
    search = ["sweep=optuna", "sweep.engine=local"]
    lines = [
        ["-m", RATE],
        [RATE],
        ["sweep.trials=3"],
        ["check", *search, RATE],
        ["sweep=optuna", "sweep.engine=slurm", RATE],
        ["--help"],
        [*search, "seed=0,1"],
        ["-m", *search, "model=cunet"],
        [*search, "model.base=log(2,8)"],
        [*search, "optimizer.lrr=log(1e-4,1e-2)"],
        [*search, "model=cunet,uunet"],
        [*search, RATE, "sweep.trials=0"],
        [*search, "loss=bce,dice", "monitor=val/loss"],
        [*search, RATE, "sweep.storage=sqlite:///none/x.db", "sweep.study=s"],
        [*search, RATE, "model=cunet,unet", "--cfg", "job"],
    ]
    answers = run_lines(lines)
    assert [answer.code for answer in answers] == [2, 2, 2, 2, 2, 0, 2, 2, 2, 2, 2, 2, 2, 2, 0]
    assert [answer.files for answer in answers] == [[]] * len(lines)
    said = [answer.err for answer in answers]
    refused = f"segexp: {RATE}: a range is for a search: python -m segexp sweep=optuna ...\n"
    assert said[0] == said[1] == said[3] == refused
    assert said[2] == "segexp: sweep.trials: is a key of a search; add sweep=optuna\n"
    assert "sweep.jobs: found auto with sweep.engine=slurm; give the number of trials at a time" in said[4]
    assert "seed cannot be searched: it would pick the lucky one" in said[6]
    assert "sweep=optuna: found nothing to search; give ranges, such as 'optimizer.lr=log(1e-4,1e-2)'" in said[7]
    assert "model.base: found 2.0, expected a whole number" in said[8]
    assert "optimizer.lrr: no such key. Did you mean 'optimizer.lr'?" in said[9]
    assert "model=uunet: no such option. Did you mean 'unet'?" in said[10]
    assert "sweep.trials: found 0, expected a whole number" in said[11]
    assert "values of different losses cannot be compared; use another measure: monitor=val/miou" in said[12]
    assert "sweep.storage: cannot open sqlite:////" in said[13]
    assert "lr: 0.0001" in answers[14].out
    assert "trials: 50" in answers[14].out
    # Of numpy, optuna itself has need.
    assert {name for answer in answers for name in answer.heavy} <= {"numpy"}
    assert answers[12].heavy == []


SPOILT = "{_target_: tests.training.parts.Spoil, epoch: 0}"
SEARCH = (
    "sweep=optuna", "sweep.study=tiny", "sweep.sampler=random", "sweep.startup=2", "sweep.warmup=0", "sweep.jobs=2",
    "sweep.seed=229", "optimizer.lr=log(1e-4,1e-2)", f"callbacks.extra=[],[{SPOILT}]", "monitor=val/loss",
)  # fmt: skip


def test_a_search_prunes_resumes_by_name_and_tells_the_best() -> None:
    """With this seed the third trial has the highest rate, and so the lowest loss; the fourth is a spoilt one.

    It is asked when two of the others have finished: whichever these are, their loss is far below its own.
    """
    done = run(command(*SEARCH, "sweep.trials=4"))
    assert done.returncode == 0, done.stdout + done.stderr
    folder = sweep_folder()
    assert folder == Path("outputs/multirun/tiny")
    states = [job["state"] for job in manifest(folder)]
    assert states == ["finished", "finished", "finished", "pruned"]
    trials = optuna.load_study(study_name="tiny", storage=f"sqlite:///{folder}/study.db").trials
    told(folder, states, trials)
    pruned = manifest(folder)[3]
    assert "Spoil" in " ".join(pruned["overrides"])
    assert read_json(folder / pruned["folder"] / "run.json")["state"] == "pruned"
    assert "pruned after epoch 1 by the median pruner: val/loss" in done.stdout
    finished = [trial for trial in trials if trial.value is not None and trial.state.name == "COMPLETE"]
    best = min(finished, key=lambda trial: trial.value or 0)
    assert f"best          trial {best.number}, val/loss {best.value:.4f}, optimizer.lr=" in done.stdout
    assert f"optimizer.lr={best.params['optimizer.lr']!r}" in done.stdout
    summary = (folder / "summary.md").read_text()
    assert "(pruned)" in summary
    assert "3 finished, 1 pruned" in (folder / "summary.html").read_text()
    assert f"Best trial by validation: {best.number}, val/loss {best.value:.4f}, `optimizer.lr=" in summary
    goes_on(folder)


def told(folder: Path, states: list[str], trials: list[Any]) -> None:
    """Manifest, study and table say the same."""
    names = {"finished": "COMPLETE", "pruned": "PRUNED"}
    assert [trial.state.name for trial in trials] == [names[state] for state in states]
    with (folder / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["state"] for row in rows] == states
    for job, trial, row in zip(manifest(folder), trials, rows, strict=True):
        config = json.loads((folder / "jobs" / f"{job['number']:03d}" / "job.json").read_text())
        assert config["trial"]["number"] == job["trial"] == trial.number
        assert row["folder"] == str(folder / job["folder"])
        if job["state"] == "finished":
            best = read_json(folder / job["folder"] / "results.json")["checkpoint"]
            assert (best["monitor"], best["value"]) == ("val/loss", trial.value)
            assert trial.intermediate_values.keys() == {1, 2}
            assert trial.value == min(trial.intermediate_values.values())
        else:
            assert trial.intermediate_values.keys() == {1}


def goes_on(folder: Path) -> None:
    """By its name, with nothing left to do; by other words: refused."""
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*_*/run.json")}
    same = [*TINY, *QUICK, *SEARCH, "sweep.trials=4", "sweep.engine=local"]
    answers = run_lines([same, [*same, "optimizer.weight_decay=0"], [f"sweep.resume={folder}", "loss=bce,dice"]])
    assert [answer.code for answer in answers] == [0, 2, 2]
    assert "study         tiny, 4 of 4 trials so far" in answers[0].out
    assert "best          trial " in answers[0].out
    assert "torch" not in answers[0].heavy
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert "a search goes on as it began: leave these words out" in answers[1].err
    assert "a search goes on as it began: leave these words out" in answers[2].err
