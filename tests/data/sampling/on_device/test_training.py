"""A training from images on the device goes on from one of the loader as if it had been one."""

import pytest
import torch

from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.training.endings import Interrupted
from tests.training.runs import folders, go, same_weights, without

CPU = torch.device("cpu")
KEYS = (
    "trainer.max_epochs=3", "datamodule.crop_size=24", "datamodule.crops_per_image=2", "datamodule.normalize=image",
    "datamodule.positive_fraction=0.5", "baselines=false", "metric=none", "bootstrap=0",
)  # fmt: skip
STOP = "callbacks.extra=[{_target_: tests.training.parts.Stop, epoch: 1}]"
DEVICE = "datamodule.loader.on_device=true"


def test_what_the_loader_began_the_device_ends() -> None:
    on_device = go(*KEYS, DEVICE)
    with pytest.raises(Interrupted):
        go(*KEYS, STOP)
    last = folders()[-1] / "checkpoints" / "last.ckpt"
    resumed = go(*KEYS, DEVICE, "datamodule.loader.num_workers=1", f"resume={last}")
    assert same_weights(on_device.last, resumed.last)
    assert same_weights(on_device.best, resumed.best)
    assert without(on_device.rows, "seconds") == without(resumed.rows, "seconds")
    assert on_device.content["rows"] == resumed.content["rows"]
    assert on_device.record["data"]["loader"]["on_device"] is True


def test_the_memory_is_given_back_after_the_training() -> None:
    data = SyntheticDataModule(size=32, train_images=3, val_images=2, test_images=2, loader={"on_device": True})
    batch = next(iter(data.train_dataloader()))
    assert set(batch) == {"plan", "index"}
    sent = data.transfer_batch_to_device(batch, CPU, 0)
    assert sent["image"].shape == (3, 3, 32, 32)
    first = data._images_on(CPU)
    assert data._images_on(CPU) is first
    data.teardown("fit")
    assert data._images_on(CPU) is not first
