"""Lists the layers of a model in the order in which an image passes them: shapes, weights and memory."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from segexp.models.sizes import same_size
from segexp.report.table import Table

FUNCTIONS = {
    "max_pool2d_with_indices": "max-pool", "max_pool2d": "max-pool", "avg_pool2d": "average-pool",
    "_adaptive_avg_pool2d": "average-pool", "upsample_nearest2d": "nearest", "upsample_bilinear2d": "bilinear",
    "upsample_bicubic2d": "bicubic", "max_unpool2d": "unpool",
}  # fmt: skip
"""Operations that change a map's size and are layers to a reader where a model calls them as functions."""

MEBIBYTE = 2**20


@dataclass(frozen=True)
class LayerRow:
    """One step of an image through a model.

    Attributes:
        name: Dotted name of the layer in the model; of a function, that of the module which calls it.
        kind: Class of the layer, or what the function does.
        shape: Of its output (C, H, W).
        parameters: Numbers in its weights.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int

    @property
    def values(self) -> int:
        """Numbers in its output for one image."""
        return torch.Size(self.shape).numel()


class _Functions(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch types no __init_subclass__
    """Sees the operations that no layer of its own makes; hooks say in which module the image is."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows: list[LayerRow] = []
        self.modules: list[tuple[str, bool]] = []

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        output = func(*args, **(kwargs or {}))
        kind = FUNCTIONS.get(func.overloadpacket.__name__)
        name, is_layer = self.modules[-1] if self.modules else ("", False)
        if kind and not is_layer:
            first = output if isinstance(output, Tensor) else output[0]
            self.rows.append(LayerRow(name, kind, tuple(first.shape[1:]), 0))
        return output


def layer_rows(model: nn.Module, image: Tensor) -> list[LayerRow]:
    """Lists layers, and poolings and interpolations that are called as functions, in the order of their calls.

    Args:
        model: Put into evaluation mode; on the device of the image.
        image: float (1, C, H, W); on the meta device nothing is computed and no memory is taken.

    Raises:
        InputSizeError: The image is too small for the model.
    """
    seen = _Functions()
    with ExitStack() as hooks, torch.no_grad():
        for name, module in model.eval().named_modules():
            for hook in _hooks(seen, name, module):
                hooks.callback(hook.remove)
        with seen:
            same_size(model, image)
    return seen.rows


def _hooks(seen: _Functions, name: str, module: nn.Module) -> list[Any]:
    """Tells when a module begins and ends; a module without parts of its own is a layer."""
    is_layer = next(module.children(), None) is None

    def begin(*_: Any) -> None:
        seen.modules.append((name, is_layer))

    def end(_: nn.Module, __: Any, output: Any) -> None:
        seen.modules.pop()
        if is_layer and isinstance(output, Tensor) and not isinstance(module, nn.Identity):
            parameters = sum(each.numel() for each in module.parameters(recurse=False))
            seen.rows.append(LayerRow(name, type(module).__name__, tuple(output.shape[1:]), parameters))

    return [module.register_forward_pre_hook(begin), module.register_forward_hook(end)]


def layer_sizes(rows: Sequence[LayerRow], image_shape: Sequence[int], parameters: int) -> dict[str, float]:
    """Memory in MiB of one float32 image: as torchsummary counts, every output once forward and once backward.

    Args:
        rows: All layers.
        image_shape: (C, H, W).
        parameters: Numbers in all weights.
    """
    input_, weights = torch.Size(image_shape).numel() * 4, parameters * 4
    passes = 2 * 4 * sum(row.values for row in rows)
    sizes = {"input": input_, "forward and backward": passes, "parameters": weights}
    return {name: size / MEBIBYTE for name, size in {**sizes, "total": sum(sizes.values())}.items()}


def layers_as_text(name: str, rows: Sequence[LayerRow], sizes: Mapping[str, float], parameters: int) -> str:
    """Formats the table of layers, and below it the numbers in all weights and the sizes of :func:`layer_sizes`."""
    cells = tuple(
        (row.name or "(model)", row.kind, "x".join(map(str, row.shape)), f"{row.parameters:,}") for row in rows
    )
    table = Table(f"layers of {name} for one image", ("layer", "kind", "output", "parameters"), cells)
    total = f"parameters in all: {parameters:,}"
    memory = ", ".join(f"{part} {size:.2f}" for part, size in sizes.items())
    return f"{table.as_text()}\n\n{total}\nMiB in float32: {memory}"


def layers_as_dict(rows: Sequence[LayerRow], sizes: Mapping[str, float]) -> dict[str, Any]:
    """Gives plain values for JSON: ``layers`` and ``mebibytes``."""
    return {"layers": [asdict(row) for row in rows], "mebibytes": dict(sizes)}
