"""Losses against values computed by hand."""

import math

import pytest
import torch
from torch.nn import functional as F

from segexp.errors import ConfigError, MismatchError
from segexp.losses.bce import BCE
from segexp.losses.cross_entropy import CrossEntropy
from segexp.losses.dice import Dice
from segexp.losses.jaccard import Jaccard
from segexp.losses.weighted_sum import WeightedSum
from segexp.spec import DataSpec, MaskTarget

BINARY = DataSpec(MaskTarget(classes=("sea", "ship"), colours=((0, 0, 0), (9, 9, 9))))
THREE = DataSpec(MaskTarget(classes=("a", "b", "c"), colours=((0, 0, 0),) * 3))

# Logits with sigmoid 1/2, 3/4, 1/5 and one ignored pixel; truth 1, 1, 0.
LOGITS = torch.tensor([0.0, math.log(3), -math.log(4), 7.0]).view(1, 1, 2, 2)
MASK = torch.tensor([1, 1, 0, 255], dtype=torch.uint8).view(1, 2, 2)


def test_bce_by_hand() -> None:
    wanted = -(math.log(1 / 2) + math.log(3 / 4) + math.log(4 / 5)) / 3
    assert BCE()(LOGITS, MASK).item() == pytest.approx(wanted)


def test_bce_pos_weight_by_hand() -> None:
    wanted = -(3 * math.log(1 / 2) + 3 * math.log(3 / 4) + math.log(4 / 5)) / 3
    assert BCE(pos_weight=3)(LOGITS, MASK).item() == pytest.approx(wanted)


def test_jaccard_by_hand() -> None:
    # I = 1/2 + 3/4 = 1.25, P = 1.45, T = 2, union 2.2
    assert Jaccard(smooth=0)(LOGITS, MASK).item() == pytest.approx(1 - 1.25 / 2.2)
    assert Jaccard(smooth=1)(LOGITS, MASK).item() == pytest.approx(1 - 2.25 / 3.2)


def test_dice_by_hand() -> None:
    assert Dice(smooth=0)(LOGITS, MASK).item() == pytest.approx(1 - 2.5 / 3.45)
    assert Dice(smooth=1)(LOGITS, MASK).item() == pytest.approx(1 - 3.5 / 4.45)


def test_jaccard_of_three_classes_by_hand() -> None:
    # Softmax (1/2, 1/4, 1/4) at a pixel of class 0 and (1/4, 1/2, 1/4) at one of class 1; class 2 is absent.
    logits = torch.tensor([[math.log(2), 0], [0, math.log(2)], [0, 0]]).view(1, 3, 1, 2)
    mask = torch.tensor([0, 1], dtype=torch.uint8).view(1, 1, 2)
    present = 1 - (0.5 + 1) / (0.75 + 1 - 0.5 + 1)
    absent = 1 - 1 / (0.5 + 1)
    assert Jaccard()(logits, mask).item() == pytest.approx((2 * present + absent) / 3)


@pytest.mark.parametrize("kind", [Jaccard, Dice])
def test_per_image_is_the_mean_of_single_images(kind: type[Jaccard] | type[Dice]) -> None:
    for channels in (1, 3):
        logits = torch.randn(3, channels, 6, 7)
        mask = torch.randint(0, 2, (3, 6, 7)).to(torch.uint8)
        mask[1] = 255  # wholly ignored: left out of the mean
        single = torch.stack([kind()(logits[i : i + 1], mask[i : i + 1]) for i in (0, 2)])
        torch.testing.assert_close(kind(per_image=True)(logits, mask), single.mean())


@pytest.mark.parametrize("kind", [Jaccard, Dice])
@pytest.mark.parametrize("per_image", [False, True])
def test_no_smoothing_and_nothing_there_is_zero(kind: type[Jaccard], per_image: bool) -> None:
    logits = torch.full((2, 1, 3, 3), -1e4, requires_grad=True)
    loss = kind(smooth=0, per_image=per_image)(logits, torch.zeros(2, 3, 3, dtype=torch.uint8))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize("weights", [None, [1.0, 2.0, 0.5, 0.0]])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_that_of_torch(weights: list[float] | None, smoothing: float) -> None:
    logits = torch.randn(2, 4, 5, 6)
    mask = torch.randint(0, 4, (2, 5, 6)).to(torch.uint8)
    mask[0, :3] = 255
    wanted = F.cross_entropy(
        logits,
        mask.long(),
        weight=None if weights is None else torch.tensor(weights),
        ignore_index=255,
        label_smoothing=smoothing,
    )
    torch.testing.assert_close(CrossEntropy(weights, smoothing)(logits, mask), wanted)


def test_cross_entropy_of_weightless_pixels_is_zero() -> None:
    logits = torch.randn(1, 3, 2, 2, requires_grad=True)
    loss = CrossEntropy([0, 1, 1], 0.1)(logits, torch.zeros(1, 2, 2, dtype=torch.uint8))
    loss.backward()
    assert loss == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize("weights", [[1, -1, 1], [0, 0, 0]])
def test_cross_entropy_refuses_weights(weights: list[float]) -> None:
    with pytest.raises(ConfigError, match="class_weights"):
        CrossEntropy(weights)


def test_misfits() -> None:
    with pytest.raises(MismatchError) as caught:
        BCE().check(THREE)
    assert str(caught.value) == "loss=bce needs two classes, the data has 3 (a, b, c): use loss=ce"
    with pytest.raises(MismatchError, match=r"2 \(sea, ship\): use loss=bce"):
        CrossEntropy().check(BINARY)
    with pytest.raises(MismatchError, match=r"2 numbers, the data has 3 \(a, b, c\)"):
        CrossEntropy([1, 2]).check(THREE)
    with pytest.raises(MismatchError, match="term first of the loss: loss=bce needs two classes"):
        WeightedSum({"first": BCE(), "second": Dice()}, {"first": 1, "second": 1}).check(THREE)


def test_weighted_sum_adds_and_names_its_terms() -> None:
    loss = WeightedSum({"bce": BCE(), "jaccard": Jaccard()}, {"bce": 2.0, "jaccard": 0.5})
    terms = loss.terms(LOGITS, MASK)
    assert list(terms) == ["bce", "jaccard", "total"]
    assert torch.equal(terms["bce"], BCE()(LOGITS, MASK))
    assert torch.equal(terms["jaccard"], Jaccard()(LOGITS, MASK))
    assert terms["total"].item() == pytest.approx((2 * terms["bce"] + 0.5 * terms["jaccard"]).item())


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"bce": 1.0}, "give each term one weight"),
        ({"bce": 1.0, "dise": 1.0}, "dise"),
        ({"bce": -1.0, "dice": 1.0}, r"loss.weights.bce=-1"),
        ({"bce": math.nan, "dice": 1.0}, r"loss.weights.bce=nan"),
        ({"bce": 0.0, "dice": 0.0}, "all 0"),
    ],
)
def test_weighted_sum_refuses(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        WeightedSum({"bce": BCE(), "dice": Dice()}, weights)


def test_weighted_sum_keeps_the_name_of_the_sum() -> None:
    with pytest.raises(ConfigError, match="total"):
        WeightedSum({"total": BCE()}, {"total": 1.0})
