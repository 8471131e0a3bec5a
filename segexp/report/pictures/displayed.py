"""Images and maps of any depth, number of bands and size as pictures that a person can look at."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.pictures.pixels import Pixels

LARGEST_SIDE = 1024
"""Pictures are reduced to this many pixels a side: six panels of 5000-pixel tiles would make a report of 100 MB."""

PERCENTILES = (1, 99)
"""What is shown black and white of a band that is stretched."""

SAMPLED = 1 << 20
"""Of more pixels than that, every n-th sets the stretch."""


def display_image(image: NDArray[Any], counted: NDArray[np.bool_] | None = None) -> Pixels:
    """An image of a data set as 8-bit RGB, at its own size.

    Grey and RGB of 8 bits are shown as they are. Of more bits, or another number of bands, the first three bands (of
    two the first) are shown as red, green and blue, each stretched from its 1st to its 99th percentile.

    Args:
        image: uint8 or uint16, (H, W), (H, W, 1) or (H, W, C), not normalised.
        counted: bool (H, W), the pixels that set the stretch, so that a nodata border does not; None: all.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        DataError: Neither uint8 nor uint16, or not two or three dimensions.
    """
    bands = _bands(image)
    if image.dtype == np.uint16 or (image.ndim == 3 and image.shape[2] not in (1, 3)):
        known = np.ones(bands.shape[:2], bool) if counted is None else counted
        bands = np.stack([_stretched(bands[..., band], known) for band in range(bands.shape[2])], axis=2)
    return np.ascontiguousarray(np.broadcast_to(bands, (*bands.shape[:2], 3)), dtype=np.uint8)


def display_small(image: NDArray[Any], counted: NDArray[np.bool_]) -> Pixels:
    """Gives an image as 8-bit RGB, no larger than a picture should be: averaged over areas first."""
    return display_image(shrink_image(_bands(image)), shrink_labels(counted.astype(np.uint8)).astype(bool))


def shrink_image(values: NDArray[Any]) -> NDArray[Any]:
    """An image or map (H, W) or (H, W, C up to 4) averaged over areas to at most ``LARGEST_SIDE`` a side."""
    small = cv2.resize(values, _size(values.shape), interpolation=cv2.INTER_AREA) if _is_large(values.shape) else values
    # OpenCV drops the axis of a single channel.
    return np.asarray(small, values.dtype).reshape(*small.shape[:2], *values.shape[2:])


def shrink_labels(labels: Pixels) -> Pixels:
    """Labels (H, W) at most ``LARGEST_SIDE`` a side: the nearest one, no mixture."""
    if not _is_large(labels.shape):
        return labels
    return np.asarray(cv2.resize(labels, _size(labels.shape), interpolation=cv2.INTER_NEAREST), np.uint8)


def _is_large(shape: tuple[int, ...]) -> bool:
    return max(shape[:2]) > LARGEST_SIDE


def _size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Width and height after the reduction."""
    share = LARGEST_SIDE / max(shape[:2])
    return max(1, round(shape[1] * share)), max(1, round(shape[0] * share))


def _bands(image: NDArray[Any]) -> NDArray[Any]:
    """The bands that are shown, (H, W, 1) or (H, W, 3)."""
    if image.dtype not in (np.uint8, np.uint16) or image.ndim not in (2, 3):
        raise DataError(
            f"A picture takes an image of uint8 or uint16 with shape (H, W) or (H, W, C), but got "
            f"{image.dtype} {image.shape}. Give the raw image, before scaling and with the channels last."
        )
    channels = image[:, :, None] if image.ndim == 2 else image
    return np.ascontiguousarray(channels[:, :, : 3 if channels.shape[2] >= 3 else 1])


def _stretched(band: NDArray[Any], counted: NDArray[np.bool_]) -> Pixels:
    """A band (H, W) between its percentiles, by a table of all its values."""
    values = band[counted] if counted.any() else band.ravel()
    low, high = np.percentile(values[:: max(1, len(values) // SAMPLED)], PERCENTILES)
    levels = (np.arange(np.iinfo(band.dtype).max + 1) - low) / max(float(high - low), 1.0)
    table = np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
    return np.asarray(table[band])
