"""One image with its mask: what datamodules hand to the sample stage, decoded or still in its files."""

from functools import cached_property
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from segexp.scaling import batch_statistics

Image = NDArray[Any]
"""uint8 or uint16 (H, W, C)."""
Mask = NDArray[np.uint8]


class Item:
    """An image and its mask, decoded and in memory.

    Attributes:
        name: What the image is called in tables and pictures; no two images share it.
        group: What it is scored together with beside the whole set (a city, a camera), or None.
    """

    def __init__(self, name: str, image: Image, mask: Mask, group: str | None = None) -> None:
        """Keeps the arrays.

        Args:
            name: Unique name.
            image: uint8 or uint16 (H, W, C).
            mask: uint8 (H, W), class numbers and 255 for ignored pixels.
            group: What it is scored together with.
        """
        self.name = name
        self.group = group
        self._image = image
        self._mask = mask

    @property
    def image(self) -> Image:
        """The whole image, uint8 or uint16 (H, W, C)."""
        return self._image

    @property
    def mask(self) -> Mask:
        """Class numbers and 255 of every pixel, uint8 (H, W)."""
        return self._mask

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels; known without decoding."""
        height, width = self._mask.shape
        return height, width

    @property
    def channels(self) -> int:
        """Number of channels C; known without decoding."""
        return int(self._image.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16; known without decoding."""
        return self._image.dtype

    @property
    def in_memory(self) -> bool:
        """Whether the pixels cost nothing to reach, so that keeping them decoded would gain nothing."""
        return True

    @property
    def fingerprint(self) -> str | None:
        """Changes with the pixels; None: not known without looking at them all."""
        return None

    def window(self, top: int, left: int, height: int, width: int) -> tuple[Image, Mask]:
        """Image (height, width, C) and mask (height, width) of a window that lies inside."""
        place = np.s_[top : top + height, left : left + width]
        return self._image[place], self._mask[place]

    def mask_window(self, top: int, left: int, height: int, width: int) -> Mask:
        """The mask alone of a window that lies inside, uint8 (height, width)."""
        return self._mask[top : top + height, left : left + width]

    def decoded(self) -> "Item":
        """The same item with its pixels in memory."""
        return self

    @cached_property
    def stats(self) -> NDArray[np.float32]:
        """Mean and deviation of the whole image, float32 (2, C), see :mod:`segexp.scaling`."""
        whole = torch.from_numpy(np.ascontiguousarray(self.image)).permute(2, 0, 1)[None]
        stats: NDArray[np.float32] = batch_statistics(whole)[0].numpy()
        return stats

    def resized(self, size: int) -> "Item":
        """The whole image at ``size`` x ``size``: area averaging for the image, nearest for the mask."""
        image = cv2.resize(self.image, (size, size), interpolation=cv2.INTER_AREA)
        mask = cv2.resize(self.mask, (size, size), interpolation=cv2.INTER_NEAREST)
        # OpenCV drops the channel axis of one-channel images.
        return Item(self.name, image.reshape(size, size, -1).astype(self.dtype), mask.astype(np.uint8), self.group)
