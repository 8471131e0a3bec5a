"""Prediction of one image, kept so that another threshold costs no second pass through the network."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.errors import DataError
from segexp.inference.model import Model, threshold_logit
from segexp.inference.predict.image.image_file import open_local_image
from segexp.inference.predict.image.logit_bands import logit_bands
from segexp.inference.predict.image.source import ImageSource
from segexp.inference.predict.image.stretch import Stretch
from segexp.inference.predict.output.maps import paint_overlay
from segexp.rasters import Raster
from segexp.spec import IGNORED, DataSpec

OF_CLASS, OF_PIXEL = 14, 12
"""Bytes of a pixel beside those of the file: its logit and probability on their ways; picture, mask and overlay."""
SMALLER = ". The command predict takes images of any size"


@dataclass(frozen=True)
class Answer:
    """Prediction of one image: its logits, and the image as it is shown.

    Attributes:
        name: Name of the file.
        shown: uint8 RGB (H, W, 3), as a person can look at it.
        logits: float32 (K, H, W) on the CPU, K = 1 for two classes.
        missing: bool (H, W), where the file has no data; None: nowhere.
        seconds: How long reading and predicting took.
        facts: The file in words.
    """

    name: str
    shown: NDArray[np.uint8]
    logits: Tensor
    missing: NDArray[np.bool_] | None
    seconds: dict[str, float]
    facts: str

    @property
    def size(self) -> int:
        """Bytes in memory."""
        missing = 0 if self.missing is None else self.missing.nbytes
        return self.shown.nbytes + self.logits.nbytes + missing

    def classes(self, model: Model, threshold: float | None) -> NDArray[np.uint8]:
        """Decides class numbers, uint8 (H, W), 255 where there is no data.

        ``threshold`` is a probability of the second of two classes; None for more classes.
        """
        logit = 0.0 if threshold is None else threshold_logit(threshold)
        found: NDArray[np.uint8] = model.module.classify(self.logits[None], logit)[0].numpy()
        if self.missing is not None:
            found[self.missing] = IGNORED
        return found

    def probabilities(self, model: Model) -> Tensor:
        """Computes probabilities, float32 (K, H, W), K = 1 (the second) for two classes."""
        return model.module.probabilities(self.logits[None])[0]

    def overlay(self, classes: NDArray[np.uint8], spec: DataSpec) -> NDArray[np.uint8]:
        """Paints the classes over the image, uint8 RGB (H, W, 3)."""
        return np.ascontiguousarray(paint_overlay(self.shown, classes, spec).transpose(1, 2, 0))


def predict_answer(model: Model, path: Path, max_pixels: int) -> Answer:
    """Reads and predicts a file, as ``predict`` does.

    Args:
        model: What sees it.
        path: Any file, as a stranger may give it.
        max_pixels: Height times width up to which it is decoded.

    Raises:
        DataError: It is no image, too large, or does not fit the model; named without its folder.
    """
    start = time.perf_counter()
    # The header alone: neither a huge nor an unfit image is decoded.
    raster = model.open(path)
    _check_size(raster, max_pixels)
    model.check_memory(raster, OF_CLASS * model.spec.out_channels + OF_PIXEL, SMALLER)
    file = open_local_image(path, model.limit)
    facts = file.raster.describe()
    source = ImageSource(file, model)
    shown = Stretch(source)(source.rows(0, source.height))
    missing = source.missing(0, source.height)
    read = time.perf_counter()
    logits = torch.cat([band[0].float().cpu() for band in logit_bands(model, source.raster)], dim=1)
    seconds = {"reading": read - start, "network": time.perf_counter() - read}
    return Answer(path.name, shown, logits, missing, seconds, facts)


def _check_size(raster: Raster, most: int) -> None:
    pixels = raster.height * raster.width
    if pixels > most:
        raise DataError(
            f"{raster.path}: {raster.width} x {raster.height} are {pixels:,} pixels; this page takes up to {most:,} "
            "(max_pixels). The command predict takes images of any size"
        )


def colour_classes(classes: NDArray[np.uint8], spec: DataSpec) -> NDArray[np.uint8]:
    """Paints class numbers (H, W) in their colours, uint8 RGB (H, W, 3); grey where there is no data."""
    colours = np.full((256, 3), 128, np.uint8)
    colours[: spec.num_classes] = spec.colours
    return colours[classes]


def class_shares(classes: NDArray[np.uint8], spec: DataSpec) -> list[tuple[str, tuple[int, int, int], float]]:
    """Lists name, colour and share of the pixels with data, of each class."""
    counts = np.bincount(classes.ravel(), minlength=spec.num_classes)[: spec.num_classes]
    total = max(int(counts.sum()), 1)
    return [
        (name, colour, int(count) / total)
        for name, colour, count in zip(spec.classes, spec.colours, counts, strict=True)
    ]


def hide_folder(error: Exception, path: Path) -> str:
    """Gives the text of an error with the bare name of the file: where uploads are kept concerns nobody."""
    return str(error).replace(str(path), path.name)
