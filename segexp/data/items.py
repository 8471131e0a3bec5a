"""One decoded image with its mask: what datamodules keep in memory and hand to the sample stage."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from segexp.scaling import batch_statistics
from segexp.spec import IGNORED

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Item:
    """An image and its mask.

    Attributes:
        name: What the image is called in tables and pictures.
        image: uint8 (H, W, C), 0..255.
        mask: uint8 (H, W), class numbers and 255 for ignored pixels.
    """

    name: str
    image: Image
    mask: Mask

    @cached_property
    def stats(self) -> NDArray[np.float32]:
        """Mean and deviation of the whole image, float32 (2, C), see :mod:`segexp.scaling`."""
        whole = torch.from_numpy(self.image).permute(2, 0, 1)[None]
        stats: NDArray[np.float32] = batch_statistics(whole)[0].numpy()
        return stats

    def resized(self, size: int) -> "Item":
        """The whole image at ``size`` x ``size``: area averaging for the image, nearest for the mask."""
        image = cv2.resize(self.image, (size, size), interpolation=cv2.INTER_AREA)
        mask = cv2.resize(self.mask, (size, size), interpolation=cv2.INTER_NEAREST)
        # OpenCV drops the channel axis of one-channel images.
        return Item(self.name, image.reshape(size, size, -1).astype(np.uint8), mask.astype(np.uint8))


def statistics(items: list[Item]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel over the pixels that count, in units of 0..255.

    Sums are exact: they come from one histogram of 256 values per channel, so order does not matter.
    """
    channels = items[0].image.shape[2]
    counts = np.zeros((channels, 256), dtype=np.int64)
    for item in items:
        valid = item.mask != IGNORED
        for channel in range(channels):
            counts[channel] += np.bincount(item.image[..., channel][valid], minlength=256)
    values = np.arange(256, dtype=np.float64)
    total = np.maximum(counts.sum(axis=1), 1)
    mean = counts @ values / total
    variance = counts @ values**2 / total - mean**2
    # A constant channel would divide by zero; it carries nothing, so its scale does not matter.
    std = np.where(variance > 1e-6, np.sqrt(np.maximum(variance, 0)), 1.0)
    return tuple(mean.tolist()), tuple(std.tolist())
