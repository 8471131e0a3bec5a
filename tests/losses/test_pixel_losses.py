"""Losses of single pixels against slow references in NumPy."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.errors import ConfigError, MismatchError
from segexp.losses.bce import BCE
from segexp.losses.cross_entropy import CrossEntropy
from segexp.losses.focal import Focal
from segexp.losses.nll import NLL
from segexp.losses.ohem import OHEM
from segexp.spec import DataSpec, MaskTarget

BINARY = DataSpec(MaskTarget(classes=("sea", "ship"), colours=((0, 0, 0), (9, 9, 9))))
THREE = DataSpec(MaskTarget(classes=("a", "b", "c"), colours=((0, 0, 0),) * 3))


def sample(classes: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = 2 * torch.randn(2, 1 if classes == 2 else classes, 5, 6, generator=generator)
    mask = torch.randint(0, classes, (2, 5, 6), generator=generator).to(torch.uint8)
    mask[1, 2:] = 255
    return logits, mask


def true_probabilities(logits: Tensor, mask: Tensor) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Probability of the true class and its number, of the valid pixels one by one."""
    found, classes = [], []
    for image, labels in zip(logits.double().numpy(), mask.numpy(), strict=True):
        for row, column in np.ndindex(labels.shape):
            if labels[row, column] != 255:
                x = [0.0, image[0, row, column]] if len(image) == 1 else list(image[:, row, column])
                found.append(math.exp(x[labels[row, column]]) / sum(math.exp(value) for value in x))
                classes.append(int(labels[row, column]))
    return np.array(found), np.array(classes)


@pytest.mark.parametrize("classes", [2, 3])
def test_nll_is_the_plain_mean(classes: int) -> None:
    logits, mask = sample(classes)
    p, t = true_probabilities(logits, mask)
    assert NLL()(logits, mask).item() == pytest.approx(-np.log(p).mean())
    other = BCE() if classes == 2 else CrossEntropy()
    torch.testing.assert_close(NLL()(logits, mask), other(logits, mask))
    weights = [0.5, 2.0, 3.0][:classes]
    # Over the number of pixels; cross-entropy divides by the sum of the weights.
    wanted = -(np.array(weights)[t] * np.log(p)).mean()
    assert NLL(weights)(logits, mask).item() == pytest.approx(wanted)
    if classes == 3:
        quotient = wanted / np.array(weights)[t].mean()
        assert CrossEntropy(weights)(logits, mask).item() == pytest.approx(quotient)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_of_each_pixel(classes: int, gamma: float) -> None:
    logits, mask = sample(classes)
    p, t = true_probabilities(logits, mask)
    wanted = -((1 - p) ** gamma) * np.log(p)
    assert Focal(gamma)(logits, mask).item() == pytest.approx(wanted.mean(), rel=1e-5)
    weights = [0.5, 2.0, 3.0][:classes]
    assert Focal(gamma, weights)(logits, mask).item() == pytest.approx((np.array(weights)[t] * wanted).mean(), rel=1e-5)


def test_focal_of_the_paper() -> None:
    # Lin et al. 2017, section 3.2: at gamma = 2, p = 0.9 costs 100 times less than cross-entropy, 0.968 1000 times.
    mask = torch.ones(1, 1, 1, dtype=torch.uint8)
    for p, times in ((0.9, 100), (0.968, 976.5625)):
        logits = torch.logit(torch.tensor(p)).view(1, 1, 1, 1)
        assert (BCE()(logits, mask) / Focal(2.0)(logits, mask)).item() == pytest.approx(times, rel=1e-4)


def test_alpha_as_one_number_weighs_foreground_and_the_rest() -> None:
    logits, mask = sample(2)
    assert torch.equal(Focal(2.0, 0.25)(logits, mask), Focal(2.0, [0.75, 0.25])(logits, mask))
    with pytest.raises(MismatchError, match=r"alpha of loss=focal is one number.*3 \(a, b, c\): give a list"):
        Focal(2.0, 0.25).check(THREE)
    with pytest.raises(MismatchError, match="alpha of loss=focal has 2 numbers"):
        Focal(2.0, [1, 2]).check(THREE)
    Focal(2.0, 0.25).check(BINARY)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(("keep", "thresh"), [(0.25, None), (1.0, None), (0.01, None), (0.1, 0.3), (0.5, 0.01)])
def test_ohem_is_the_mean_of_the_hardest(classes: int, keep: float, thresh: float | None) -> None:
    logits, mask = sample(classes)
    p, t = true_probabilities(logits, mask)
    order = np.argsort(p)
    count = math.ceil(keep * len(p))
    if thresh is not None:
        count = max(count, int((p <= thresh).sum()))
    wanted = -np.log(p[order[:count]])
    assert OHEM(keep, thresh)(logits, mask).item() == pytest.approx(wanted.mean())
    weights = [0.5, 2.0, 3.0][:classes]
    weighted = (np.array(weights)[t[order[:count]]] * wanted).mean()
    assert OHEM(keep, thresh, weights)(logits, mask).item() == pytest.approx(weighted)


def test_ohem_gradient_stays_with_the_chosen_pixels() -> None:
    # Losses log 2, then three equal ones, then less: two of five are kept, so the equal ones share one place.
    logits = torch.tensor([0.0, 1.0, 1.0, 1.0, 5.0]).view(1, 1, 1, 5).requires_grad_()
    mask = torch.ones(1, 1, 5, dtype=torch.uint8)
    loss = OHEM(keep=0.4)(logits, mask)
    loss.backward()
    assert loss.item() == pytest.approx((math.log(2) + math.log1p(math.exp(-1))) / 2)
    assert logits.grad is not None
    slope = -1 / (1 + math.e)
    wanted = torch.tensor([-0.5, slope / 3, slope / 3, slope / 3, 0.0]) / 2
    torch.testing.assert_close(logits.grad.flatten(), wanted)


def test_ohem_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"loss\.keep=0"):
        OHEM(keep=0.0)


@pytest.mark.parametrize("kind", [NLL, OHEM])
def test_numbers_of_weights_are_checked(kind: type[NLL] | type[OHEM]) -> None:
    with pytest.raises(MismatchError, match=r"has 2 numbers, the data has 3 \(a, b, c\)"):
        kind(class_weights=[1, 2]).check(THREE)
    kind(class_weights=[1, 2]).check(BINARY)
    with pytest.raises(ConfigError, match=r"loss\.class_weights"):
        kind(class_weights=[1, -2])
