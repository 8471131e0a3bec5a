"""Computes which pixels of a line each value of a feature map can depend on, through every operation.

One axis at a time: a map of n rows has n intervals of image rows. A convolution or pooling joins the intervals of the
rows under its window, interpolation those between which it mixes, a concatenation those of its parts.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FAR = 1 << 40
"""Stands for "without end": a value that depends on the whole line reaches from -FAR to FAR."""

HIDDEN = FAR >> 2
"""Stands for "not known": more than any line is long and less than everything, so that "everything" hides it."""


@dataclass(frozen=True)
class Reach:
    """One interval per position of a map: pixels ``low`` to ``high``, both included; empty where low > high.

    Attributes:
        low: int64 (n,).
        high: int64 (n,).
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.low)

    @property
    def uniform(self) -> bool:
        """True if every position has the same interval, so that moving positions about changes nothing."""
        return bool((self.low == self.low[0]).all() and (self.high == self.high[0]).all())

    def take(self, index: NDArray[np.int64]) -> "Reach":
        """Picks the intervals at ``index``; an index outside the map (padding) depends on nothing."""
        inside = (index >= 0) & (index < len(self))
        place = np.clip(index, 0, len(self) - 1)
        return Reach(np.where(inside, self.low[place], FAR), np.where(inside, self.high[place], -FAR))

    def __or__(self, other: "Reach") -> "Reach":
        """Intervals of what depends on both; a map of one position is spread over the other."""
        return Reach(np.minimum(self.low, other.low), np.maximum(self.high, other.high))


def identity_reach(count: int) -> Reach:
    """Makes the reach of the image itself: each pixel depends on itself."""
    places = np.arange(count, dtype=np.int64)
    return Reach(places, places)


def empty_reach(count: int) -> Reach:
    """Makes the reach of constants, which depend on no pixel."""
    return Reach(np.full(count, FAR), np.full(count, -FAR))


def whole_reach(count: int) -> Reach:
    """Makes the reach of values that every pixel of the line changes."""
    return Reach(np.full(count, -FAR), np.full(count, FAR))


def unknown_reach() -> Reach:
    """Makes the reach of an operation that is not understood, for every position."""
    return Reach(np.full(1, -HIDDEN), np.full(1, HIDDEN))


def window_reach(reach: Reach, count: int, kernel: int, stride: int, padding: int, dilation: int) -> Reach:
    """Computes the reach of a convolution or pooling with ``count`` output positions."""
    first = np.arange(count, dtype=np.int64) * stride - padding
    joined = empty_reach(count)
    for tap in range(kernel):
        joined |= reach.take(first + tap * dilation)
    return joined


def transposed_reach(reach: Reach, count: int, kernel: int, stride: int, padding: int, dilation: int) -> Reach:
    """Computes the reach of a transposed convolution: value i is spread to i stride - padding + tap dilation."""
    places = np.arange(count, dtype=np.int64) + padding
    joined = empty_reach(count)
    for tap in range(kernel):
        source, rest = np.divmod(places - tap * dilation, stride)
        joined |= reach.take(np.where(rest == 0, source, -1))
    return joined


def interpolate_reach(reach: Reach, count: int, before: int, after: int, *, align_corners: bool) -> Reach:
    """Computes the reach of an interpolation that mixes ``before`` values up to the place and ``after`` behind it.

    Bilinear is 1 and 1, bicubic 2 and 2. A place that falls on a value needs that one alone.
    """
    places = np.arange(count)
    if align_corners:
        exact = places * (len(reach) - 1) / max(count - 1, 1)
    else:
        exact = np.clip((places + 0.5) * len(reach) / count - 0.5, 0 if before == 1 else -np.inf, None)
    left = np.floor(exact).astype(np.int64)
    joined = reach.take(np.clip(left, 0, len(reach) - 1))
    for step in range(1 - before, after + 1):
        source = np.where(exact == left, left, left + step)
        joined |= reach.take(np.clip(source, 0, len(reach) - 1))
    return joined


Arguments = Mapping[str, Any]
Rule = Callable[[Reach, Arguments, int, int], Reach]
"""(reach of the input, arguments of the operation, axis 0 or 1, positions of the output) -> reach of the output."""


def _convolution(reach: Reach, arguments: Arguments, axis: int, count: int) -> Reach:
    kernel = int(arguments["weight"].shape[2 + axis])
    numbers = [_along(arguments[key], axis) for key in ("stride", "padding", "dilation")]
    return (transposed_reach if arguments["transposed"] else window_reach)(reach, count, kernel, *numbers)


