"""Tasks and data sets in a Trainer of Lightning's, as its own pages use one; no command line, no config."""

from functools import partial
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.tuner import Tuner
from torch.utils.data import DataLoader, TensorDataset

from segexp import Run
from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.errors import DataError, MismatchError
from segexp.losses.dice import Dice
from segexp.models.unet import UNet
from segexp.tasks.classification import Classification
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.standalone import numbered_batch
from segexp.training.callbacks.within_epoch import WithinEpoch, position
from tests.training.conftest import settings_of_torch
from tests.training.parts import StopAtBatch

__all__ = ["settings_of_torch"]


def data() -> SyntheticDataModule:
    return SyntheticDataModule(
        size=32, train_images=4, val_images=2, test_images=3, loader={"batch_size": 2, "num_workers": 0}
    )


def task(spec: Any) -> Segmentation:
    torch.manual_seed(0)
    model = UNet(in_channels=3, out_channels=spec.out_channels, base=2, depth=2)
    return Segmentation(model, Dice(), spec, partial(torch.optim.SGD, lr=0.1))


def trainer(epochs: int = 1, *callbacks: pl.Callback) -> pl.Trainer:
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")
    return pl.Trainer(max_epochs=epochs, accelerator="cpu", callbacks=[*callbacks], **dict.fromkeys(quiet, False))


def test_fit_validate_test_predict() -> None:
    images = data()
    images.setup()
    module, lightning = task(images.spec), trainer()
    lightning.fit(module, images)
    (validated,) = lightning.validate(module, images, verbose=False)
    assert 0 <= validated["val/miou"] <= 1
    (tested,) = lightning.test(module, images, verbose=False)
    result = module.predictor_results()[0].to_dict(None)
    assert tested["test/miou"] == pytest.approx(result["dataset"]["miou"])
    predicted = lightning.predict(module, images)
    assert predicted is not None
    classes = torch.cat(predicted)
    assert classes.shape == (3, 32, 32)
    truth = torch.stack([torch.from_numpy(item.target) for item in images.items("test")])
    counted = truth != 255
    accuracy = float((classes == truth)[counted].float().mean())
    assert accuracy == pytest.approx(tested["test/accuracy"], abs=1e-6)


def test_loaders_of_ones_own_give_the_same_figures() -> None:
    """Tuples without numbers of the images, in a plain DataLoader."""
    images = data()
    images.setup()
    items = images.items("val")
    pixels = torch.stack([torch.from_numpy(item.image).permute(2, 0, 1) for item in items])
    truth = torch.stack([torch.from_numpy(item.target) for item in items])
    loader = DataLoader(TensorDataset(pixels, truth), batch_size=1)
    module, lightning = task(images.spec), trainer()
    (own,) = lightning.validate(module, images, verbose=False)
    (other,) = lightning.validate(module, loader, verbose=False)
    assert other == pytest.approx(own, nan_ok=True)
    lightning.fit(module, loader, loader)


def test_checkpoints_within_an_epoch(tmp_path: Path) -> None:
    """Stopped after the third of four batches of the second epoch, and gone on with to the last digit."""
    images = SyntheticDataModule(
        size=32, train_images=8, val_images=2, test_images=2, loader={"batch_size": 2, "num_workers": 0}
    )
    images.setup()
    straight = task(images.spec)
    whole = trainer(2)
    whole.fit(straight, images)
    broken, gone_on = task(images.spec), task(images.spec)
    with pytest.raises(RuntimeError, match="the disk caught fire"):
        trainer(2, WithinEpoch(tmp_path, "1 step"), StopAtBatch(1, 2, error=True)).fit(broken, images)
    assert position(torch.load(tmp_path / "last.ckpt", weights_only=True)) == (1, 2)
    again = trainer(2, WithinEpoch(tmp_path))
    again.fit(gone_on, images, ckpt_path=str(tmp_path / "last.ckpt"), weights_only=True)
    assert all(torch.equal(value, straight.state_dict()[name]) for name, value in gone_on.state_dict().items())
    first, second = ({**each.callback_metrics} for each in (whole, again))
    assert first.pop("seconds") > 0
    assert second.pop("seconds") > 0
    assert first == second
    assert again.global_step == 8


@pytest.mark.parametrize("batch", [{"pixels": torch.zeros(1)}, "text", []])
def test_other_batches_are_refused(batch: Any) -> None:
    with pytest.raises(DataError, match=r"expected \(image, target\)"):
        numbered_batch(batch, 0)


def test_batches_are_numbered() -> None:
    image, target = torch.zeros(2, 3, 4, 4), torch.ones(2, 4, 4)
    assert numbered_batch((image, target), 5)["index"].tolist() == [5, 6]
    assert numbered_batch(image, 0).keys() == {"image", "index"}
    given = {"image": image, "target": target, "index": torch.tensor([7, 9])}
    assert numbered_batch(given, 5)["index"].tolist() == [7, 9]


def test_a_checkpoint_gives_its_task(run: Run) -> None:
    module = Segmentation.load_from_checkpoint(run.best_checkpoint)
    stored = torch.load(run.best_checkpoint, weights_only=True)
    assert all(torch.equal(value, stored["state_dict"][name]) for name, value in module.state_dict().items())
    assert module.threshold == stored["segexp"]["threshold_logit"]
    with pytest.raises(MismatchError, match="expected Classification"):
        Classification.load_from_checkpoint(run.best_checkpoint)


def test_the_learning_rate_finder_finds_the_optimizer() -> None:
    images = data()
    images.setup()
    module = task(images.spec)
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    found = Tuner(trainer(20)).lr_find(module, datamodule=images, num_training=30, early_stop_threshold=None)
    assert found is not None
    assert len(found.results["lr"]) == 30
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())
    assert module.lr == found.suggestion()
    assert module.make_optimizer().param_groups[0]["lr"] == module.lr
