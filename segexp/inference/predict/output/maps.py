"""Maps of a prediction: classes, probabilities, uncertainty, and the image with the classes over it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.spec import IGNORED, DataSpec

Depth = Literal["uint8", "float32"]

FULL = 254
"""The number of probability 1 (and of the largest uncertainty) in 8 bits; 255 is kept for pixels without data."""

OPAQUE = 0.6
"""Share of the class colour in an overlay."""


@dataclass(frozen=True)
class OutputLayer:
    """One map that is written.

    Attributes:
        name: ``mask``, ``probability``, ``uncertainty`` or ``overlay``.
        bands: What each of its bands is.
        dtype: Type of its numbers.
        nodata: Number of pixels without data; None: there is none.
        palette: Colour of each number; None: no palette.
        is_rgb: Whether its three bands are a picture.
    """

    name: str
    bands: tuple[str, ...]
    dtype: str
    nodata: float | None = None
    palette: tuple[tuple[int, int, int], ...] | None = None
    is_rgb: bool = False

    @property
    def scale(self) -> float | None:
        """Value of one step of the stored numbers; None: they are the values themselves."""
        return 1 / FULL if self.name in ("probability", "uncertainty") and self.dtype == "uint8" else None


def output_layers(spec: DataSpec, wanted: Sequence[str], depth: Depth) -> list[OutputLayer]:
    """Lists the maps that are asked for, ``polygons`` left out."""
    classes = spec.classes[1:] if spec.is_binary else spec.classes
    nodata = IGNORED if depth == "uint8" else math.nan
    known = (
        OutputLayer("mask", ("class",), "uint8", IGNORED, spec.colours),
        OutputLayer("probability", classes, depth, nodata),
        OutputLayer("uncertainty", ("entropy",), depth, nodata),
        OutputLayer("overlay", ("red", "green", "blue"), "uint8", is_rgb=True),
    )
    return [layer for layer in known if layer.name in wanted]


def score_rows(layer: OutputLayer, probabilities: Tensor, missing: NDArray[np.bool_] | None) -> NDArray[Any]:
    """Encodes rows of a map of probabilities or uncertainty.

    Args:
        layer: ``probability`` or ``uncertainty``.
        probabilities: float (K, n, W), K = 1 (the second) for two classes.
        missing: bool (n, W), where there is no data.

    Returns:
        (bands, n, W) of the layer's type.
    """
    values = probabilities if layer.name == "probability" else entropy(probabilities)[None]
    if layer.dtype == "uint8":
        values = (values * FULL).round().to(torch.uint8)
    found = values.cpu().numpy()
    if missing is not None:
        found[:, missing] = layer.nodata
    return np.asarray(found)


def entropy(probabilities: Tensor) -> Tensor:
    """Computes the entropy (n, W) of probabilities (K, n, W) over its largest value: 0 certain, 1 all alike."""
    every = torch.cat([1 - probabilities, probabilities]) if len(probabilities) == 1 else probabilities
    sums: Tensor = torch.special.entr(every.clamp(0, 1)).sum(dim=0)
    return sums.div(math.log(len(every))).clamp(0, 1)


def paint_overlay(image: NDArray[np.uint8], classes: NDArray[np.uint8], spec: DataSpec) -> NDArray[np.uint8]:
    """Paints the colours of the classes over a picture; the first class and pixels without data stay as they are.

    Args:
        image: RGB (n, W, 3).
        classes: (n, W).
        spec: Colours.

    Returns:
        (3, n, W).
    """
    tinted = (classes != 0) & (classes != IGNORED)
    colours = np.zeros((256, 3), np.float32)
    colours[: spec.num_classes] = spec.colours
    picture = image.copy()
    mixed = (1 - OPAQUE) * image[tinted] + OPAQUE * colours[classes[tinted]]
    picture[tinted] = np.rint(mixed).astype(np.uint8)
    return picture.transpose(2, 0, 1)
