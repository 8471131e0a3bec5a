"""What every loss promises: masks that are partly ignored, confident logits, half precision, absent classes."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segexp.errors import DataError, MismatchError
from segexp.inspection.contracts.promise import ContractError, Promise, require
from segexp.losses.base import TOTAL, SegmentationLoss
from segexp.spec import IGNORED, DataSpec, MaskTarget

Make = Callable[[], SegmentationLoss]
Differentiated = tuple[Tensor, Tensor]
"""Value and gradient by the logits."""


@dataclass(frozen=True)
class LossCase:
    """A loss, made anew for each call, and a number of classes that it fits."""

    make: Make
    classes: int


def example_spec(num_classes: int) -> DataSpec:
    """Classes a, b, c ... of made-up data."""
    return DataSpec(MaskTarget(tuple("abcdefgh"[:num_classes]), ((0, 0, 0),) * num_classes))


def loss_cases(make: Make) -> list[LossCase]:
    """The numbers of classes, two and three, that a loss fits."""
    cases = []
    for classes in (2, 3):
        try:
            make().check(example_spec(classes))
        except MismatchError:
            continue
        cases.append(LossCase(make, classes))
    return cases


def batch(classes: int, size: tuple[int, ...] = (4, 9, 13)) -> tuple[Tensor, Tensor]:
    """Random logits float32 (B, K, H, W) and a mask uint8 (B, H, W), its first two rows ignored."""
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(size[0], example_spec(classes).out_channels, *size[1:], generator=generator)
    mask = torch.randint(0, classes, size, generator=generator).to(torch.uint8)
    mask[:, :2] = IGNORED
    return logits, mask


def differentiated(loss: SegmentationLoss, logits: Tensor, mask: Tensor) -> Differentiated:
    """Value and gradient of a loss."""
    leaf = logits.clone().requires_grad_()
    value = loss(leaf, mask)
    (gradient,) = torch.autograd.grad(value, leaf)
    return value.detach(), gradient


def confident(mask: Tensor, classes: int, strength: float) -> Tensor:
    """Logits that speak for the mask (or against it, for a negative strength)."""
    if classes == 2:
        return strength * (2.0 * mask.eq(1).float() - 1.0).unsqueeze(1)
    one_hot = torch.stack([mask.eq(index) for index in range(classes)], dim=1).float()
    return strength * (2.0 * one_hot - 1.0)


def _near(found: Tensor, wanted: Tensor, what: str, rtol: float = 1.3e-6, atol: float = 1e-5) -> None:
    try:
        torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol)
    except AssertionError as error:
        raise ContractError(f"{what}: {' '.join(str(error).split())}") from error


def _finite(differentiated_: Differentiated, where: str) -> None:
    value, gradient = differentiated_
    advice = "use logsigmoid, log_softmax or softplus instead of a logarithm, and guard divisions by 0"
    require(bool(torch.isfinite(value)), f"the value {float(value):g} {where}", "a finite one", advice)
    require(bool(torch.isfinite(gradient).all()), f"a gradient with nan or infinity {where}", "a finite one", advice)


def _scalar(case: LossCase) -> None:
    value = case.make()(*batch(case.classes))
    require(value.shape == (), f"shape {tuple(value.shape)}", "a scalar", "take the mean over the valid pixels")
    require(value.dtype == torch.float32, f"{value.dtype}", "float32", "begin with logits.float()")
    require(bool(value > 0), f"{float(value):g} for random logits", "a loss above 0")


def _ignored(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    value, gradient = differentiated(case.make(), logits, mask)
    advice = f"leave pixels out with logits[...][mask != {IGNORED}], not by weights of 0, which keep nan"
    for filler in (3.0, -1e4, torch.inf, -torch.inf, torch.nan):
        other = torch.where((mask == IGNORED).unsqueeze(1), filler, logits)
        other_value, other_gradient = differentiated(case.make(), other, mask)
        what = f"logits of {filler} under ignored pixels"
        require(torch.equal(value, other_value), f"{what} change the value", "no change", advice)
        require(torch.equal(gradient, other_gradient), f"{what} change the gradient", "no change", advice)
    require(not gradient[:, :, :2].any(), "a gradient at ignored pixels", "0 there", advice)


def _cut_off(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    _near(case.make()(logits, mask), case.make()(logits[:, :, 2:], mask[:, 2:]), "ignored rows, and the rows cut off")


def _gradient(case: LossCase) -> None:
    found = differentiated(case.make(), *batch(case.classes))
    _finite(found, "of random logits")
    require(bool(found[1].any()), "a gradient of 0 everywhere", "one that trains")


def _repeatable(case: LossCase) -> None:
    loss, (logits, mask) = case.make(), batch(case.classes)
    first, second = differentiated(loss, logits, mask), differentiated(loss, logits, mask)
    same = torch.equal(first[0], second[0]) and torch.equal(first[1], second[1])
    require(same, "another value or gradient at the second call", "the same for the same input")


def _confident(case: LossCase) -> None:
    _, mask = batch(case.classes)
    for strength in (1.0, -1.0, 40.0, -40.0, 1e4, -1e4):
        logits = confident(mask, case.classes, strength)
        _finite(differentiated(case.make(), logits, mask), f"of logits of size {abs(strength):g}")


def _half_precision(case: LossCase) -> None:
    # Four times as many pixels as float16 can count.
    mask = torch.ones(1, 512, 512, dtype=torch.uint8)
    exact_logits = torch.randn(1, example_spec(case.classes).out_channels, 512, 512)
    for dtype in (torch.float16, torch.bfloat16):
        logits = exact_logits.to(dtype)
        with torch.autocast("cpu", torch.bfloat16):
            half = differentiated(case.make(), logits, mask)
        exact = case.make()(logits.double(), mask)
        require(half[0].dtype == torch.float32, f"{half[0].dtype} of logits of {dtype}", "float32")
        _near(half[0], exact.float(), f"the value of logits of {dtype}, and of the same in float64", 1e-5, 1e-6)
        _finite(half, f"of logits of {dtype}")


def _all_ignored(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    value, gradient = differentiated(case.make(), logits, torch.full_like(mask, IGNORED))
    advice = "divide by the number of valid pixels with .clamp(min=1)"
    require(bool(value == 0), f"{float(value):g} of a mask that is all ignored", "exactly 0", advice)
    require(not gradient.any() and bool(torch.isfinite(gradient).all()), "a gradient there", "0", advice)


def _absent(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    for only in (0, case.classes - 1):
        full = torch.full_like(mask, only)
        _finite(differentiated(case.make(), logits, full), f"where class {only} fills the mask")


def _inputs(case: LossCase) -> None:
    loss, classes, (logits, mask) = case.make(), case.classes, batch(case.classes)
    wrong: dict[str, tuple[Tensor, Tensor]] = {
        "squeeze": (logits, mask.unsqueeze(1)),
        "a mask for each of 4 images": (logits, mask[:1]),
        "same height and width": (logits, mask[:, :, :-1]),
        "unsqueeze": (logits[:, 0], mask),
        "mask of torch.float32": (logits, mask.float()),
        "mask of torch.bool": (logits, mask == 1),
        "logits of torch.int64": (logits.long(), mask),
        f"the mask holds [{classes}]": (logits, mask.masked_fill(mask == 1, classes)),
        "the mask holds [254]": (logits, mask.masked_fill(mask == 0, 254)),
        "the mask holds [-1]": (logits, mask.long().masked_fill(mask == 0, -1)),
    }
    for words, inputs in wrong.items():
        for use in (loss, loss.terms):
            _refused(use, inputs, words)
    _near(loss(logits, mask.long()), loss(logits, mask), "a mask of int64, and of uint8")


def _refused(use: Callable[[Tensor, Tensor], object], inputs: tuple[Tensor, Tensor], words: str) -> None:
    try:
        use(*inputs)
    except (MismatchError, DataError) as error:
        require(words in str(error), f"the words {error}", f"some that say {words!r}")
        return
    raise ContractError(
        f"found no error for inputs that do not fit ({words}), expected one: leave __call__ to SegmentationLoss, write "
        "forward alone, and let terms() call the loss"
    )


def _batch_order(case: LossCase) -> None:
    logits, mask = batch(case.classes, (4, 40, 50))
    value = case.make()(logits, mask)
    _near(case.make()(logits.flip(0), mask.flip(0)), value, "images in another order")
    # Not exact for a smoothed quotient: the smoothing weighs half as much for twice the pixels.
    twice = case.make()(torch.cat((logits, logits)), torch.cat((mask, mask)))
    _near(twice, value, "every image twice, and once", 1e-3, 1e-3)


def _memory_layout(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    # Columns before rows in memory, inside larger tensors.
    turned = torch.cat((logits, logits), dim=1).transpose(2, 3).contiguous().transpose(2, 3)[:, : logits.shape[1]]
    turned_mask = torch.cat((mask, mask), dim=1).transpose(1, 2).contiguous().transpose(1, 2)[:, : mask.shape[1]]
    value, gradient = differentiated(case.make(), logits, mask)
    for other in (turned, logits.contiguous(memory_format=torch.channels_last)):
        other_value, other_gradient = differentiated(case.make(), other, turned_mask)
        _near(other_value, value, "the value of the same logits in another layout of memory")
        _near(other_gradient, gradient, "the gradient of the same logits in another layout of memory")


def _terms(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    terms = case.make().terms(logits, mask)
    require(TOTAL in terms, f"terms() with {sorted(terms)}", f"one named {TOTAL!r}")
    same = torch.equal(terms[TOTAL], case.make()(logits, mask))
    require(same, f"another terms()[{TOTAL!r}] than the loss", "the same")
    wrong = [name for name, value in terms.items() if value.shape != ()]
    require(not wrong, f"terms {wrong} that are no scalars", "scalars")


def _every_pixel(case: LossCase) -> None:
    _, gradient = differentiated(case.make(), *batch(case.classes))
    reached = gradient[:, :, 2:].ne(0).any(dim=1)
    require(bool(reached.all()), f"a gradient of 0 at {int((~reached).sum())} valid pixels", "one at each")


def _absent_class(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    _, gradient = differentiated(case.make(), logits, torch.zeros_like(mask))
    require(bool((gradient[:, -1] > 0).all()), "a class that is nowhere whose logit rises", "one that falls everywhere")


def _good_below_bad(case: LossCase) -> None:
    _, mask = batch(case.classes)
    losses = [float(case.make()(confident(mask, case.classes, strength), mask)) for strength in (8, 2, 0, -2, -8)]
    message = ", ".join(f"{value:.3g}" for value in losses)
    require(losses == sorted(losses), f"losses {message} from sure and right to sure and wrong", "rising ones")
    require(losses[0] < 0.1 < losses[-1], f"{message}", "below 0.1 for sure and right, above for sure and wrong")


def _pixel_order(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    order = torch.randperm(mask.shape[1] * mask.shape[2], generator=torch.Generator().manual_seed(1))
    shuffled = logits.flatten(2)[..., order].view_as(logits), mask.flatten(1)[:, order].view_as(mask)
    _near(case.make()(*shuffled), case.make()(logits, mask), "pixels in another order")


def _slope(case: LossCase) -> None:
    logits, mask = batch(case.classes)
    loss, step = case.make(), 1e-3
    _, gradient = differentiated(loss, logits, mask)
    change = loss(logits + step * gradient.sign(), mask) - loss(logits - step * gradient.sign(), mask)
    what = "the change of the value along the gradient, and what the gradient says"
    _near(change / (2 * step), gradient.abs().sum(), what, 3e-3, 0)


PROMISES = (
    Promise("scalar", "a float32 scalar above 0", _scalar),
    Promise("ignored", f"pixels of {IGNORED} change neither value nor gradient, whatever their logits", _ignored),
    Promise("cut_off", "ignored pixels count as if they were cut off", _cut_off),
    Promise("gradient", "a finite gradient that is not 0", _gradient),
    Promise("repeatable", "the same input gives the same value and gradient", _repeatable),
    Promise("confident", "value and gradient stay finite for logits up to 10000", _confident),
    Promise("half_precision", "float32 sums of half-precision logits, over more pixels than float16 can count",
            _half_precision),
    Promise("all_ignored", "a mask without a valid pixel gives exactly 0 and a zero gradient", _all_ignored),
    Promise("absent", "a mask of one class gives finite numbers", _absent),
    Promise("inputs", "shapes and types that do not fit are refused in words", _inputs),
    Promise("batch_order", "order and repetition of images do not matter", _batch_order),
    Promise("memory_layout", "layout of memory does not matter", _memory_layout),
    Promise("terms", "terms() holds the value and scalars", _terms),
    Promise("every_pixel", "the gradient reaches every valid pixel", _every_pixel),
    Promise("absent_class", "descending lowers the logit of a class that is nowhere", _absent_class),
    Promise("good_below_bad", "the surer of the truth, the lower the loss", _good_below_bad),
    Promise("pixel_order", "where the pixels lie does not matter", _pixel_order),
    Promise("slope", "a small step along the gradient changes the loss by what the gradient says", _slope),
)  # fmt: skip
