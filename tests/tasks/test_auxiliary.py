"""Auxiliary outputs: minimised in training beside the loss, logged apart from it, absent everywhere else."""

from typing import Any

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from segexp.losses.bce import BCE
from segexp.models.auxiliary import Supervised
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.segmentation import Segmentation

SPEC = DataSpec(MaskTarget(("background", "vessel"), ((0, 0, 0), (255, 0, 0))))


class WithTwoHelpers(nn.Module):
    """Constant logits from three parameters; the helpers weigh 0.5 and 0.25."""

    def __init__(self) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.tensor([0.0, 1.0, -2.0]))

    def forward(self, image: Tensor) -> Any:
        logits = [value.expand(image.shape[0], 1, *image.shape[-2:]) for value in self.values]
        return Supervised(logits[0], (logits[1], logits[2]), (0.5, 0.25)) if self.training else logits[0]


def batches() -> DataLoader[Any]:
    mask = torch.zeros(4, 4, dtype=torch.uint8)
    mask[:2] = 1
    sample = {"image": torch.zeros(3, 4, 4, dtype=torch.uint8), "target": mask, "index": 0}
    return DataLoader([sample, sample], batch_size=2)  # type: ignore[arg-type]


def fitted(rate: float) -> tuple[Segmentation, dict[str, Tensor]]:
    module = Segmentation(WithTwoHelpers(), BCE(), SPEC, lambda p: torch.optim.SGD(p, lr=rate))
    trainer = pl.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, batches(), batches())
    return module, dict(trainer.callback_metrics)


def bce(logit: float) -> float:
    """Half of the pixels are foreground."""
    value = torch.tensor(logit)
    return float(-(nn.functional.logsigmoid(value) + nn.functional.logsigmoid(-value)) / 2)


def test_loss_and_auxiliary_loss_are_logged_apart() -> None:
    _, logged = fitted(rate=0.0)
    assert float(logged["train/loss"]) == pytest.approx(bce(0.0))
    assert float(logged["train/loss/auxiliary"]) == pytest.approx(0.5 * bce(1.0) + 0.25 * bce(-2.0))
    assert float(logged["val/loss"]) == pytest.approx(bce(0.0))
    assert "val/loss/auxiliary" not in logged


def test_the_sum_is_minimised() -> None:
    module, _ = fitted(rate=1.0)
    start = torch.tensor([0.0, 1.0, -2.0])
    # d BCE / d logit = sigmoid - 1/2, times the weight of each output.
    expected = start - torch.tensor([1.0, 0.5, 0.25]) * (torch.sigmoid(start) - 0.5)
    torch.testing.assert_close(module.model.values.detach(), expected)


def test_a_forward_pass_gives_the_logits_alone() -> None:
    module = Segmentation(WithTwoHelpers(), BCE(), SPEC, lambda p: torch.optim.SGD(p, lr=0.1))
    image = torch.zeros(2, 3, 5, 7, dtype=torch.uint8)
    for training in (True, False):
        module.train(training)
        assert module(image).shape == (2, 1, 5, 7)
