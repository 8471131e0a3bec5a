"""A loss is told of inputs that do not fit before it computes a number of them."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from segexp.errors import DataError, MismatchError
from segexp.losses.base import SegmentationLoss
from segexp.losses.bce import BCE
from segexp.spec import DataSpec


class Own(SegmentationLoss):
    """As a user writes one, without any check."""

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """The mean of a product that broadcasts."""
        return (logits[:, 0] * mask).mean()

    def check(self, spec: DataSpec) -> None:
        """Fits everything."""


def test_an_own_loss_is_protected() -> None:
    logits, mask = torch.ones(2, 1, 3, 4), torch.ones(2, 3, 4, dtype=torch.uint8)
    assert Own()(logits, mask) == 1
    with pytest.raises(MismatchError, match=r"^Own: found logits \(2, 1, 3, 4\) and a mask \(2, 1, 3, 4\), .*squeeze"):
        Own()(logits, mask.unsqueeze(1))
    with pytest.raises(MismatchError, match="a mask for each of 2 images"):
        Own().terms(logits, mask[:1])
    with pytest.raises(DataError, match=r"holds \[2\], expected 0..1 and 255"):
        Own()(logits, 2 * mask)


def test_hooks_still_run() -> None:
    loss, seen = Own(), []
    loss.register_forward_hook(lambda *_: seen.append(1))
    loss(torch.ones(1, 1, 2, 2), torch.ones(1, 2, 2, dtype=torch.uint8))
    assert seen == [1]


def test_a_loss_of_one_logit_takes_no_more() -> None:
    mask = torch.ones(1, 2, 2, dtype=torch.uint8)
    with pytest.raises(MismatchError, match=r"BCE: found logits \(1, 2, 2, 2\), expected one channel.*CrossEntropy"):
        BCE()(torch.zeros(1, 2, 2, 2), mask)


def test_values_on_a_device_are_left_alone() -> None:
    # Reading them would make the device be waited for: on meta there is nothing to be read at all.
    logits, mask = torch.ones(2, 1, 3, 4, device="meta"), torch.ones(2, 3, 4, dtype=torch.uint8, device="meta")
    assert Own()(logits, mask).shape == ()
    with pytest.raises(MismatchError, match="squeeze"):
        Own()(logits, mask.unsqueeze(1))


@pytest.mark.parametrize("shape", [(0, 3, 4), (2, 0, 4)])
def test_empty_batches_pass(shape: tuple[int, ...]) -> None:
    mask = torch.zeros(shape, dtype=torch.uint8)
    assert BCE()(torch.zeros(shape[0], 1, *shape[1:]), mask) == 0


def test_the_wrapped_loss_of_the_docs_is_one() -> None:
    page = (Path(__file__).parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if "class Huber" in block]
    names: dict[str, Any] = {}
    exec(code, names)
    loss = names["Huber"]()
    logits = torch.tensor([2.0, -1.0, torch.nan]).view(1, 1, 1, 3).requires_grad_()
    value = loss(logits, torch.tensor([[[1, 0, 255]]], dtype=torch.uint8))
    far = torch.sigmoid(torch.tensor([-2.0, -1.0]))  # each is below 1, where Huber's loss is half the square
    assert value.item() == pytest.approx(float((far**2 / 2).mean()))
    value.backward()
    assert logits.grad is not None
    assert logits.grad.flatten()[2] == 0
    assert loss(logits, torch.full((1, 1, 3), 255, dtype=torch.uint8)) == 0
    with pytest.raises(MismatchError, match="expected one channel"):
        loss(torch.zeros(1, 3, 1, 3), torch.zeros(1, 1, 3, dtype=torch.uint8))
