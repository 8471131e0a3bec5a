"""Losses of regions against MONAI and slow references in NumPy."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from segexp.errors import ConfigError, MismatchError
from segexp.inspection.contracts.losses import PROMISES, LossCase, example_spec
from segexp.inspection.contracts.promise import outcome
from segexp.losses.base import SegmentationLoss
from segexp.losses.dice import Dice
from segexp.losses.focal_tversky import FocalTversky
from segexp.losses.generalised_dice import GeneralisedDice
from segexp.losses.jaccard import Jaccard
from segexp.losses.tversky import Tversky

monai = pytest.importorskip("monai.losses")


def sample(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    logits = 2 * torch.randn(3, 1 if classes == 2 else classes, 7, 9, generator=generator)
    mask = (torch.rand(3, 7, 9, generator=generator) ** 2 * classes).to(torch.uint8)  # classes of unequal size
    return logits, mask


def probabilities(logits: Tensor) -> Tensor:
    return logits.sigmoid() if logits.shape[1] == 1 else logits.softmax(1)


def one_hot(mask: Tensor, classes: int) -> Tensor:
    return torch.stack([mask == index for index in range(classes)], dim=1).float()


@pytest.mark.parametrize("classes", [2, 3])
def test_dice_of_monai(classes: int) -> None:
    logits, mask = sample(classes)
    truth = one_hot(mask, classes)[:, 1:] if classes == 2 else one_hot(mask, classes)
    for per_image in (False, True):
        wanted = monai.DiceLoss(smooth_nr=1.0, smooth_dr=1.0, batch=not per_image)(probabilities(logits), truth)
        torch.testing.assert_close(Dice(per_image=per_image)(logits, mask), wanted)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("alpha", "beta"), [(0.3, 0.7), (1.0, 0.0), (0.9, 0.4)])
def test_tversky_of_monai(classes: int, alpha: float, beta: float) -> None:
    logits, mask = sample(classes)
    truth = one_hot(mask, classes)[:, 1:] if classes == 2 else one_hot(mask, classes)
    for per_image in (False, True):
        settings = {"smooth_nr": 2.0, "smooth_dr": 2.0, "batch": not per_image}
        wanted = monai.TverskyLoss(alpha=alpha, beta=beta, **settings)(probabilities(logits), truth)
        found = Tversky(alpha, beta, smooth=2.0, per_image=per_image)(logits, mask)
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("classes", [2, 3])
def test_tversky_holds_dice_and_jaccard(classes: int) -> None:
    logits, mask = sample(classes)
    torch.testing.assert_close(Tversky(0.5, 0.5, smooth=0.5)(logits, mask), Dice(smooth=1.0)(logits, mask))
    torch.testing.assert_close(Tversky(1.0, 1.0)(logits, mask), Jaccard()(logits, mask))


def test_tversky_by_hand() -> None:
    # p = 1/2, 3/4, 1/4 with truth 1, 0, 1: I = 0.75, FP = 0.75, FN = 1.25.
    logits = torch.logit(torch.tensor([0.5, 0.75, 0.25])).view(1, 1, 1, 3)
    mask = torch.tensor([1, 0, 1], dtype=torch.uint8).view(1, 1, 3)
    index = (0.75 + 1) / (0.75 + 0.2 * 0.75 + 0.6 * 1.25 + 1)
    assert Tversky(alpha=0.2, beta=0.6)(logits, mask).item() == pytest.approx(1 - index)
    # The exponent is the inverse of gamma.
    assert FocalTversky(4 / 3, 0.2, 0.6)(logits, mask).item() == pytest.approx((1 - index) ** 0.75)
    assert FocalTversky(0.5, 0.2, 0.6)(logits, mask).item() == pytest.approx((1 - index) ** 2)


def test_focal_tversky_takes_the_power_of_each_class_and_image() -> None:
    logits, mask = sample(3)
    torch.testing.assert_close(FocalTversky(gamma=1.0)(logits, mask), Tversky()(logits, mask))
    parts = []
    for image in range(3):
        p, t = logits[image].softmax(0), one_hot(mask, 3)[image]
        for index in range(3):
            hit = float((p[index] * t[index]).sum())
            false, missed = float(p[index].sum()) - hit, float(t[index].sum()) - hit
            parts.append((1 - (hit + 1) / (hit + 0.3 * false + 0.7 * missed + 1)) ** 0.75)
    assert FocalTversky(per_image=True)(logits, mask).item() == pytest.approx(np.mean(parts), rel=1e-5)


@pytest.mark.parametrize("kind", [Tversky, FocalTversky])
def test_free_mistakes_are_refused(kind: type[Tversky] | type[FocalTversky]) -> None:
    with pytest.raises(ConfigError, match=r"loss\.alpha and loss\.beta are both 0"):
        kind(alpha=0.0, beta=0.0)


@pytest.mark.parametrize("weights", ["square", "simple", "uniform"])
@pytest.mark.parametrize("per_image", [False, True])
def test_generalised_dice_of_monai(weights: str, per_image: bool) -> None:
    for classes in (2, 3):
        logits, mask = sample(classes)
        assert all((image == index).any() for image in mask for index in range(classes))
        foreground = probabilities(logits)
        p = torch.cat((1 - foreground, foreground), dim=1) if classes == 2 else foreground
        settings = {"smooth_nr": 0.0, "smooth_dr": 0.0, "batch": not per_image}
        wanted = monai.GeneralizedDiceLoss(w_type=weights, **settings)(p, one_hot(mask, classes))
        loss = GeneralisedDice(weights, per_image)  # type: ignore[arg-type]
        torch.testing.assert_close(loss(logits, mask), wanted)


def test_generalised_dice_by_hand() -> None:
    # One pixel of class 1 with p = 3/4, three of class 0 with p = 1/4: weights 1/9 and 1.
    logits = torch.logit(torch.tensor([0.75, 0.25, 0.25, 0.25])).view(1, 1, 2, 2)
    mask = torch.tensor([1, 0, 0, 0], dtype=torch.uint8).view(1, 2, 2)
    above = 2 * (0.75 + 2.25 / 9)
    below = (1 + 1.5) + (3 + 2.5) / 9
    assert GeneralisedDice()(logits, mask).item() == pytest.approx(1 - above / below)


def test_generalised_dice_gives_an_absent_class_the_largest_weight() -> None:
    logits = torch.log(torch.tensor([[0.5, 0.25], [0.25, 0.5], [0.25, 0.25]])).view(1, 3, 1, 2)
    mask = torch.tensor([0, 0], dtype=torch.uint8).view(1, 1, 2)
    # Class 0 alone is present; 1 and 2 take its weight.
    assert GeneralisedDice()(logits, mask).item() == pytest.approx(1 - 2 * 0.75 / (2 + 2))


WEIGHTS = [0.5, 2.0, 1.0]


@pytest.mark.parametrize("per_image", [False, True])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("background", [False, True])
def test_forms_of_dice_and_jaccard_are_those_of_monai(background: bool, squared: bool, per_image: bool) -> None:
    logits, mask = sample(3)
    form = {"include_background": background, "squared_pred": squared, "batch": not per_image}
    count = 3 if background else 2
    for kind, smooth in ((Dice, 1.0), (Jaccard, 2.0)):
        # MONAI doubles both sides of the Jaccard quotient, but for the smoothing.
        settings = {"smooth_nr": smooth, "smooth_dr": smooth, "jaccard": kind is Jaccard, "reduction": "none", **form}
        parts = monai.DiceLoss(**settings)(probabilities(logits), one_hot(mask, 3)).view(-1, count)
        keys = {"per_image": per_image, "include_background": background, "squared": squared}
        found = kind(**keys)(logits, mask)
        torch.testing.assert_close(found, parts.mean())
        weights = torch.tensor(WEIGHTS if background else WEIGHTS[1:])
        weighted = ((parts * weights).sum(-1) / weights.sum()).mean()
        torch.testing.assert_close(kind(**keys, class_weights=WEIGHTS)(logits, mask), weighted)
        of_log = kind(**keys, log=True)(logits, mask)
        torch.testing.assert_close(of_log, -(1 - parts).log().mean())


def test_tversky_and_focal_tversky_weigh_and_leave_out_classes() -> None:
    logits, mask = sample(3)
    alone = [Tversky(class_weights=[float(k == index) for k in range(3)])(logits, mask) for index in range(3)]
    torch.testing.assert_close(torch.stack(alone).mean(), Tversky()(logits, mask))
    torch.testing.assert_close(Tversky(include_background=False)(logits, mask), (alone[1] + alone[2]) / 2)
    found = FocalTversky(include_background=False, class_weights=[9, 1, 3])(logits, mask)
    torch.testing.assert_close(found, (alone[1] ** 0.75 + 3 * alone[2] ** 0.75) / 4)
    torch.testing.assert_close(Tversky(log=True, class_weights=[0, 1, 0])(logits, mask), -(1 - alone[1]).log())


def test_generalised_dice_without_background_is_that_of_monai() -> None:
    logits, mask = sample(3)
    settings = {"smooth_nr": 0.0, "smooth_dr": 0.0, "batch": True, "include_background": False}
    wanted = monai.GeneralizedDiceLoss(**settings)(probabilities(logits), one_hot(mask, 3))
    torch.testing.assert_close(GeneralisedDice(include_background=False)(logits, mask), wanted)
    logits, mask = sample(2)
    torch.testing.assert_close(GeneralisedDice(include_background=False)(logits, mask), Dice(smooth=0)(logits, mask))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"class_weights": [1.0, 2.0]}, r"class_weights of loss=Dice has 2 numbers, the data has 3"),
        ({"class_weights": [1.0, 0.0, 0.0], "include_background": False}, "0 for every class but the first"),
    ],
)
def test_weights_that_weigh_nothing_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(MismatchError, match=message):
        Dice(**keys).check(example_spec(3))
    for weights in ("auto", [1.0, 2.0]):
        with pytest.raises(MismatchError, match=r"of the second class alone.*task.two_logits=true"):
            Tversky(class_weights=weights).check(example_spec(2))  # type: ignore[arg-type]


def test_weights_of_classes_are_computed_from_the_training_images() -> None:
    logits, mask = sample(3)
    loss = Dice(class_weights="auto")
    assert loss.needs_counts
    loss.set_counts(torch.tensor([[40, 40, 20]]), example_spec(3))
    assert loss.resolved() == {"class_weights": [1.0, 1.0, 2.0]}
    torch.testing.assert_close(loss(logits, mask), Dice(class_weights=[1, 1, 2])(logits, mask))


@pytest.mark.parametrize(
    "make",
    [
        partial(Dice, include_background=False, squared=True, log=True),
        partial(Jaccard, class_weights=[1, 2, 3], log=True, per_image=True),
        partial(Tversky, include_background=False),
        partial(FocalTversky, class_weights=[1, 2, 3]),
        partial(GeneralisedDice, include_background=False),
    ],
)
def test_every_form_keeps_the_promises_of_a_loss(make: Callable[[], SegmentationLoss]) -> None:
    for promise in PROMISES:
        if promise.name != "half_precision":  # slow, and the same sums whatever the form
            found = outcome(promise, [LossCase(make, 3)], make().exceptions, needed=True)
            assert found.state in ("kept", "excused"), f"{promise.name}: {found.reason}"
    assert make().exceptions.keys() <= {"absent_class"}
