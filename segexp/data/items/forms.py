"""How a target follows its image: cut, mirrored around, turned, zoomed and resized with it, or not at all."""

from collections.abc import Callable
from typing import Any, Literal, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.spec import IGNORED

Array = NDArray[Any]
Transform = Callable[..., dict[str, Any]]
"""A Compose of albumentations."""


class TargetForm(Protocol):
    """One way; an item of a task's own target may bring another one.

    Attributes:
        name: What :attr:`segexp.spec.Target.form` says of such targets.
        classes_of: Whether classes are of ``pixels`` or of the whole ``image``; None: there are none.
    """

    name: str
    classes_of: Literal["pixels", "image"] | None

    def pixel_bytes(self, image: int) -> int:
        """Bytes in memory of the target of a pixel.

        Args:
            image: Bytes of the pixel itself.
        """

    def window(self, target: Array, top: int, left: int, height: int, width: int) -> Array:
        """The target of a window that lies inside the image."""

    def class_window(self, target: Array, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Class number of each pixel of a window, 255 where it counts nowhere: what sampling goes by."""

    def pad(self, target: Array, top: int, bottom: int, left: int, right: int) -> Array:
        """The target of the image with a mirrored border of so many pixels."""

    def warp(self, target: Array, matrix: Array, size: tuple[int, int]) -> Array:
        """The target of a turned and zoomed image.

        Args:
            target: That of the part of the image which is needed.
            matrix: (2, 3), from pixels of the result to pixels of that part.
            size: Width and height of the result.
        """

    def resize(self, target: Array, size: int) -> Array:
        """The target of the image at ``size`` x ``size``."""

    def counts(self, target: Array) -> bool:
        """Returns whether anything of it counts."""

    def transform(self, compose: Transform, image: Array, target: Array) -> tuple[Array, Array]:
        """Image (H, W, C) and target after random changes."""


class MaskForm:
    """Class numbers uint8 (H, W): nearest neighbours, and 255 beyond the border of the image."""

    name = "mask"
    classes_of: Literal["pixels", "image"] | None = "pixels"

    def pixel_bytes(self, image: int) -> int:
        """One."""
        return 1

    def window(self, target: Array, top: int, left: int, height: int, width: int) -> Array:
        """The part of the mask."""
        return target[top : top + height, left : left + width]

    class_window = window

    def pad(self, target: Array, top: int, bottom: int, left: int, right: int) -> Array:
        """The mask with 255 around."""
        padded = cv2.copyMakeBorder(target, top, bottom, left, right, cv2.BORDER_CONSTANT, value=IGNORED)
        return padded.astype(np.uint8, copy=False)

    def warp(self, target: Array, matrix: Array, size: tuple[int, int]) -> Array:
        """The mask, turned by nearest neighbours."""
        flags, border = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP, cv2.BORDER_CONSTANT
        plain = np.ascontiguousarray(target)
        turned = cv2.warpAffine(plain, matrix, size, flags=flags, borderMode=border, borderValue=IGNORED)
        return turned.astype(np.uint8, copy=False)

    def resize(self, target: Array, size: int) -> Array:
        """The mask, by nearest neighbours."""
        return cv2.resize(target, (size, size), interpolation=cv2.INTER_NEAREST).astype(np.uint8)

    def counts(self, target: Array) -> bool:
        """Returns whether a pixel is not 255."""
        return bool((target != IGNORED).any())

    def transform(self, compose: Transform, image: Array, target: Array) -> tuple[Array, Array]:
        """Both, changed together."""
        # Windows of mapped files are views that cannot be written to.
        changed = compose(image=np.ascontiguousarray(image), mask=np.ascontiguousarray(target))
        return changed["image"], changed["mask"]


class ImageForm(MaskForm):
    """Another image (H, W, C): moved as the image is, mirrored beyond its border; colours are not changed."""

    name = "image"
    classes_of: Literal["pixels", "image"] | None = None

    def pixel_bytes(self, image: int) -> int:
        """Bytes of a pixel of the target: as many again as the image has, of as many channels."""
        return image

    def class_window(self, target: Array, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Zeros: every pixel counts."""
        return np.zeros((height, width), np.uint8)

    def pad(self, target: Array, top: int, bottom: int, left: int, right: int) -> Array:
        """The image with a mirrored border."""
        padded = cv2.copyMakeBorder(target, top, bottom, left, right, cv2.BORDER_REFLECT_101)
        return padded.reshape(*padded.shape[:2], -1)

    def warp(self, target: Array, matrix: Array, size: tuple[int, int]) -> Array:
        """The image, turned by linear interpolation."""
        flags, border = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, cv2.BORDER_REFLECT_101
        turned = cv2.warpAffine(np.ascontiguousarray(target), matrix, size, flags=flags, borderMode=border)
        return turned.reshape(size[1], size[0], -1)

    def resize(self, target: Array, size: int) -> Array:
        """The image, by area averaging."""
        resized = cv2.resize(target, (size, size), interpolation=cv2.INTER_AREA)
        return resized.reshape(size, size, -1).astype(target.dtype)

    def counts(self, target: Array) -> bool:
        """Always."""
        return True


class ValueForm:
    """A number, or several, of the whole image: whatever becomes of the image, they stay."""

    name = "value"
    classes_of: Literal["pixels", "image"] | None = None

    def pixel_bytes(self, image: int) -> int:
        """None to speak of."""
        return 0

    def window(self, target: Array, top: int, left: int, height: int, width: int) -> Array:
        """The target of the whole."""
        return target

    def class_window(self, target: Array, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """Zeros: every pixel counts."""
        return np.zeros((height, width), np.uint8)

    def pad(self, target: Array, top: int, bottom: int, left: int, right: int) -> Array:
        """The target as it is."""
        return target

    def warp(self, target: Array, matrix: Array, size: tuple[int, int]) -> Array:
        """The target as it is."""
        return target

    def resize(self, target: Array, size: int) -> Array:
        """The target as it is."""
        return target

    def counts(self, target: Array) -> bool:
        """Always."""
        return True

    def transform(self, compose: Transform, image: Array, target: Array) -> tuple[Array, Array]:
        """The image changed, the target as it is."""
        return compose(image=np.ascontiguousarray(image))["image"], target


class LabelForm(ValueForm):
    """A class number of the whole image, by which images can be drawn evenly over the classes."""

    name = "label"
    classes_of: Literal["pixels", "image"] | None = "image"

    def class_window(self, target: Array, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
        """The label in every pixel; of labels from 255 on another number, since every pixel counts."""
        return np.full((height, width), int(target) % IGNORED, np.uint8)


MASK_FORM, IMAGE_FORM, VALUE_FORM, LABEL_FORM = MaskForm(), ImageForm(), ValueForm(), LabelForm()
