"""What every loss in conf/loss must do; a new YAML is found by itself."""

from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from torch import Tensor

from segexp.errors import MismatchError
from segexp.losses.base import TOTAL, SegmentationLoss
from segexp.spec import IGNORED, DataSpec

CONF = Path(__file__).parents[2] / "conf"
NAMES = sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))


def make(name: str) -> SegmentationLoss:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loss = instantiate(compose(overrides=[f"+loss={name}"]).loss)
    assert isinstance(loss, SegmentationLoss)
    return loss


def spec(num_classes: int) -> DataSpec:
    names = tuple("abcd"[:num_classes])
    return DataSpec(classes=names, colours=((0, 0, 0),) * num_classes)


def fits(loss: SegmentationLoss, num_classes: int) -> bool:
    try:
        loss.check(spec(num_classes))
    except MismatchError:
        return False
    return True


CASES = [
    pytest.param(name, classes, id=f"{name}-{classes}")
    for name in NAMES
    for classes in (2, 3)
    if fits(make(name), classes)
]
every_loss = pytest.mark.parametrize(("name", "classes"), CASES)


def batch(classes: int, size: tuple[int, ...] = (4, 9, 13)) -> tuple[Tensor, Tensor]:
    """Random logits and a mask, its first rows ignored."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(size[0], spec(classes).out_channels, *size[1:], generator=generator)
    mask = torch.randint(0, classes, size, generator=generator).to(torch.uint8)
    mask[:, :2] = IGNORED
    return logits, mask


def value_and_gradient(loss: SegmentationLoss, logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    leaf = logits.clone().requires_grad_()
    value = loss(leaf, mask)
    value.backward()
    assert leaf.grad is not None
    return value.detach(), leaf.grad


def confident(mask: Tensor, classes: int, strength: float) -> Tensor:
    """Logits that speak for the mask (or against it, for a negative strength)."""
    if classes == 2:
        return strength * (2.0 * mask.eq(1).float() - 1.0).unsqueeze(1)
    one_hot = torch.stack([mask.eq(index) for index in range(classes)], dim=1).float()
    return strength * (2.0 * one_hot - 1.0)


def test_every_loss_is_tried() -> None:
    assert {str(case.values[0]) for case in CASES} == set(NAMES)
    assert len(NAMES) >= 5


@pytest.mark.parametrize("name", NAMES)
def test_a_misfit_names_classes_and_another_loss(name: str) -> None:
    for classes in (2, 3):
        if not fits(make(name), classes):
            with pytest.raises(MismatchError, match=r"(a, b).* use loss=") as caught:
                make(name).check(spec(classes))
            assert f"the data has {classes}" in str(caught.value)


@every_loss
def test_value_is_a_float32_scalar(name: str, classes: int) -> None:
    value = make(name)(*batch(classes))
    assert value.shape == ()
    assert value.dtype == torch.float32
    assert value > 0


@every_loss
@pytest.mark.parametrize("filler", [3.0, -1e4, torch.inf, -torch.inf, torch.nan])
def test_ignored_pixels_change_nothing(name: str, classes: int, filler: float) -> None:
    logits, mask = batch(classes)
    other = torch.where((mask == IGNORED).unsqueeze(1), filler, logits)
    value, gradient = value_and_gradient(make(name), logits, mask)
    other_value, other_gradient = value_and_gradient(make(name), other, mask)
    assert torch.equal(value, other_value)
    assert torch.equal(gradient, other_gradient)
    assert not gradient[:, :, :2].any()


@every_loss
def test_ignored_pixels_count_as_cut_off(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    cut = make(name)(logits[:, :, 2:], mask[:, 2:])
    torch.testing.assert_close(make(name)(logits, mask), cut)


@every_loss
def test_gradient_is_finite_and_reaches_every_valid_pixel(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    _, gradient = value_and_gradient(make(name), logits, mask)
    assert torch.isfinite(gradient).all()
    assert gradient[:, :, 2:].ne(0).any(dim=1).all()


@every_loss
@pytest.mark.parametrize("strength", [1.0, 40.0, 1e4])
def test_gradient_stays_finite_for_confident_logits(name: str, classes: int, strength: float) -> None:
    _, mask = batch(classes)
    for sign in (1.0, -1.0):
        value, gradient = value_and_gradient(make(name), confident(mask, classes, sign * strength), mask)
        assert torch.isfinite(value)
        assert torch.isfinite(gradient).all()


@every_loss
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_of_a_large_full_mask(name: str, classes: int, dtype: torch.dtype) -> None:
    mask = torch.ones(1, 1024, 1024, dtype=torch.uint8)
    logits = torch.randn(1, spec(classes).out_channels, 1024, 1024).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        half, gradient = value_and_gradient(make(name), logits, mask)
    exact = make(name)(logits.double(), mask)
    assert half.dtype == torch.float32
    torch.testing.assert_close(half, exact.float(), rtol=1e-5, atol=1e-6)
    assert torch.isfinite(gradient).all()


@every_loss
def test_all_ignored_is_exactly_zero(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    value, gradient = value_and_gradient(make(name), logits, torch.full_like(mask, IGNORED))
    assert value == 0
    assert not gradient.any()
    assert torch.isfinite(gradient).all()


@every_loss
def test_an_absent_class_is_pushed_down(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    value, gradient = value_and_gradient(make(name), logits, torch.zeros_like(mask))
    assert torch.isfinite(value)
    assert (gradient[:, -1] > 0).all(), "descending must lower the logit of a class that is nowhere"


@every_loss
def test_good_is_below_bad(name: str, classes: int) -> None:
    _, mask = batch(classes)
    losses = [float(make(name)(confident(mask, classes, strength), mask)) for strength in (8, 2, 0, -2, -8)]
    assert losses == sorted(losses)
    assert losses[0] < 0.1 < losses[-1]


@every_loss
def test_order_of_pixels_does_not_matter(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    order = torch.randperm(mask.shape[1] * mask.shape[2], generator=torch.Generator().manual_seed(1))
    shuffled = logits.flatten(2)[..., order].view_as(logits), mask.flatten(1)[:, order].view_as(mask)
    torch.testing.assert_close(make(name)(*shuffled), make(name)(logits, mask))


@every_loss
def test_order_and_repetition_of_images_do_not_matter(name: str, classes: int) -> None:
    logits, mask = batch(classes, (4, 40, 50))
    value = make(name)(logits, mask)
    torch.testing.assert_close(make(name)(logits.flip(0), mask.flip(0)), value)
    # Not exact for a smoothed quotient: the smoothing weighs half as much for twice the pixels.
    twice = make(name)(torch.cat((logits, logits)), torch.cat((mask, mask)))
    torch.testing.assert_close(twice, value, rtol=1e-3, atol=1e-3)


@every_loss
def test_channels_last_changes_nothing(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    last = logits.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(make(name)(last, mask), make(name)(logits, mask))


@every_loss
def test_terms_hold_the_value(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    terms = make(name).terms(logits, mask)
    assert torch.equal(terms[TOTAL], make(name)(logits, mask))
    assert all(value.shape == () for value in terms.values())


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_loss_goes_into_a_checkpoint(name: str) -> None:
    assert not make(name).state_dict()
    text = (CONF / "loss" / f"{name}.yaml").read_text()
    assert text.startswith("# ")
