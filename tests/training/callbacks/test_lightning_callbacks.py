"""Lightning's callbacks do what its documentation says: every row of docs/lightning.md, and what is refused before."""

import contextlib
import importlib.machinery
import io
import logging
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import callbacks as callbacks_of_lightning
from lightning.pytorch.callbacks import Callback, GradientAccumulationScheduler, StochasticWeightAveraging

from segexp.cli.app import run as run_line
from segexp.config.checks.monitors import check_monitors
from segexp.errors import ConfigError, MissingExtraError, SegexpError
from segexp.runs import checkpoints
from segexp.tasks.steps.planned import optimizer_steps
from segexp.training import training_run as training
from segexp.training.callbacks.checks import check_callbacks
from tests.lightning_page import merged, rows
from tests.training.runs import TINY, Done, composed, folders, go, same_weights, table

ROWS = rows("Callbacks")
APART = ("StochasticWeightAveraging", "BaseFinetuning")
"""Rows that train by themselves: they replace the schedule."""
QUICK = ("metric=[]", "bootstrap=0", "baselines=false", "panels=0", "trainer.progress=auto")
HERE = "my_parts.thaw", "tests.training.callbacks.thaw"


def words(row: str) -> list[str]:
    (found,) = (line for left, line in ROWS.items() if row in left)
    return [word.replace(*HERE) for word in found]


def psutil() -> ModuleType:
    module = ModuleType("psutil")
    module.__spec__ = importlib.machinery.ModuleSpec("psutil", None)
    return module


