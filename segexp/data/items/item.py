"""One image with its target: what datamodules hand to the sample stage, decoded or still in its files."""

from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from segexp.data.items.forms import MASK_FORM, TargetForm
from segexp.image_statistics import batch_statistics
from segexp.moved import renamed

Image = NDArray[Any]
"""uint8 or uint16 (H, W, C)."""
Mask = NDArray[np.uint8]


class Item:
    """An image and its target (a mask, unless ``form`` says otherwise), decoded and in memory.

    Attributes:
        name: What the image is called in tables and pictures; no two images share it.
        group: What it is scored together with beside the whole set (a city, a camera), or None.
        form: How the target follows the image when that is cropped and changed.
        files: Where image and target were read from; empty where they come from no file.
    """

    form: TargetForm = MASK_FORM
    files: tuple[Path, ...] = ()

    def __init__(
        self,
        name: str,
        image: Image,
        target: Any = None,
        group: str | None = None,
        form: TargetForm = MASK_FORM,
        **old: Any,
    ) -> None:
        """Keeps the arrays.

        Args:
            name: Unique name.
            image: uint8 or uint16 (H, W, C).
            target: A mask uint8 (H, W) of class numbers, 255 for ignored pixels; or what else ``form`` takes.
            group: What it is scored together with.
            form: One of :mod:`segexp.data.items.forms`, such as ``MASK_FORM`` or ``VALUE_FORM``, or a task's own.
            **old: ``mask``, as the target was called in version 0.1.
        """
        if "mask" in old:
            renamed("the argument mask of Item", "target")
        self.name = name
        self.group = group
        self.form = form
        self._image = image
        self._target = np.asarray(old.get("mask", target))

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Takes over what a class written for version 0.1 defines under the names of then."""
        super().__init_subclass__(**keywords)
        for old, new in (("mask", "target"), ("mask_window", "class_window")):
            if old in vars(cls):
                renamed(f"{cls.__qualname__}.{old}", new)
                setattr(cls, new, vars(cls)[old])
                delattr(cls, old)

    @property
    def image(self) -> Image:
        """The whole image, uint8 or uint16 (H, W, C)."""
        return self._image

    @property
    def target(self) -> NDArray[Any]:
        """The target of training: class numbers and 255, uint8 (H, W), unless ``form`` says otherwise."""
        return self._target

    @property
    def mask(self) -> NDArray[Any]:
        """Name of :attr:`target` in version 0.1."""
        renamed("Item.mask", "target")
        return self.target

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels; known without decoding."""
        height, width = self._image.shape[:2]
        return height, width

    @property
    def channels(self) -> int:
        """Number of channels C; known without decoding."""
        return int(self._image.shape[2])

    @property
    def target_channels(self) -> int | None:
        """Channels of a target that is an image; None: it is none. Known without decoding."""
        return int(self._target.shape[2]) if self.form.name == "image" else None

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16; known without decoding."""
        return self._image.dtype

    @property
    def in_memory(self) -> bool:
        """True if the pixels cost nothing to reach, so that keeping them decoded would gain nothing."""
        return True

    @property
    def decoded_bytes(self) -> int:
        """Memory that image and target take decoded; known without decoding."""
        pixel = self.channels * self.dtype.itemsize
        return self.shape[0] * self.shape[1] * (pixel + self.form.pixel_bytes(pixel))

    @property
    def fingerprint(self) -> str | None:
        """Changes with the pixels; None: not known without looking at them all."""
        return None

    def window(self, top: int, left: int, height: int, width: int) -> tuple[Image, NDArray[Any]]:
        """Image (height, width, C) and target of a window that lies inside."""
        place = (top, left, height, width)
        return self._image[top : top + height, left : left + width], self.form.window(self._target, *place)

    def class_window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class of each pixel of a window, for sampling: uint8 (height, width), 255 where a pixel counts nowhere.

        Of a mask that is the mask itself; of a target without classes it is 0.
        """
        return self.form.class_window(self._target, top, left, height, width)

    def mask_window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Name of :meth:`class_window` in version 0.1."""
        renamed("Item.mask_window", "class_window")
        return self.class_window(top, left, height, width)

    def decoded(self) -> "Item":
        """Reads all pixels into memory; gives an item that holds them."""
        return self

    @cached_property
    def stats(self) -> NDArray[np.float32]:
        """Mean and deviation of the whole image, float32 (2, C), see :mod:`segexp.image_statistics`."""
        whole = torch.from_numpy(np.ascontiguousarray(self.image)).permute(2, 0, 1)[None]
        stats: NDArray[np.float32] = batch_statistics(whole)[0].numpy()
        return stats

    def resized(self, size: int) -> "Item":
        """The whole image at ``size`` x ``size`` by area averaging, and its target."""
        image = cv2.resize(self.image, (size, size), interpolation=cv2.INTER_AREA)
        # OpenCV drops the channel axis of one-channel images.
        image = image.reshape(size, size, -1).astype(self.dtype)
        return Item(self.name, image, self.form.resize(self.target, size), self.group, self.form)

    def padded(self, top: int, bottom: int, left: int, right: int) -> "Item":
        """The whole image with a mirrored border of so many pixels, and its target."""
        image = cv2.copyMakeBorder(self.image, top, bottom, left, right, cv2.BORDER_REFLECT_101)
        image = image.reshape(*image.shape[:2], -1)
        return Item(self.name, image, self.form.pad(self.target, top, bottom, left, right), self.group, self.form)


class DerivedItem(Item):
    """An item that is made of another one, with its channels, type and group.

    Attributes:
        whole: The other item, as it is stored.
    """

    def __init__(self, whole: Item, name: str) -> None:
        """Keeps the item; ``name`` is that of the new one."""
        self.name, self.group, self.form, self.files = name, whole.group, whole.form, whole.files
        self.whole = whole

    @property
    def channels(self) -> int:
        """Channels of the whole image, from its header."""
        return self.whole.channels

    @property
    def target_channels(self) -> int | None:
        """Channels of the whole target."""
        return self.whole.target_channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return self.whole.dtype
