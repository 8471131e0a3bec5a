"""What every loss in conf/loss must do; a new YAML is found by itself."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

from segexp.errors import DataError, MismatchError
from segexp.losses.base import TOTAL, SegmentationLoss
from segexp.losses.weighted_sum import WeightedSum
from segexp.spec import IGNORED, DataSpec, MaskTarget

CONF = Path(__file__).parents[2] / "conf"
NAMES = sorted(path.stem for path in (CONF / "loss").glob("*.yaml"))


@functools.cache
def config(name: str) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return OmegaConf.to_container(compose(overrides=[f"+loss={name}"]).loss, resolve=True)


def make(name: str) -> SegmentationLoss:
    loss = instantiate(config(name), _convert_="all")
    assert isinstance(loss, SegmentationLoss)
    return loss


def spec(num_classes: int) -> DataSpec:
    names = tuple("abcd"[:num_classes])
    return DataSpec(MaskTarget(classes=names, colours=((0, 0, 0),) * num_classes))


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
def test_gradient_is_finite_and_not_zero(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    _, gradient = value_and_gradient(make(name), logits, mask)
    assert torch.isfinite(gradient).all()
    assert gradient.any()


@every_loss
def test_same_input_same_value_and_gradient(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    loss = make(name)
    first, second = value_and_gradient(loss, logits, mask), value_and_gradient(loss, logits, mask)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])


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
    # Four times as many pixels as float16 can count.
    mask = torch.ones(1, 512, 512, dtype=torch.uint8)
    logits = torch.randn(1, spec(classes).out_channels, 512, 512).to(dtype)
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
@pytest.mark.parametrize("only", [0, -1])
def test_absent_classes_give_finite_numbers(name: str, classes: int, only: int) -> None:
    logits, mask = batch(classes)
    value, gradient = value_and_gradient(make(name), logits, torch.full_like(mask, range(classes)[only]))
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


@every_loss
def test_what_does_not_fit_is_refused(name: str, classes: int) -> None:
    loss, (logits, mask) = make(name), batch(classes)
    wrong: dict[str, tuple[Tensor, Tensor]] = {
        "squeeze": (logits, mask.unsqueeze(1)),
        "a mask for each of 4 images": (logits, mask[:1]),
        "same height and width": (logits, mask[:, :, :-1]),
        "unsqueeze": (logits[:, 0], mask),
        "mask of torch.float32": (logits, mask.float()),
        "mask of torch.bool": (logits, mask == 1),
        "logits of torch.int64": (logits.long(), mask),
        rf"the mask holds \[{classes}\]": (logits, mask.masked_fill(mask == 1, classes)),
        r"the mask holds \[254\]": (logits, mask.masked_fill(mask == 0, 254)),
        r"the mask holds \[-1\]": (logits, mask.long().masked_fill(mask == 0, -1)),
    }
    for words, (some_logits, some_mask) in wrong.items():
        for use in (loss, loss.terms):
            with pytest.raises((MismatchError, DataError), match=words):
                use(some_logits, some_mask)
    torch.testing.assert_close(loss(logits, mask.long()), loss(logits, mask))


def every_pixel(name: str, classes: int) -> None:
    """The gradient reaches every valid pixel."""
    logits, mask = batch(classes)
    _, gradient = value_and_gradient(make(name), logits, mask)
    assert gradient[:, :, 2:].ne(0).any(dim=1).all()


def absent_class(name: str, classes: int) -> None:
    """Descending lowers the logit of a class that is nowhere."""
    logits, mask = batch(classes)
    _, gradient = value_and_gradient(make(name), logits, torch.zeros_like(mask))
    assert (gradient[:, -1] > 0).all()


def good_below_bad(name: str, classes: int) -> None:
    """The surer of the truth, the lower the loss."""
    _, mask = batch(classes)
    losses = [float(make(name)(confident(mask, classes, strength), mask)) for strength in (8, 2, 0, -2, -8)]
    assert losses == sorted(losses)
    assert losses[0] < 0.1 < losses[-1]


def pixel_order(name: str, classes: int) -> None:
    """Where the pixels lie does not matter."""
    logits, mask = batch(classes)
    order = torch.randperm(mask.shape[1] * mask.shape[2], generator=torch.Generator().manual_seed(1))
    shuffled = logits.flatten(2)[..., order].view_as(logits), mask.flatten(1)[:, order].view_as(mask)
    torch.testing.assert_close(make(name)(*shuffled), make(name)(logits, mask))


def slope(name: str, classes: int) -> None:
    """A small step along the signs of the gradient changes the loss by what the gradient says."""
    logits, mask = batch(classes)
    loss, step = make(name), 1e-3
    _, gradient = value_and_gradient(loss, logits, mask)
    change = loss(logits + step * gradient.sign(), mask) - loss(logits - step * gradient.sign(), mask)
    torch.testing.assert_close(change / (2 * step), gradient.abs().sum(), rtol=3e-3, atol=0)


PARTS: dict[str, Callable[[str, int], None]] = {
    part.__name__: part for part in (every_pixel, absent_class, good_below_bad, pixel_order, slope)
}
"""Parts of the contract that a loss may be excused from, with a reason in its ``exceptions``."""


@every_loss
@pytest.mark.parametrize("part", PARTS)
def test_part_of_the_contract(name: str, classes: int, part: str) -> None:
    try:
        PARTS[part](name, classes)
    except AssertionError:
        if part not in make(name).exceptions:
            raise
        pytest.skip(make(name).exceptions[part])


@pytest.mark.parametrize("name", NAMES)
def test_every_exception_is_needed(name: str) -> None:
    loss = make(name)
    # A sum names what its terms are excused from; another term may make up for it.
    for part in [] if isinstance(loss, WeightedSum) else loss.exceptions:
        failed = 0
        for classes in (2, 3):
            try:
                PARTS[part](name, classes)
            except AssertionError:
                failed += 1
        assert failed, f"{name} keeps {part!r}, remove the exception"


@every_loss
def test_order_and_repetition_of_images_do_not_matter(name: str, classes: int) -> None:
    logits, mask = batch(classes, (4, 40, 50))
    value = make(name)(logits, mask)
    torch.testing.assert_close(make(name)(logits.flip(0), mask.flip(0)), value)
    # Not exact for a smoothed quotient: the smoothing weighs half as much for twice the pixels.
    twice = make(name)(torch.cat((logits, logits)), torch.cat((mask, mask)))
    torch.testing.assert_close(twice, value, rtol=1e-3, atol=1e-3)


@every_loss
def test_memory_layout_changes_nothing(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    # Columns before rows in memory, inside larger tensors.
    turned = torch.cat((logits, logits), dim=1).transpose(2, 3).contiguous().transpose(2, 3)[:, : logits.shape[1]]
    turned_mask = torch.cat((mask, mask), dim=1).transpose(1, 2).contiguous().transpose(1, 2)[:, : mask.shape[1]]
    assert not turned.is_contiguous()
    value, gradient = value_and_gradient(make(name), logits, mask)
    for other in (turned, logits.contiguous(memory_format=torch.channels_last)):
        other_value, other_gradient = value_and_gradient(make(name), other, turned_mask)
        torch.testing.assert_close(other_value, value)
        torch.testing.assert_close(other_gradient, gradient)


@every_loss
def test_terms_hold_the_value(name: str, classes: int) -> None:
    logits, mask = batch(classes)
    terms = make(name).terms(logits, mask)
    assert torch.equal(terms[TOTAL], make(name)(logits, mask))
    assert all(value.shape == () for value in terms.values())


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_loss_goes_into_a_checkpoint(name: str) -> None:
    loss = make(name)
    # Nor is anything taken from the training data without being asked.
    loss.set_counts(torch.ones(1, 3, dtype=torch.int64), spec(3))
    assert (loss.needs_counts, loss.resolved(), len(loss.state_dict())) == (False, {}, 0)
    text = (CONF / "loss" / f"{name}.yaml").read_text()
    assert text.startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_the_docstring_says_activation_and_absent_classes(name: str) -> None:
    text = type(make(name)).__doc__ or ""
    assert "Activation: " in text
    assert "absent" in text
