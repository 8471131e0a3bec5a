"""Receptive field: the pixels that a logit can depend on, followed through every operation of a model."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from segexp.inspection.reach import (
    CONSTANT,
    FAR,
    HIDDEN,
    REORDERING,
    RULES,
    Reach,
    cut_places,
    empty_reach,
    identity_reach,
    unknown_reach,
    whole_reach,
)
from segexp.models.auxiliary import Supervised
from segexp.models.classifier import is_classifier
from segexp.models.sizes import same_size

WHOLE = "whole image"
SMALLEST, LARGEST = 512, 8192
"""Sides of the images followed; on the meta device a large one costs no more than a small one."""

Field = tuple[int, int] | str
"""Pixels a side, least and most, or :data:`WHOLE`."""


def receptive_field(model: nn.Module, in_channels: int) -> Field | None:
    """Measures the side in pixels of the square of the image that a logit can depend on, whatever the weights are.

    Counted from the structure alone (Araujo et al. 2019, "Computing receptive fields of convolutional neural
    networks"), so that max-pooling and zero weights hide nothing. Where poolings and upsamplings follow each
    other it depends on the logit's place on the grid of the poolings: 188 to 204 pixels for the U-Net of
    Ronneberger et al. 2015. Only logits far from the border are counted.

    Args:
        model: On the meta device; it is put into evaluation mode.
        in_channels: C of its images.

    Returns:
        Least and most pixels over both axes and all places; :data:`WHOLE` where every pixel counts, however large
        the image (global pooling, statistics over the image, logits of classifiers); None where an operation is not
        understood.
    """
    if is_classifier(model):
        return WHOLE
    (least_rows, rows), (least_columns, columns) = (_along(model.eval(), in_channels, axis) for axis in (0, 1))
    most = max(rows, columns)
    if most > FAR:
        return WHOLE
    return None if most > HIDDEN else (min(least_rows, least_columns), most)


def _along(model: nn.Module, in_channels: int, axis: int) -> tuple[int, int]:
    """Least and most pixels along an axis."""
    side = SMALLEST
    while True:
        reach = trace(model, torch.empty(1, in_channels, side, side, device="meta"), axis)
        # A quarter of the image in its middle: longer than any grid of poolings, and not cut by the border.
        middle = slice(side * 3 // 8, side * 5 // 8)
        # A logit that depends on nothing has an empty interval.
        sides = (reach.high[middle] - reach.low[middle] + 1).clip(0)
        if sides.max() <= side // 4 or sides.max() > HIDDEN:
            return int(sides.min()), int(sides.max())
        if side == LARGEST:
            return HIDDEN, HIDDEN + 1
        side *= 2


def trace(model: nn.Module, image: Tensor, axis: int) -> Reach:
    """Follows the rows (axis 0) or columns (axis 1) of the image that each row or column of the logits depends on.

    Args:
        model: Called through :func:`~segexp.models.sizes.same_size`.
        image: (B, C, H, W) on the meta device.
        axis: 0 or 1.
    """
    follow = _Follow(axis)
    follow.set(image, identity_reach(image.shape[2 + axis]))
    with torch.no_grad(), follow:
        outputs = same_size(model, image)
    logits = outputs.logits if isinstance(outputs, Supervised) else outputs
    return (follow.get(logits) or empty_reach(1)) | empty_reach(logits.shape[2 + axis])


class _Follow(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch types no __init_subclass__
    """Notes the reach of every tensor that depends on the image, while a model runs."""

    def __init__(self, axis: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._axis = axis
        # Tensors are kept alive: the id of a freed one would be given to the next.
        self._reaches: dict[int, tuple[Tensor, Reach]] = {}
        self._cuts: dict[int, tuple[Tensor, Tensor, dict[str, Any]]] = {}

    def get(self, tensor: Tensor) -> Reach | None:
        return self._reaches[id(tensor)][1] if id(tensor) in self._reaches else None

    def set(self, tensor: Tensor, reach: Reach) -> None:
        self._reaches[id(tensor)] = tensor, reach
        if id(tensor) in self._cuts:
            self._into_base(tensor, reach)

    def __torch_dispatch__(self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        inputs = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        reaches = [reach for reach in map(self.get, inputs) if reach is not None]
        name, arguments = func.overloadpacket.__name__, _arguments(func, args, kwargs or {})
        if reaches and name not in CONSTANT:
            for output in tree_leaves(outputs):
                if isinstance(output, Tensor):
                    self.set(output, self._next(name, arguments, reaches, output))
        elif name == "slice" and outputs.dim() == 4:
            # An empty map that is filled through its slices, for example every second row.
            self._cuts[id(outputs)] = inputs[0], outputs, arguments
        return outputs

    def _next(self, name: str, arguments: dict[str, Any], reaches: list[Reach], output: Tensor) -> Reach:
        count = int(output.shape[2 + self._axis]) if output.dim() == 4 else 1
        if name in RULES and output.dim() == 4:
            return RULES[name](reaches[0], arguments, self._axis, count)
        uniform = all(reach.uniform for reach in reaches)
        if name in RULES and not uniform:
            return whole_reach(1)  # positions joined to one number, as by a mean
        if not uniform and (name in REORDERING or any(len(reach) not in (1, count) for reach in reaches)):
            return unknown_reach() | empty_reach(count)
        joined = empty_reach(1 if uniform else count)
        for reach in reaches:
            joined |= Reach(reach.low[:1], reach.high[:1]) if uniform else reach
        return joined | empty_reach(count)

    def _into_base(self, tensor: Tensor, reach: Reach) -> None:
        """Notes what is written into a slice in the map that it was cut from."""
        base, _, arguments = self._cuts[id(tensor)]
        length = int(base.shape[2 + self._axis])
        if arguments["dim"] % 4 == 2 + self._axis:
            spread = empty_reach(length)
            places = cut_places(arguments, length, len(reach))
            spread.low[places], spread.high[places] = reach.low, reach.high
            reach = spread
        self.set(base, (self.get(base) or empty_reach(length)) | reach)


def _arguments(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Arguments of an operation by name, defaults included."""
    names = func._schema.arguments
    given = {argument.name: value for argument, value in zip(names, args, strict=False)}
    defaults = {argument.name: argument.default_value for argument in names if argument.has_default_value()}
    return defaults | given | kwargs
