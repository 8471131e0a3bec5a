"""Random changes to training samples: rotation and zoom while cropping, then albumentations on uint8."""

import os
import random
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segexp.data.checks.problems import Problem
from segexp.data.items.item import Image, Item
from segexp.data.sampling.augment_trial import transforms_fit
from segexp.data.sampling.crop_locations import CropLocation
from segexp.data.sampling.crops import random_crop
from segexp.errors import ConfigError, MismatchError
from segexp.types import Angle, Zoom

# albumentations asks a package index for its newest version at import unless told not to.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

if TYPE_CHECKING:
    import albumentations


class Augment:
    """Cuts a random crop and changes it; all randomness comes from the generator that is handed in."""

    def __init__(
        self,
        rotate: Angle = 0.0,
        scale: Zoom = 0.0,
        transforms: list[Any] | None = None,
    ) -> None:
        """Prepares the transforms.

        Args:
            rotate: Largest random rotation in degrees.
            scale: Largest random zoom, a factor of ``exp(+-scale)``.
            transforms: albumentations transforms, applied in order to image and target together.
        """
        self.rotate = rotate
        self.scale = scale
        self.transforms = list(transforms or [])
        self.compose = _compose(self.transforms) if self.transforms else None
        self._tried: dict[tuple[int, str, tuple[int, int]], list[Problem]] = {}

    def problems(self, channels: int, dtype: np.dtype[Any], shape: tuple[int, int]) -> list[Problem]:
        """Lists what the transforms cannot do with images of this kind and samples of this size; tried once."""
        key = (channels, dtype.name, shape)
        if key not in self._tried:
            self._tried[key] = list(transforms_fit(self.transforms, channels, dtype, shape))
        return self._tried[key]

    def __call__(
        self, item: Item, size: int | None, rng: np.random.Generator, place: CropLocation | None = None
    ) -> tuple[Image, NDArray[Any]]:
        """One random sample of an image.

        Args:
            item: Image and target.
            size: Side of the crop; None: the whole image.
            rng: Source of all randomness.
            place: Where the crop is cut; None: at random.

        Returns:
            Image (h, w, C) of the item's dtype, and its target: of a mask uint8 (h, w) with its classes and 255.

        Raises:
            MismatchError: A transform changed the size, so samples would not fit into one batch.
        """
        image, target = random_crop(item, size, self.rotate, self.scale, rng, place)
        if self.compose is None:
            return image, target
        self.draw_from(rng)
        changed, target = item.form.transform(self.compose, image, target)
        if changed.shape[:2] != image.shape[:2]:
            raise MismatchError(
                f"augment: a transform turned a sample of {_size(image)} into {_size(changed)}, which cannot be "
                "batched; set a square datamodule.crop_size, or choose augment=flips"
            )
        return changed, target

    def draw_from(self, rng: np.random.Generator) -> None:
        """Lets the transforms draw their next changes from a generator, of which one number is taken."""
        if self.compose is None:
            return
        # albumentations ignores numpy's and torch's seeds. Its set_random_seed gives every transform the same seed, so
        # that two flips of p=0.5 happen both or not at all; with shared generators each draws for itself.
        seed = int(rng.integers(0, 2**31))
        self.compose.set_random_state(np.random.default_rng(seed), random.Random(seed))


def _compose(transforms: list[Any]) -> "albumentations.Compose":
    import albumentations

    from segexp.data.sampling.square_symmetries import in_opencv

    for index, transform in enumerate(transforms):
        if not isinstance(transform, albumentations.BasicTransform | albumentations.BaseCompose):
            raise ConfigError(
                f"augment.transforms[{index}]: found {_described(transform)}, expected a transform of albumentations, "
                "which changes image and mask together: {_target_: albumentations.HorizontalFlip}"
            )
    return albumentations.Compose([in_opencv(transform) for transform in transforms])


def _described(transform: Any) -> str:
    kind = transform if isinstance(transform, type) else type(transform)
    return f"{kind.__module__}.{kind.__qualname__}" if kind.__module__ != "builtins" else repr(transform)


def _size(image: Image) -> str:
    return f"{image.shape[0]}x{image.shape[1]}"
