"""How a run can end otherwise: Ctrl-C, an error, nan, and settings that do not fit."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.errors import ConfigError, DivergedError, MissingExtraError
from segexp.evaluation.outcome import RunFailed
from segexp.training.endings import Interrupted
from segexp.training.loggers import build as loggers
from tests.training.runs import TINY, checkpoint, folders, go, read_json

REPOSITORY = Path(__file__).resolve().parents[2]
PART = "callbacks.extra=[{_target_: tests.training.parts.%s}]"


@pytest.fixture(autouse=True)
def ctrl_c() -> Iterator[None]:
    """A shell starts background jobs with Ctrl-C switched off, and processes inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


@pytest.fixture(autouse=True)
def hydra_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line sets these for its process."""
    monkeypatch.setattr(sys, "argv", ["segexp"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")


def test_ctrl_c_on_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, "trainer.max_epochs=3", PART % "Stop, epoch: 1"]) == 130
    captured = capfd.readouterr()
    (folder,) = folders()
    found = re.search(r"^segexp: interrupted; .*resume=(\S+)", captured.err, flags=re.MULTILINE)
    assert found is not None
    assert Path(found[1]) == folder
    assert (folder / "checkpoints" / "last.ckpt").is_file()
    assert not (folder / ".lock").exists()
    # A callback of a package of one's own: the line that goes on says that it is trusted.
    assert captured.err.rstrip().endswith(f"python -m segexp resume={folder} 'trust=[tests]'")
    assert "Traceback" not in captured.out + captured.err
    assert read_json(folder / "run.json")["state"] == "interrupted"
    assert "interrupted" in (folder / "log.txt").read_text()
    assert (folder / "report.html").is_file()


def test_a_scheduler_that_ends_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    """SIGTERM is told as Ctrl-C is: how to go on."""
    assert run([*TINY, "trainer.max_epochs=3", PART % "Terminate, epoch: 1"]) == 143
    captured = capfd.readouterr()
    (folder,) = folders()
    assert re.search(r"^segexp: interrupted; .*resume=(\S+)", captured.err, flags=re.MULTILINE)
    assert "warning: interrupted by SIGTERM" in captured.out
    record = read_json(folder / "run.json")
    assert (record["state"], record["signal"]) == ("interrupted", "SIGTERM")


def test_pictures_that_are_broken_off_lose_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("segexp.evaluation.mask_test.MaskTest.draw", press)
    assert run([*TINY, "metric=none"]) == 130
    (folder,) = folders()
    assert 0 <= read_json(folder / "results.json")["rows"][0]["dataset"]["miou"] <= 1


def test_ctrl_c_before_the_first_epoch_is_over() -> None:
    with pytest.raises(Interrupted, match="before an epoch was finished") as caught:
        go(PART % "Stop, epoch: 0")
    assert "; to begin again in its folder: python -m segexp resume=" in str(caught.value)
    assert read_json(folders()[0] / "run.json")["state"] == "interrupted"


def test_ctrl_c_after_fitting() -> None:
    with pytest.raises(Interrupted) as caught:
        go(PART % "StopInTest")
    last = re.search(r"resume=(\S+)", str(caught.value))
    assert last is not None
    assert go(f"resume={last[1]}").record["state"] == "finished"


def test_ctrl_c_while_baselines_are_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("segexp.evaluation.mask_test.baseline_rows", press)
    with pytest.raises(Interrupted):
        go()
    assert read_json(folders()[0] / "run.json")["state"] == "interrupted"


def press(process: "subprocess.Popen[str]") -> str:
    """Ctrl-C, and what the process says; one that goes on is ended, or the test would last as long as it."""
    process.send_signal(signal.SIGINT)
    try:
        return process.communicate(timeout=60)[1]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[1]


def test_ctrl_c_for_real() -> None:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    arguments = [*TINY, "trainer.max_epochs=999", "scheduler=none"]
    with subprocess.Popen(
        [sys.executable, "-m", "segexp", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=environment,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch   1/999"):
                break
        error = press(process)
    assert process.returncode == 130
    assert "Traceback" not in error
    found = re.search(r"resume=(\S+)", error)
    assert found is not None
    (folder,) = folders()
    assert Path(found[1]) == folder
    record = read_json(folder / "run.json")
    assert record["state"] == "interrupted"
    assert record["command"] == f"python -m segexp {shlex.join(['train', *arguments])}"
    epoch = checkpoint(folder, "last")["epoch"]
    resumed = go("scheduler=none", f"trainer.max_epochs={epoch + 2}", f"resume={found[1]}")
    assert len(resumed.rows) == epoch + 2


def test_an_error_in_the_run(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, PART % "Stop, epoch: 1, error: true"]) == 1
    record = read_json(folders()[0] / "run.json")
    assert record["state"] == "failed"
    assert record["error"] == "RuntimeError: the disk caught fire"
    assert "the disk caught fire" in capfd.readouterr().err
    assert "the disk caught fire" in (folders()[0] / "log.txt").read_text()


def test_nan_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, "optimizer=sgd", "scheduler=none", "optimizer.lr=1e30", "model.norm=none"]) == 1
    captured = capfd.readouterr()
    assert "segexp: the loss is nan in batch 2 of epoch 1 (train_003, train_000): the outputs are not" in captured.err
    assert "training diverged. Lower optimizer.lr or limit the gradient (trainer.gradient_clip_val=1.0)" in captured.err
    assert "Traceback" not in captured.err
    record = read_json(folders()[0] / "run.json")
    assert (record["state"], record["error"].split(":")[0]) == ("failed", "DivergedError")


def test_nan_of_three_classes() -> None:
    with pytest.raises(DivergedError):
        go("datamodule.scene=cells", "loss=ce", "optimizer=sgd", "scheduler=none", "optimizer.lr=1e30")


def test_nan_of_a_validation_image_is_named() -> None:
    with pytest.raises(DivergedError, match=r"the model gives nan after epoch 1 \(val_000\): training diverged"):
        go("callbacks.bad={_target_: tests.training.parts.NanWeights}")


def test_a_measure_that_is_never_a_number() -> None:
    with pytest.raises(RunFailed, match="val/auc was never a number"):
        go("monitor=val/auc", "datamodule._target_=tests.training.parts.NoForegroundInVal")
    assert read_json(folders()[0] / "run.json")["state"] == "failed"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("datamodule.scene=cells", "loss=bce"), "loss=bce needs two classes"),
        (("datamodule.crop_size=64",), "datamodule.crop_size: found 64"),
        (("trainer.check_val_every_n_epoch=9",), "no validation would run"),
        (("trainer.max_time=soon",), "trainer.max_time: found 'soon', expected text, as DD:HH:MM:SS"),
        (("monitor=val/iou/vesel",), "monitor: nothing is logged as 'val/iou/vesel': did you mean val/iou/vessel?"),
        (("scheduler=plateau", "scheduler.monitor=val/iou/x"), "scheduler.monitor: nothing is logged"),
        (("callbacks.extra=[{_target_: lightning.pytorch.callbacks.StochasticWeightAveraging, swa_lrs: x}]",), "extra"),
        (("logger=wandb", "+logger.wandb.projct=x"), "logger.wandb.projct: no such key"),
        (("logger=wandb", "+logger.wandb.run={}"), "logger.wandb.run: is taken from"),
        (("logger=tensorboard", "logger.tensorboard.flush_secs=often"), "logger.tensorboard.flush_secs: found 'often'"),
        (("resume=nowhere.ckpt",), "resume: no file nowhere.ckpt"),
    ],
)
def test_what_does_not_fit_leaves_nothing(
    overrides: tuple[str, ...], message: str, capfd: pytest.CaptureFixture[str], outputs: Path
) -> None:
    assert run([*TINY, *overrides]) == 2
    assert message in capfd.readouterr().err
    assert not outputs.exists()


@pytest.mark.parametrize("package", ["wandb", "tensorboard", "mlflow"])
def test_a_logger_that_is_not_installed(package: str, monkeypatch: pytest.MonkeyPatch, outputs: Path) -> None:
    there = loggers.importlib.util.find_spec
    monkeypatch.setattr(
        loggers.importlib.util, "find_spec", lambda name, *a: None if name == package else there(name, *a)
    )
    with pytest.raises(MissingExtraError, match=rf"logger={package}: .*pip install 'segexp\[{package}\]'"):
        go(f"logger={package}")
    assert not outputs.exists()
    assert MissingExtraError.exit_code == ConfigError.exit_code == 2
