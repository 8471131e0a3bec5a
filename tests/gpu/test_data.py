"""Loading processes, pinned memory and images that lie on the device give the same batches, and the same training."""

from pathlib import Path
from typing import Any

import pytest
import torch

from segexp.data.base import ImageDataModule
from segexp.training.building.datamodule import build_datamodule
from tests.gpu.conftest import Note
from tests.gpu.device import VESSELS, Device, composed
from tests.training.runs import run, same_weights, without

PATHS = {
    "no process": ("num_workers=0", "pin_memory=false"),
    "processes, pinned": ("num_workers=2", "pin_memory=true"),
    "on the device": ("num_workers=0", "on_device=true"),
    "on the device, planned by processes": ("num_workers=2", "on_device=true"),
}


def datamodule(device: Device, drive: Path, *keys: str) -> ImageDataModule:
    loader = [f"datamodule.loader.{key}" for key in keys]
    experiment = composed(device, *VESSELS, f"datamodule.root={drive}", "datamodule.normalize=image", *loader)
    return build_datamodule(experiment.datamodule, experiment.augment)


def sent(data: ImageDataModule, device: Device) -> list[dict[str, Any]]:
    """The batches of an epoch as a task gets them, back in ordinary memory."""
    found = [data.transfer_batch_to_device(batch, device.torch, 0) for batch in data.train_dataloader()]
    assert {batch[key].device.type for batch in found for key in ("image", "target", "stats")} == {device.name}
    assert all(batch["image"].is_contiguous(memory_format=torch.channels_last) for batch in found)
    return [{key: value.cpu() for key, value in batch.items()} for batch in found]


@pytest.mark.parametrize("path", list(PATHS)[1:])
def test_batches_are_the_same_bytes(path: str, device: Device, drive: Path) -> None:
    wanted = sent(datamodule(device, drive, *PATHS["no process"]), device)
    found = sent(datamodule(device, drive, *PATHS[path]), device)
    assert len(found) == len(wanted) > 1
    for one, other in zip(wanted, found, strict=True):
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_training_does_not_depend_on_it(device: Device, drive: Path, note: Note) -> None:
    done = {
        path: run(composed(device, *VESSELS, f"datamodule.root={drive}", *(f"datamodule.loader.{key}" for key in keys)))
        for path, keys in PATHS.items()
    }
    first = done["no process"]
    for path, other in done.items():
        note(path=path, seconds_of_last_epoch=float(other.rows[-1]["seconds"]))
        assert same_weights(first.last, other.last)
        assert without(first.rows, "seconds") == without(other.rows, "seconds")
