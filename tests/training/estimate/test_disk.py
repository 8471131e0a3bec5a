"""Checkpoints that a run keeps: what is asked for of the disk, and what is refused for lack of it."""

from dataclasses import replace
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from segexp.config.experiment import Experiment
from segexp.training.estimate.disk import DiskEstimate, estimate_disk, lying_bytes
from segexp.training.estimate.memory import MemoryEstimate
from segexp.training.plain.train import PlainTrainingRun
from tests.training.runs import composed

MIB = 2**20
MEMORY = MemoryEstimate("cpu", 2, 10 * MIB, 10 * MIB, 20 * MIB, 80 * MIB, 5 * MIB, 0, 0, 0, first_state=5 * MIB)


@pytest.fixture(scope="module")
def experiment() -> Experiment:
    return composed("trainer.max_epochs=12")


@pytest.fixture
def going_on(experiment: Experiment, tmp_path: Path) -> Experiment:
    """A run that goes on in its folder, with 3 MiB of best, 2 of last and 7 of a callback's."""
    for name, size in (("checkpoints/best", 3), ("checkpoints/last", 2), ("mine/epoch=1", 7)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.ckpt").write_bytes(b"\0" * size * MIB)
    return replace(experiment, invocation=replace(experiment.invocation, folder=tmp_path, goes_on=True))


@pytest.mark.parametrize(
    ("callback", "files"),
    [
        (ModelCheckpoint(monitor="x", save_top_k=3, save_last=True), 4 * 30),
        (ModelCheckpoint(save_top_k=-1), 12 * 30),
        (ModelCheckpoint(save_top_k=-1, every_n_epochs=5), 2 * 30),
        (ModelCheckpoint(save_top_k=-1, every_n_epochs=5, save_weights_only=True), 2 * 10),
        (ModelCheckpoint(save_top_k=-1, every_n_train_steps=500), 30),
    ],
)
def test_files_of_a_callback_are_counted_and_not_its_own(
    callback: ModelCheckpoint, files: int, experiment: Experiment
) -> None:
    found = estimate_disk(experiment, MEMORY, Path(), (), [callback])
    assert (found.checkpoints, found.own, found.lying) == ((3 * 30 + files) * MIB, 3 * 15 * MIB, 0)


def test_what_lies_in_the_folder_is_not_asked_for_again(going_on: Experiment) -> None:
    assert estimate_disk(going_on, MEMORY, Path(), ()).lying == 12 * MIB
    assert lying_bytes(replace(going_on.invocation, goes_on=False), "**/*.ckpt") == 0
    assert not list(DiskEstimate(90 * MIB, 10 * MIB, 88 * MIB, 90 * MIB, 12 * MIB).warnings())
    (line,) = DiskEstimate(90 * MIB, 10 * MIB, 87 * MIB, 90 * MIB, 12 * MIB).warnings()
    assert "take about 88 MiB more than the checkpoints (12 MiB) that lie in it, but 87 MiB are free" in line


def test_room_that_a_plain_run_asks_for(going_on: Experiment) -> None:
    module = pl.LightningModule()
    module.weight = torch.nn.Parameter(torch.zeros(MIB // 4))

    def asked(experiment: Experiment) -> int:
        return PlainTrainingRun(experiment, {}, pl.LightningDataModule(), module, first_epoch=0).room_for_checkpoints()

    new = replace(going_on, invocation=replace(going_on.invocation, folder=None, goes_on=False))
    assert asked(new) == 9 * MIB, "three files of the weights and two moments of each"
    assert asked(going_on) == 4 * MIB, "best and last take 5 already"
    assert asked(replace(new, trainer=replace(new.trainer, allow_oversize=True))) == 0