def _pooling(reach: Reach, arguments: Arguments, axis: int, count: int) -> Reach:
    kernel = _along(arguments["kernel_size"], axis)
    stride = _along(arguments["stride"], axis) if arguments["stride"] else kernel
    return window_reach(
        reach, count, kernel, stride, _along(arguments["padding"], axis), _along(arguments.get("dilation", 1), axis)
    )


def _nearest(reach: Reach, _arguments: Arguments, _axis: int, count: int) -> Reach:
    return reach.take(np.arange(count, dtype=np.int64) * len(reach) // count)


def _bilinear(reach: Reach, arguments: Arguments, _axis: int, count: int) -> Reach:
    return interpolate_reach(reach, count, 1, 1, align_corners=arguments["align_corners"])


def _bicubic(reach: Reach, arguments: Arguments, _axis: int, count: int) -> Reach:
    return interpolate_reach(reach, count, 2, 2, align_corners=arguments["align_corners"])


def _unpooling(reach: Reach, _arguments: Arguments, _axis: int, count: int) -> Reach:
    """Where in its cell a value lands depends on what the value depends on; an odd last row is constant."""
    return reach.take(np.arange(count, dtype=np.int64) // max(count // len(reach), 1))


def _pad(reach: Reach, arguments: Arguments, axis: int, count: int) -> Reach:
    """Constant or mirrored border: F.pad counts from the last axis, two numbers each."""
    amounts = [*(arguments.get("pad") or arguments["padding"]), 0, 0]
    places = np.arange(count, dtype=np.int64) - int(amounts[2 * (1 - axis)])
    if "pad" in arguments:
        return reach.take(places)
    mirrored = np.abs(places)
    return reach.take(np.where(mirrored < len(reach), mirrored, 2 * (len(reach) - 1) - mirrored))


def _cut(reach: Reach, arguments: Arguments, axis: int, count: int) -> Reach:
    if arguments["dim"] % 4 != 2 + axis:
        return reach
    return reach.take(cut_places(arguments, len(reach), count))


def cut_places(arguments: Arguments, length: int, count: int) -> NDArray[np.int64]:
    """Lists the positions that a slice takes out of ``length``."""
    start = int(arguments["start"] or 0)
    return np.arange(count, dtype=np.int64) * int(arguments["step"]) + (start + length if start < 0 else start)


def _over_all(_reach: Reach, _arguments: Arguments, _axis: int, count: int) -> Reach:
    return whole_reach(count)


def _reduced(reach: Reach, _arguments: Arguments, _axis: int, count: int) -> Reach:
    """A mean over channels keeps the positions; one over positions sees them all, as does pooling to a fixed size."""
    return reach if count == len(reach) else whole_reach(count)


def _normalised(reach: Reach, arguments: Arguments, _axis: int, _count: int) -> Reach:
    """Batch norm with stored statistics is pointwise; with those of the image (instance norm) it is not."""
    return whole_reach(len(reach)) if arguments.get("training", arguments.get("use_input_stats")) else reach


RULES: dict[str, Rule] = {
    "convolution": _convolution,
    "max_pool2d_with_indices": _pooling,
    "avg_pool2d": _pooling,
    "upsample_nearest2d": _nearest,
    "_upsample_nearest_exact2d": _nearest,
    "upsample_bilinear2d": _bilinear,
    "upsample_bicubic2d": _bicubic,
    "max_unpool2d": _unpooling,
    "constant_pad_nd": _pad,
    "reflection_pad2d": _pad,
    "slice": _cut,
    "native_group_norm": _over_all,
    "native_batch_norm": _normalised,
    "_native_batch_norm_legit": _normalised,
} | dict.fromkeys(("mean", "sum", "amax", "amin", "var", "_adaptive_avg_pool2d", "adaptive_max_pool2d"), _reduced)
"""By name of the operation in torch.ops.aten; every other one works on each position by itself."""

REORDERING = ("permute", "transpose", "t", "flip", "roll", "pixel_shuffle", "pixel_unshuffle", "_softmax")
"""Operations that may move positions without changing the shape, so that they cannot pass for pointwise ones."""

CONSTANT = ("new_zeros", "new_ones", "new_full", "new_empty", "zeros_like", "ones_like", "full_like", "empty_like")
"""Operations that take only shape and type from their input."""


def _along(value: Any, axis: int) -> int:
    numbers = value if isinstance(value, list | tuple) else [value]
    return int(numbers[axis] if len(numbers) > 1 else numbers[0])