@contextlib.contextmanager
def with_psutil() -> Iterator[pytest.MonkeyPatch]:
    """The package is not installed here; figures of the processor come from a stub."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "psutil", psutil())
        patch.setattr("lightning.pytorch.callbacks.device_stats_monitor._PSUTIL_AVAILABLE", True)
        patch.setattr("lightning.pytorch.accelerators.cpu.get_cpu_stats", lambda: {"cpu_percent": 12.0})
        yield patch


Together = tuple[Done, Mapping[str, Any], str]


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Together:
    """One training with the callbacks of all rows that go together, and the callbacks themselves."""
    seen: dict[str, Callback] = {}
    lines = [words(row) for row in ROWS if not any(name in row for name in APART)]
    real = training.build_callbacks

    def building(experiment: Any) -> dict[str, Callback]:
        seen.update(real(experiment))
        return seen

    with with_psutil() as patch:
        patch.chdir(tmp_path_factory.mktemp("together"))
        patch.setattr(training, "build_callbacks", building)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            done = go(*QUICK, "trainer.max_epochs=4", *merged(lines, "callbacks"))
        return done, seen, said.getvalue()


def test_the_page_has_twelve_rows() -> None:
    assert len(ROWS) == 12


def test_files_of_a_model_checkpoint_lie_in_the_run_folder(together: Together) -> None:
    done, *_ = together
    assert len(list((done.path / "extra").glob("epoch=00[0123].ckpt"))) == 2
    assert not (done.path / "rescued").exists()  # there was no exception


def test_the_best_of_a_model_checkpoint_is_the_best_by_monitor(together: Together) -> None:
    done, callbacks, _ = together
    keeper = callbacks["model_checkpoint"]
    assert keeper.mode == "max"  # the direction of val/miou
    assert keeper.best_model_score == max(float(row["val/miou"]) for row in done.rows)
    kept = torch.load(done.path / "extra" / Path(keeper.best_model_path).name, weights_only=True)
    assert same_weights(kept, done.best)


def test_rates_and_figures_of_the_device_are_logged(together: Together) -> None:
    _, callbacks, _ = together
    rates = callbacks["learning_rate_monitor"].lrs["lr-AdamW"]
    assert len(rates) == 4
    assert max(rates) > rates[-1] > 0
    steps = table(together[0].path / "steps.csv")
    assert [float(row["lr-AdamW"]) for row in steps if row["lr-AdamW"]] == pytest.approx(rates)
    for hook in ("on_train_batch_start", "on_train_batch_end"):
        assert {row[f"DeviceStatsMonitor.{hook}/cpu_percent"] for row in steps} >= {"12.0"}


def test_the_schedule_is_as_long_as_the_steps_of_an_accumulation(together: Together) -> None:
    """Two batches an epoch: 2 steps in the first one, one in each later one; one cycle ends at its last step."""
    done, *_ = together
    schedule = done.last["lr_schedulers"][0]
    assert (schedule["total_steps"], schedule["last_epoch"], done.last["global_step"]) == (5, 5, 5)
    assert float(done.rows[-1]["lr"]) < float(done.rows[0]["lr"])


def test_a_table_of_the_network_is_printed(together: Together) -> None:
    parameters = together[0].record["model"]["parameters"]
    assert re.search(rf"Total params[^0-9]*{parameters}\b", together[2])
    assert "model.encoder" in together[2]
    # The plain one goes by the log of Lightning, whose other lines are not shown.
    assert logging.getLogger("lightning.pytorch.callbacks.model_summary").isEnabledFor(logging.INFO)
    assert not logging.getLogger("lightning.pytorch").isEnabledFor(logging.INFO)


def test_one_bar_the_users(together: Together) -> None:
    trainer = together[1]["rich_progress_bar"].trainer
    assert trainer.progress_bar_callback is together[1]["rich_progress_bar"]


def test_the_averaged_weights_are_judged_as_one_more_epoch() -> None:
    done = go(*QUICK, *words("StochasticWeightAveraging"), "callbacks.swa.swa_epoch_start=1", "trainer.max_epochs=3",
              "callbacks.keep={_target_: lightning.pytorch.callbacks.ModelCheckpoint, save_top_k: -1}")  # fmt: skip
    assert [row["epoch"] for row in done.rows] == ["0", "1", "2", "3"]
    assert "train/loss" in done.rows[2]
    assert done.rows[3]["train/loss"] == ""
    kept = [torch.load(path, weights_only=True)["state_dict"] for path in sorted((done.path / "extra").iterdir())]
    name = next(name for name in kept[0] if name.endswith("weight"))
    # Lightning takes the weights in at the start of epochs 0, 1 and 2: those of the beginning, and of two epochs' ends.
    swa = next(
        value for key, value in done.last["callbacks"].items() if key.startswith(StochasticWeightAveraging.__name__)
    )
    assert swa["n_averaged"] == 3
    average = swa["average_model_state"][name]
    assert not torch.equal(average, kept[-1][name])
    best = max(range(4), key=lambda row: float(done.rows[row]["val/miou"]))
    assert done.content["checkpoint"]["value"] == float(done.rows[best]["val/miou"])


def test_averaged_weights_are_tested_where_validations_choose_nothing() -> None:
    done = go(*QUICK, *words("StochasticWeightAveraging"), "callbacks.swa.swa_epoch_start=1", "trainer.max_epochs=2",
              "trainer.limit_val_batches=1")  # fmt: skip
    assert done.content["checkpoint"]["path"] == "checkpoints/averaged.ckpt"
    swa = next(
        value for key, value in done.last["callbacks"].items() if key.startswith(StochasticWeightAveraging.__name__)
    )
    tested = torch.load(checkpoints.tested_checkpoint(done.path), weights_only=True)["state_dict"]
    assert swa["n_averaged"] == 2
    assert all(torch.equal(tested[name], value) for name, value in swa["average_model_state"].items() if name in tested)
    assert any(not torch.equal(tested[name], value) for name, value in done.last["state_dict"].items())


def test_weights_that_thaw_join_the_optimiser() -> None:
    done = go(*QUICK, *words("BaseFinetuning"), f"optimizer.lr={LR}")
    groups = done.last["optimizer_states"][0]["param_groups"]
    assert [group["lr"] for group in groups] == [LR, LR / 10]  # initial_denom_lr
    trained, thawed = (set(group["params"]) for group in groups)
    encoder = [name for name in done.last["state_dict"] if name.startswith("model.encoder.")]
    assert len(thawed) == len(encoder)
    assert not trained & thawed


def test_weights_at_an_error_are_kept_where_the_callback_says() -> None:
    with pytest.raises(RuntimeError, match="the disk caught fire"):
        go(
            *QUICK,
            *words("OnExceptionCheckpoint"),
            "callbacks.stop={_target_: tests.training.parts.Stop, epoch: 1, error: true}",
        )
    (rescued,) = Path("outputs").glob("*/*/rescued/on_exception.ckpt")
    assert torch.load(rescued, weights_only=True)["global_step"] == 3


def test_run_json_says_which_callback_ended_the_training() -> None:
    done = go(*QUICK, *words("EarlyStopping"), "callbacks.stop.patience=1", "callbacks.stop.min_delta=100",
              "trainer.max_epochs=9", "logger.table._target_=lightning.pytorch.loggers.CSVLogger",
              "callbacks=model_checkpoint", "callbacks.model_checkpoint.verbose=true",
              "callbacks.stop.verbose=true")  # fmt: skip
    assert (done.record["ended_by"], done.record["epochs"]) == ("callbacks.stop", 2)
    said = (done.path / "log.txt").read_text()
    assert "Metric val/loss improved. New best score" in said
    assert "global step 2: 'val/miou' reached" in said
    assert "litlogger" not in said  # of Lightning's other lines, none


@pytest.mark.slow
def test_an_average_goes_on_with_its_run() -> None:
    """As in one go: taken from the checkpoint, with its schedule."""
    given = (
        *QUICK,
        *words("StochasticWeightAveraging"),
        "callbacks.swa.swa_epoch_start=2",
        "trainer.max_epochs=4",
        "scheduler=none",
    )
    whole = go(*given)
    with pytest.raises(RuntimeError):
        go(*given, "callbacks.stop={_target_: tests.training.parts.Stop, epoch: 3, error: true}")
    broken = folders()[-1]
    again = go(*given, f"resume={broken}")
    assert [row["val/loss"] for row in again.rows] == [row["val/loss"] for row in whole.rows]
    assert same_weights(again.best, whole.best)
    with pytest.raises(ConfigError, match=r"callbacks\.swa\._target_: found None, but the run"):
        go(*QUICK, "trainer.max_epochs=4", "scheduler=none", f"resume={broken}")


LR = 0.01


CLASS = "callbacks.my._target_=lightning.pytorch.callbacks."
REFUSED = {
    f"{CLASS}RichProgressBar": "trainer.progress: found none, but callbacks.my is a progress bar",
    f"{CLASS}DeviceStatsMonitor": "pip install psutil, or write callbacks.my.cpu_stats=false",
    f"{CLASS}GradientAccumulationScheduler callbacks.my.scheduling={{1:2}} trainer.accumulate_grad_batches=2":
        "trainer.accumulate_grad_batches: found 2, but callbacks.my says it for each epoch",
    f"{CLASS}ModelCheckpoint callbacks.my.monitor=val_loss": "nothing is logged as 'val_loss'. Did you mean 'val/loss'",
    f"{CLASS}EarlyStopping callbacks.my.monitor=train/los": "nothing is logged as 'train/los'",
    f"{CLASS}ModelCheckpoint callbacks.my.monitor=val/miou":
        "callbacks.my.mode: not given, and Lightning takes min then, but val/miou is better high",
    f"{CLASS}BatchSizeFinder": "has none; write datamodule.loader.batch_size=<value>",
    f"{CLASS}BackboneFinetuning": "Segmentation has none; use callbacks=finetuning",
    "callbacks.my._target_=tests.training.callbacks.thaw.Thaw callbacks.my.epoch=1":
        "scheduler: the schedule takes no weights that join later, as those do that callbacks.my thaws",
}  # fmt: skip


@pytest.mark.parametrize("line", REFUSED, ids=lambda line: line[22:70])
def test_refused_before_there_is_a_folder(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SegexpError) as refused:
        go(*line.split())
    assert refused.value.exit_code == 2
    assert REFUSED[line] in str(refused.value)
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("name", "callbacks"),
    [("train/loss", {}), ("lr", {}), ("epoch", {}), ("lr-AdamW", {"rates": "lightning.LearningRateMonitor"}),
     ("mine", {"mine": "my_parts.Mine"})],
)  # fmt: skip
def test_names_that_something_logs(name: str, callbacks: Mapping[str, str]) -> None:
    config = composed(
        f"{CLASS}ModelCheckpoint", f"callbacks.my.monitor='{name if name == 'epoch' else 'train/loss'}'"
    ).plain()
    config["callbacks"]["my"]["monitor"] = name
    config["callbacks"] |= {key: {"_target_": target} for key, target in callbacks.items()}
    check_monitors(config)
    del config["callbacks"]["my"]["monitor"]
    config["callbacks"]["other"] = {"_target_": "lightning.pytorch.callbacks.EarlyStopping", "monitor": "no/such"}
    if "mine" not in callbacks:
        with pytest.raises(ConfigError, match="no/such"):
            check_monitors(config)


@pytest.mark.parametrize("name", ["StochasticWeightAveraging", "EMAWeightAveraging"])
def test_an_average_needs_whole_weights(name: str) -> None:
    callback = getattr(callbacks_of_lightning, name)(*([0.1] if name.startswith("Stoch") else []))
    divided = replace(composed("trainer.strategy=fsdp"), ranks=2)
    with pytest.raises(ConfigError, match="an average needs all; use ddp"):
        check_callbacks(divided, {"my": callback})
    check_callbacks(replace(divided, ranks=1), {"my": callback})


def test_figures_of_the_processor_are_asked_for_only_where_they_are_wanted() -> None:
    from lightning.pytorch.callbacks import DeviceStatsMonitor

    check_callbacks(composed(), {"my": DeviceStatsMonitor(cpu_stats=False)})
    with pytest.raises(MissingExtraError, match="psutil"):
        check_callbacks(composed(), {"my": DeviceStatsMonitor(cpu_stats=True)})


@pytest.mark.parametrize(("scheduling", "steps"), [({0: 2}, 15), ({1: 3}, 5 + 4 * 2), ({2: 10}, 2 * 5 + 3), (None, 25)])
def test_steps_of_an_accumulation_that_changes(scheduling: dict[int, int] | None, steps: int) -> None:
    callbacks = [] if scheduling is None else [GradientAccumulationScheduler(scheduling)]
    trainer: Any = SimpleNamespace(
        estimated_stepping_batches=25, callbacks=callbacks, max_epochs=5, num_training_batches=5, max_steps=-1
    )
    assert optimizer_steps(trainer) == steps


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_every_row_trains_by_itself(row: str, capsys: pytest.CaptureFixture[str]) -> None:
    with with_psutil():
        assert run_line([*TINY, *QUICK, *words(row)]) == 0, capsys.readouterr().err
    (folder,) = Path("outputs").glob("*/*")
    assert (folder / "results.json").is_file()
