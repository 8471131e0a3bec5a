"""Works on one image: read, brought to the size of the training images, maps, peaks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.inference.localize.baselines import CENTRE, COLOUR, centre_map, colour_map
from segexp.inference.localize.localizer import Localizer
from segexp.inference.localize.peaks import FloatMap, Peak, find_peaks
from segexp.inference.pixels import fit_channels
from segexp.inference.predict.inputs import Input
from segexp.rasters import Limit

TIMEOUT = 60.0
"""Seconds without an answer of a remote file."""
BYTES_PER_VALUE = 4


@dataclass(frozen=True)
class PeakRule:
    """Rule that says which maxima of a map are peaks, see :func:`segexp.inference.localize.peaks.find_peaks`."""

    distance: int
    most: int
    floor: float


@dataclass(frozen=True)
class SeenImage:
    """Findings in one image: class, maps and peaks.

    Attributes:
        name: Of its file, without ending.
        pixels: Raw (H, W, C).
        probabilities: float64 (K,).
        label: Number of the class of the maps.
        maps: float32 (H, W) by name, those without learning last.
        peaks: Highest first, by map.
    """

    name: str
    pixels: NDArray[Any]
    probabilities: NDArray[np.float64]
    label: int
    maps: Mapping[str, FloatMap]
    peaks: Mapping[str, list[Peak]]


@dataclass(frozen=True)
class ImageWork:
    """Makes maps and peaks of image files.

    Attributes:
        localizer: Makes the maps.
        label: Number of the class; None: chosen for each image, see :meth:`Localizer.localize`.
        scale: Factor from the image's size to that at which the network sees it.
        smallest: Side in pixels that an image has at least, as the network sees it.
        rule: Of the peaks.
        limit: What one image may take of the memory.
    """

    localizer: Localizer
    label: int | None
    scale: float
    smallest: int
    rule: PeakRule
    limit: Limit

    def run(self, file: Input) -> SeenImage:
        """Does the work on one file.

        Raises:
            DataError: It cannot be read, does not fit the model, is smaller than the training images, or its maps
                would take more memory than there may be.
        """
        with file.opened(TIMEOUT, limit=self.limit) as opened:
            raster = fit_channels(opened.raster, self.localizer.spec)
            seen = round(raster.height * self.scale), round(raster.width * self.scale)
            self._check_size(str(file), (raster.height, raster.width), seen)
            settings = self.localizer.settings
            maps = len(settings.methods) + settings.singles + 3
            need = raster.height * raster.width * (2 * raster.channels + BYTES_PER_VALUE * (maps + 4))
            words = f"{maps} maps of its {raster.width}x{raster.height} pixels"
            self.limit.check(raster.path, need, words, "; singles=0 takes less")
            pixels = raster.read()
        view = pixels if seen == pixels.shape[:2] else _resized(pixels, *seen)
        found = self.localizer.localize(view, pixels.shape[:2], self.label)
        every = {**found.maps, **_without_learning(pixels, settings.colour_blur)}
        rule = self.rule
        peaks = {name: find_peaks(each, rule.distance, rule.most, rule.floor) for name, each in every.items()}
        # Its value falls off from its one peak: no other maximum is meant.
        peaks[CENTRE] = peaks[CENTRE][:1]
        return SeenImage(file.stem.name, pixels, found.probabilities, found.label, every, peaks)

    def _check_size(self, file: str, own: tuple[int, int], seen: tuple[int, int]) -> None:
        if min(seen) < self.smallest:
            least = self.smallest / min(own)
            scaled = "" if own == seen else f", {seen[1]}x{seen[0]} at scale={self.scale:g}"
            raise DataError(
                f"{file}: found {own[1]}x{own[0]} pixels{scaled}, expected at least {self.smallest} a side as in "
                f"training; give a larger image, or scale={least:.3g} if its objects are smaller than those trained on"
            )


def _resized(pixels: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    how = cv2.INTER_AREA if height < pixels.shape[0] else cv2.INTER_LINEAR
    resized = cv2.resize(pixels, (width, height), interpolation=how)
    return np.asarray(resized, pixels.dtype).reshape(height, width, pixels.shape[2])


def _without_learning(pixels: NDArray[Any], sigma: float) -> dict[str, FloatMap]:
    found = {CENTRE: centre_map(*pixels.shape[:2])}
    return {COLOUR: colour_map(pixels, sigma), **found} if pixels.shape[2] == 3 else found
