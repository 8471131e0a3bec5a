"""Weights of classes that are computed from the training images."""

import pytest
import torch
from torch import Tensor

from segexp.errors import ConfigError, MismatchError
from segexp.losses.base import SegmentationLoss
from segexp.losses.bce import BCE
from segexp.losses.class_weights import median_frequency
from segexp.losses.cross_entropy import CrossEntropy
from segexp.losses.dice import Dice
from segexp.losses.focal import Focal
from segexp.losses.nll import NLL
from segexp.losses.ohem import OHEM
from segexp.losses.weighted_sum import WeightedSum
from segexp.spec import DataSpec, MaskTarget

BINARY = DataSpec(MaskTarget(classes=("sea", "ship"), colours=((0, 0, 0), (9, 9, 9))))
THREE = DataSpec(MaskTarget(classes=("a", "b", "c"), colours=((0, 0, 0),) * 3))

# Two images of 100 and 60 valid pixels; class c is in the second alone.
COUNTS = torch.tensor([[80, 20, 0], [20, 10, 30]])
# Frequencies 100/160, 30/160 and 30/60 of the images that show the class; the median is 1/2.
WEIGHTS = [0.5 / (100 / 160), 0.5 / (30 / 160), 1.0]


def sample(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 1 if classes == 2 else classes, 5, 6, generator=generator)
    mask = torch.randint(0, classes, (2, 5, 6), generator=generator).to(torch.uint8)
    mask[0, :2] = 255
    return logits, mask


def test_median_frequency_by_hand() -> None:
    torch.testing.assert_close(median_frequency(COUNTS, THREE, "class_weights"), torch.tensor(WEIGHTS))
    # Two classes: the median is the middle of both frequencies.
    found = median_frequency(torch.tensor([[75, 25]]), BINARY, "class_weights")
    torch.testing.assert_close(found, torch.tensor([0.5 / 0.75, 2.0]))


@pytest.mark.parametrize(
    ("auto", "given", "key"),
    [
        (CrossEntropy("auto"), CrossEntropy(WEIGHTS), "class_weights"),
        (NLL("auto"), NLL(WEIGHTS), "class_weights"),
        (Focal(alpha="auto"), Focal(alpha=WEIGHTS), "alpha"),
        (OHEM(class_weights="auto"), OHEM(class_weights=WEIGHTS), "class_weights"),
    ],
)
def test_auto_is_as_if_the_numbers_were_given(auto: SegmentationLoss, given: SegmentationLoss, key: str) -> None:
    logits, mask = sample(3)
    auto.check(THREE)
    assert auto.needs_counts
    assert auto.resolved() == {}
    with pytest.raises(ConfigError, match=rf"loss\.{key}=auto: call set_counts"):
        auto(logits, mask)
    auto.set_counts(COUNTS, THREE)
    torch.testing.assert_close(auto(logits, mask), given(logits, mask))
    assert auto.resolved() == {key: pytest.approx(WEIGHTS)}
    assert not auto.state_dict()
    assert given.resolved() == {}


def test_pos_weight_auto_is_negatives_over_positives() -> None:
    logits, mask = sample(2)
    loss = BCE("auto")
    with pytest.raises(ConfigError, match=r"loss\.pos_weight=auto: call set_counts"):
        loss(logits, mask)
    loss.set_counts(torch.tensor([[90, 10], [60, 20]]), BINARY)
    assert loss.resolved() == {"pos_weight": 5.0}
    torch.testing.assert_close(loss(logits, mask), BCE(5.0)(logits, mask))


def test_a_class_without_a_training_pixel_is_refused() -> None:
    empty = torch.tensor([[3, 0, 4], [2, 0, 1]])
    with pytest.raises(MismatchError, match=r"loss\.class_weights=auto needs every class .* no pixel of b: give"):
        CrossEntropy("auto").set_counts(empty, THREE)
    with pytest.raises(MismatchError, match=r"loss\.pos_weight=auto needs every class .* no pixel of ship"):
        BCE("auto").set_counts(empty[:, :2], BINARY)


def test_a_sum_hands_the_counts_to_its_terms() -> None:
    loss = WeightedSum({"ce": CrossEntropy("auto"), "dice": Dice()}, {"ce": 1.0, "dice": 1.0})
    assert loss.needs_counts
    with pytest.raises(MismatchError, match=r"term ce of the loss: .*no pixel of c"):
        loss.set_counts(COUNTS[:1], THREE)
    loss.set_counts(COUNTS, THREE)
    assert loss.resolved() == {"terms": {"ce": {"class_weights": pytest.approx(WEIGHTS)}}}
    assert not WeightedSum({"dice": Dice()}, {"dice": 1.0}).needs_counts
