"""``-m``: a folder per job, one job does not touch another."""

import os
import subprocess
import sys
from pathlib import Path

from tests.training.runs import TINY, folders, read_json

QUICK = ("panels=0", "baselines=false")


def sweep(*overrides: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "segexp", *TINY, *QUICK, "-m", *overrides],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, check=False, env={**os.environ},
    )  # fmt: skip


def test_two_losses_make_two_runs() -> None:
    done = sweep("loss=bce,bce_jaccard")
    assert done.returncode == 0, done.stderr
    first, second = folders()
    assert first.parent == second.parent
    assert first.parent.parent == Path("outputs/multirun")
    assert list(Path("outputs").iterdir()) == [Path("outputs/multirun")]
    assert not Path("multirun").exists()
    for number, (folder, loss) in enumerate(((first, "bce"), (second, "bce_jaccard"))):
        record = read_json(folder / "run.json")
        assert (record["state"], record["job"], record["choices"]["loss"]) == ("finished", number, loss)
        assert f"loss={loss}" in record["overrides"]
        assert (folder / "results.json").is_file()
        log = (folder / "log.txt").read_text()
        assert log.count("epoch 1/2 ") == log.count("epoch 2/2 ") == log.count("INFO run folder") == 1
    assert first.name not in (second / "log.txt").read_text()
    assert read_json(first / "results.json")["rows"][0] != read_json(second / "results.json")["rows"][0]
    assert done.stdout.count("epoch 2/2 ") == 2


def test_a_job_that_fails_does_not_stop_the_next() -> None:
    done = sweep("loss=bce", "loss.pos_weight=-1,2")
    assert done.returncode == 2
    assert "segexp: loss.pos_weight: found -1" in done.stderr
    assert "Traceback" not in done.stderr
    (folder,) = folders()
    record = read_json(folder / "run.json")
    assert (record["state"], record["job"]) == ("finished", 1)
