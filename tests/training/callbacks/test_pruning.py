"""A trial of a search inside its run: what the study is told of it, and how it ends early."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from segexp.config.schema import SearchConfig
from segexp.errors import Pruned
from segexp.invocation import Invocation
from segexp.sweeps.search.study import open_study
from segexp.system.optuna_storage import storage_url
from tests.training.runs import checkpoint, composed, folders, read_json, run, table

SEARCH: dict[str, Any] = {"sampler": "random", "startup": 1, "seed": 0}
SETTINGS = {"sampler": "random", "pruner": "median", "startup": 1, "warmup": 2, "seed": 0, "epochs": 4}


def trial_of(sweep: Path, before: float) -> tuple[optuna.Study, dict[str, Any]]:
    """A study with one finished trial that had the same value after each epoch, and another that runs."""
    study = open_study("s", storage_url(None, sweep), "max", SearchConfig(**SEARCH), SETTINGS)
    done = study.ask()
    for epoch in range(1, 5):
        done.report(before, epoch)
    study.tell(done, before)
    number = study.ask().number
    return study, {"study": "s", "storage": None, "number": number, **SETTINGS}


def train(sweep: Path, trial: dict[str, Any], **changes: Any) -> Any:
    return run(composed("trainer.max_epochs=4", "metric=none"), invocation=Invocation(sweep_dir=sweep, trial=trial))


def test_a_trial_below_the_median_ends_after_the_warmup(tmp_path: Path) -> None:
    study, trial = trial_of(tmp_path, before=1.0)
    with pytest.raises(Pruned, match=r"pruned after epoch 2 by the median pruner: val/miou 0\.\d{4}"):
        train(tmp_path, trial)
    (folder,) = folders()
    rows = table(folder / "metrics.csv")
    assert study.trials[1].intermediate_values == {n + 1: float(row["val/miou"]) for n, row in enumerate(rows)}
    assert len(rows) == 2
    record = read_json(folder / "run.json")
    assert record["state"] == "pruned"
    assert record["ended_by"].startswith("pruned after epoch 2 by the median pruner: val/miou")
    assert checkpoint(folder, "last")["epoch"] == 1
    assert not (folder / "results.json").exists()
    # The sweep tells how it ended, after the manifest.
    assert study.trials[1].state == TrialState.RUNNING


def test_a_good_trial_is_told_and_tested(tmp_path: Path) -> None:
    study, trial = trial_of(tmp_path, before=0.0)
    done = train(tmp_path, trial)
    assert done.record["state"] == "finished"
    assert list(study.trials[1].intermediate_values.values()) == [float(row["val/miou"]) for row in done.rows]
    assert done.content["checkpoint"]["value"] == max(study.trials[1].intermediate_values.values())


def test_the_last_epoch_is_told_but_not_pruned(tmp_path: Path) -> None:
    study, trial = trial_of(tmp_path, before=1.0)
    done = train(tmp_path, {**trial, "warmup": 4})
    assert done.record["state"] == "finished"
    assert len(study.trials[1].intermediate_values) == 4


def test_a_study_that_is_gone_ends_no_training(tmp_path: Path) -> None:
    _, trial = trial_of(tmp_path, before=1.0)
    (tmp_path / "study.db").unlink()
    done = train(tmp_path, trial)
    assert done.record["state"] == "finished"
    assert (done.path / "log.txt").read_text().count("the study cannot be told of this trial, which is not pruned") == 1
