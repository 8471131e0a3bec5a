"""Two classes as one logit or as two: the same logits give the same figures, to the last digit."""

from dataclasses import replace
from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn

from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.errors import MismatchError
from segexp.inference.export.graph import Deployed
from segexp.inference.load import load
from segexp.losses.bce import BCE
from segexp.losses.cross_entropy import CrossEntropy
from segexp.losses.dice import Dice
from segexp.metrics.calibration import Calibration
from segexp.spec import DataSpec
from segexp.tasks.ensemble import EnsembleModule
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.tta import Tta
from segexp.training.building.loss import build_loss
from segexp.windows.settings import Inference
from tests.training.runs import composed, run

DATA = {"size": 40, "train_images": 2, "val_images": 3, "test_images": 3, "crop_size": None}


class Split(nn.Module):
    """A logit of the second class, and before it one of the first."""

    def __init__(self, first: float | None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 1, 3, padding=1)
        self.first = first

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.conv(image)
        return logit if self.first is None else torch.cat([torch.full_like(logit, self.first), logit + self.first], 1)


@pytest.fixture(scope="module")
def data() -> SyntheticDataModule:
    made = SyntheticDataModule(**DATA)  # type: ignore[arg-type]
    made.setup()
    return made


def task(spec: DataSpec, first: float | None, **more: Any) -> Segmentation:
    calibration = Calibration()
    calibration.prepare(spec)
    loss = BCE() if first is None else CrossEntropy()
    return Segmentation(
        Split(first), loss, spec, torch.optim.SGD, two_logits=first is not None, measures={"calibration": calibration},
        **more,
    )  # fmt: skip


def figures(made: Segmentation, data: SyntheticDataModule) -> dict[str, Any]:
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False)
    (logged,) = trainer.validate(made, datamodule=data, verbose=False)
    trainer.test(made, datamodule=data, verbose=False)
    rows = [row.to_dict(None) for row in made.predictor_results()]
    loss = logged.pop("val/loss")
    return {"val": logged, "rows": rows, "threshold": made.threshold, "loss": pytest.approx(loss, rel=1e-5)}


@pytest.mark.parametrize("tta", ["none", "d4"])
@pytest.mark.parametrize("window", [None, 24])
def test_figures_are_identical(data: SyntheticDataModule, tta: Tta, window: int | None) -> None:
    how = {"tta": tta, "inference": Inference(window)}
    one = figures(task(data.spec, None, **how), data)
    assert one == figures(task(data.spec, 0.0, **how), data)
    assert {"val/auc", "val/ap", "val/dice/vessel"} <= set(one["val"])
    assert one["threshold"] != 0
    assert "brier" in one["rows"][0]["dataset"]


def test_only_the_difference_counts(data: SyntheticDataModule) -> None:
    image = torch.from_numpy(data.items("test")[0].image).permute(2, 0, 1)[None]
    one, two = task(data.spec, None), task(data.spec, 3.0)
    assert two(image).shape == (1, 2, 40, 40)
    torch.testing.assert_close(two.evaluated(image), one.evaluated(image))
    torch.testing.assert_close(two.probabilities(two(image)), one.probabilities(one(image)))
    assert torch.equal(two.classify(two(image), 0.25), two.classify(two.evaluated(image), 0.25))


def test_exported_and_in_an_ensemble(data: SyntheticDataModule) -> None:
    image = torch.from_numpy(data.items("test")[0].image).permute(2, 0, 1)[None]
    one, two = (task(data.spec, first, threshold=0.1).eval() for first in (None, 0.0))
    together = [EnsembleModule([made, made], made.loss).at_threshold(0.1).eval() for made in (one, two)]
    for plain, split in ((one, two), together):
        for here, there in zip(Deployed(plain)(image), Deployed(split)(image), strict=True):
            assert torch.equal(here, there)
        assert torch.equal(plain.evaluated(image), split.evaluated(image))


def test_losses_say_which_form_they_take(data: SyntheticDataModule) -> None:
    one, two = data.spec, Segmentation.adapted(data.spec, two_logits=True)
    for loss in (CrossEntropy(), Dice()):
        loss.check(two)
    with pytest.raises(MismatchError, match=r"task\.two_logits=true"):
        CrossEntropy().check(one)
    with pytest.raises(MismatchError, match=r"takes one logit, task\.two_logits=true gives two"):
        BCE().check(two)
    with pytest.raises(MismatchError, match=r"OwnLoss takes one logit, but models give 2"):
        build_loss({"_target_": "tests.tasks.test_two_logits.OwnLoss"}, two)
    assert replace(two, target=one.target) == one


class OwnLoss(BCE):
    """A loss of a user, which says only that it takes one logit."""

    def check(self, spec: DataSpec) -> None:
        """Fits everything."""


def test_trains_is_loaded_and_predicts() -> None:
    words = ("task.two_logits=true", "loss=ce_dice", "metric=none", "bootstrap=0", "panels=1")
    done = run(composed(*words), pictures=True)
    assert done.best["segexp"]["spec"]["target"]["two_logits"] is True
    # Both planes, predicted and true, are drawn, as for more classes.
    assert len(list((done.path / "class_maps").glob("*.png"))) == len(list((done.path / "panels").glob("*.png"))) > 0
    assert done.best["state_dict"]["model.head.weight"].shape[0] == 2
    model = load(done.path)
    assert (model.threshold is None) is False
    found = model.probabilities(torch.zeros(32, 32, 3, dtype=torch.uint8).numpy())
    assert found.shape == (2, 32, 32)
    assert found.sum(axis=0) == pytest.approx(1)
