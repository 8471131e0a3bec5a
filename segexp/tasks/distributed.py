"""What makes a step of several ranks that of one rank: one loss of the whole batch, one set of batch statistics."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, distributed
from torch.overrides import TorchFunctionMode

from segexp.models.auxiliary import Supervised


def all_gather_batch(part: Tensor, sizes: Sequence[int]) -> Tensor:
    """The parts of all ranks as one batch, of which only the own part has a gradient.

    Every rank computes the loss of the whole batch from it. Its gradient with respect to the own part is then exact for
    any loss, also one of sums over the batch, and nothing has to be exchanged on the way back.

    Args:
        part: (b, ...), this rank's.
        sizes: b of each rank.

    Returns:
        (B, ...), in the order of the ranks.
    """
    own = part.detach().contiguous()
    # As bytes, which every backend sends, whatever the dtype.
    sent = own.new_zeros((max(sizes), *own.shape[1:]))
    sent[: len(own)] = own
    flat = sent.flatten().view(torch.uint8)
    received = [torch.empty_like(flat) for _ in sizes]
    distributed.all_gather(received, flat)
    parts = [raw.view(sent.dtype).view(sent.shape)[:size] for raw, size in zip(received, sizes, strict=True)]
    parts[distributed.get_rank()] = part
    return torch.cat(parts)


def all_gather_outputs(outputs: Tensor | Supervised, sizes: Sequence[int]) -> Tensor | Supervised:
    """Gathers a model's outputs of the whole batch from all ranks, auxiliary ones too."""
    if not isinstance(outputs, Supervised):
        return all_gather_batch(outputs, sizes)
    auxiliary = tuple(all_gather_batch(logits, sizes) for logits in outputs.auxiliary)
    return Supervised(all_gather_batch(outputs.logits, sizes), auxiliary, outputs.weights)


class ImageMeans:
    """Figures of batches, and their means over the images of all ranks, each of them once and in float64."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, dict[str, float]]] = []

    def add(self, first: int, images: int, figures: Mapping[str, Tensor]) -> None:
        """Keeps the figures of a batch by the number of its first image."""
        self._rows.append((first, images, {name: float(value) for name, value in figures.items()}))

    def take(self) -> dict[str, float]:
        """The means, summed in the order of the images; empty without any. What was kept is forgotten."""
        rows = sorted((row for part in all_objects(self._rows) for row in part), key=lambda row: row[0])
        self._rows = []
        count = sum(images for _, images, _ in rows)
        names = rows[0][2] if rows else {}
        return {name: sum(images * row[name] for _, images, row in rows) / count for name in names}


def all_objects(own: Any) -> list[Any]:
    """One object of each rank, in order."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [own]
    found: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(found, own)
    return found


class SharedBatchNorm(TorchFunctionMode):
    """While active, batch norm in training uses mean and variance of the whole batch, that is of all ranks.

    It stands in for the function and not for the layers: layers of any class that call it, on any device, keep their
    type, their state and their names in a checkpoint.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Replaces one function."""
        if func is F.batch_norm:
            return _batch_norm(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """As torch.nn.functional.batch_norm."""
    if not training:
        return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    output, mean, variance, count = _Normalised.apply(input, weight, bias, eps)  # type: ignore[no-untyped-call]
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            unbiased = variance * (count / (count - 1))
            running_var.lerp_(unbiased.to(running_var.dtype), momentum)
    return output  # type: ignore[no-any-return]


class _Normalised(torch.autograd.Function):
    """Batch norm (Ioffe and Szegedy 2015) with statistics of all ranks; one exchange forward, one backward."""

    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Output of the input's shape and dtype; mean and variance float32 (C,) and number of values of all ranks."""
        mean, variance, count = _statistics(input)
        ctx.save_for_backward(input, weight, mean, (variance + eps).rsqrt(), count)
        output = F.batch_norm(input, mean, variance, weight, bias, False, 0.0, eps)
        ctx.mark_non_differentiable(mean, variance, count)
        return output, mean, variance, count

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        """Gradients of input, weight and bias; those of weight and bias are this rank's part."""
        input, weight, mean, scale, count = ctx.saved_tensors
        shape = (1, -1, *[1] * (input.ndim - 2))
        others = [axis for axis in range(input.ndim) if axis != 1]
        normal = (_wide(input) - mean.view(shape)) * scale.view(shape)
        gradient = _wide(gradient)
        own = torch.stack((gradient.sum(others), (gradient * normal).sum(others)))
        total = _each(own).sum(0) / count
        inner = gradient - total[0].view(shape) - normal * total[1].view(shape)
        factor = scale if weight is None else scale * weight
        given = (inner * factor.view(shape)).to(input.dtype)
        if weight is None:
            return given, None, None, None
        return given, own[1].to(weight.dtype), own[0].to(weight.dtype), None


def _statistics(input: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and biased variance float32 (C,), and number of values float32, of all ranks.

    From each rank's own mean and squared deviations (Chan et al. 1979): sums of squares would lose digits.
    """
    others = [axis for axis in range(input.ndim) if axis != 1]
    number = input.numel() // input.shape[1]
    variance, mean = torch.var_mean(_wide(input), others, correction=0)
    found = _each(torch.cat((mean, variance * number, mean.new_tensor([float(number)]))))
    channels = input.shape[1]
    means, squares, numbers = found[:, :channels], found[:, channels:-1], found[:, -1:]
    count = numbers.sum()
    whole = (means * numbers).sum(0) / count
    squares = squares + numbers * (means - whole) ** 2
    return whole, squares.sum(0) / count, count


def _wide(values: Tensor) -> Tensor:
    """At least float32, for sums."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


def _each(own: Tensor) -> Tensor:
    """(ranks, ...): summed in the order of the ranks, so that all have the same, bit for bit."""
    found = [torch.empty_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(found, own.contiguous())
    return torch.stack(found)
