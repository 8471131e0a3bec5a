"""What is refused is refused before there is a run folder, by train and check alike; callbacks write into it."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from segexp.cli.app import run
from segexp.training.loggers import wandb_run
from segexp.training.loggers.build import build_loggers, check_loggers
from tests.training.runs import TINY, composed, go

CALLBACK = "callbacks.extra=[{_target_: lightning.pytorch.callbacks.%s}]"
WRONG = {
    "optimizer.lr=-1": "optimizer.lr: found -1: Invalid learning rate: -1",
    "optimizer.betas=[]": "optimizer.betas: found []: IndexError",
    "optimizer.betas=[0.9]": "optimizer.betas: found [0.9]",
    "optimizer.weight_decay=-1": "optimizer.weight_decay: found -1",
    "scheduler.max_lr=-1": "sets a learning rate of -",
    "scheduler.max_lr=inf": "sets a learning rate of nan, expected at least 0",
    "scheduler.total_steps=3": "scheduler.total_steps",
    "scheduler.pct_start=3": "Expected float between 0 and 1 pct_start, but got 3",
    "scheduler=cosine scheduler.T_max=0": "scheduler (T_max 0): ZeroDivisionError",
    "model.base=1000000": "model: its weights take",
    "model.base=1000000000000": "model: Storage size calculation overflowed",
    CALLBACK % "ModelCheckpoint, save_top_k: -5": "save_top_k",
    CALLBACK % "EarlyStopping, monitor: val/loss, mode: up": "mode",
    "callbacks.my={_target_:torch.nn.Identity}": "callbacks.my._target_: gives a Identity, expected a lightning",
    CALLBACK % "ModelCheckpoint},{_target_: lightning.pytorch.callbacks.ModelCheckpoint": "ModelCheckpoint",
    "output_dir=a_file": "output_dir: a_file is a file, expected a folder",
    "output_dir=a_file/below": "output_dir: a_file is a file, expected a folder",
    "name=" + "x" * 300: "output_dir: xxxxxxxxxxxxxxxxxxxx... has 300 bytes, expected 255 at most",
    "datamodule.loader.batch_size=1000000 datamodule.loader.drop_last=true": "batch",
}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["segexp"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    Path("a_file").touch()


def words(line: str) -> list[str]:
    return [*TINY, *([line] if "{" in line else line.split())]


@pytest.mark.parametrize("line", WRONG, ids=lambda line: line[:60])
def test_refused_without_a_trace_of_a_folder(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words(line)) == 2
    said = capsys.readouterr().err
    assert WRONG[line] in said
    assert "Traceback" not in said
    assert sorted(path.name for path in Path().iterdir()) == ["a_file"]
    assert run(["check", *words(line)]) == 2
    captured = capsys.readouterr()
    assert WRONG[line] in " ".join((captured.out + captured.err).split())
    assert sorted(path.name for path in Path().iterdir()) == ["a_file"]


def test_files_of_callbacks_lie_in_the_run_folder() -> None:
    own = {
        "all": {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "save_top_k": -1},
        "second": {"_target_": "lightning.pytorch.callbacks.ModelCheckpoint", "dirpath": "mine", "filename": "x",
                   "monitor": None, "every_n_epochs": 2},
    }  # fmt: skip
    experiment = composed("panels=0", "baselines=false", "metric=[]", "bootstrap=0")
    from segexp.training.train import train_experiment

    train_experiment(replace(experiment, callbacks=own), allocator=False)
    (folder,) = Path("outputs").glob("*/*")
    assert sorted(path.name for path in (folder / "extra").iterdir()) == ["epoch=0-step=2.ckpt", "epoch=1-step=4.ckpt"]
    assert [path.name for path in (folder / "mine").iterdir()] == ["x.ckpt"]
    assert sorted(path.name for path in Path().iterdir()) == ["a_file", "outputs"]


def test_an_absolute_folder_of_a_callback_is_meant(tmp_path: Path) -> None:
    from lightning.pytorch.callbacks import ModelCheckpoint

    from segexp.training.callbacks.places import place_callbacks

    given = {"there": {"dirpath": str(tmp_path / "there")}, "here": {}}
    built = {name: ModelCheckpoint(**section) for name, section in given.items()}
    before = built["there"].dirpath
    place_callbacks(given, built, Path("run"))
    assert [callback.dirpath for callback in built.values()] == [before, "run/extra"]


@pytest.mark.parametrize(
    ("mode", "of_user", "off"),
    [("auto", True, True), ("auto", False, False), ("online", True, False), ("offline", True, False)],
)
def test_wandb_that_the_environment_switches_off_writes_nothing(
    mode: str, of_user: bool, off: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Any] = []
    monkeypatch.setattr(wandb_run, "DISABLED_BY_USER", of_user)
    monkeypatch.setattr(wandb_run, "open_wandb", lambda *given: (opened.append(given), mock.MagicMock())[1])
    section = {"wandb": {"_target_": "segexp.training.loggers.build.wandb_logger", "mode": mode}}
    check_loggers(section)
    build_loggers(section, None)  # type: ignore[arg-type] # handed on
    assert len(opened) == (0 if off else 1)


def test_a_disk_that_fills_up_leaves_what_to_go_on_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from segexp.training.callbacks.checkpoint_io import AtomicCheckpointIO

    real, calls = AtomicCheckpointIO.save_checkpoint, []

    def full(self: Any, checkpoint: Any, path: Any, storage_options: Any = None) -> None:
        calls.append(path)
        if len(calls) > 2:
            raise OSError(28, "No space left on device", str(path))
        real(self, checkpoint, path, storage_options)

    monkeypatch.setattr(AtomicCheckpointIO, "save_checkpoint", full)
    with pytest.raises(OSError, match="No space left"):
        go("panels=0", "baselines=false", "metric=[]", "trainer.max_epochs=3")
    said = capsys.readouterr().out
    assert "the first 1 epochs are kept in outputs" in said
    assert "to go on after them: python -m segexp resume=outputs" in said
