"""At which size a model sees images: a factor, a side in pixels, or that of the images it was trained on."""

import math
import re
from dataclasses import dataclass, replace

from segexp.errors import ConfigError
from segexp.trained_sizes import TrainedSizes

EXPECTED = "a factor from 0.01 to below 16, a side in pixels such as 128px, or auto"
SMALLEST_SIDE = 16
"""The least side in pixels; plain whole numbers below it are factors."""
LARGEST_SIDE = 100_000
SMALLEST_FACTOR = 0.01
NEAR = 1.25
"""With ``auto``, images within this factor of those trained on are seen as they are."""
FAR = 1.5
"""From this factor on it is worth a warning that images are larger or smaller than those trained on."""


@dataclass(frozen=True)
class Rescale:
    """A resampling of images before a model sees them.

    Attributes:
        asked: What was asked for, as text: ``0.4``, ``128px``, ``auto``.
        factor: New over old side; None: by ``side``, else ``auto``.
        side: Longer side in pixels that every image gets; None: by ``factor``, else ``auto``.
        trained: Sizes of the training images, for ``auto``.
        trained_pixel_size: Side of their pixels in metres; None: unknown.
        pixel_size: Side in metres of the pixels of the images to be seen; None: unknown.
    """

    asked: str
    factor: float | None = None
    side: int | None = None
    trained: TrainedSizes | None = None
    trained_pixel_size: float | None = None
    pixel_size: float | None = None

    @property
    def given(self) -> float | str:
        """The scale that was asked for, as :func:`read_scale` takes it: the factor, or text."""
        return self.asked if self.factor is None else self.factor

    @property
    def name(self) -> str:
        """Name for files and folders: ``scale0.4``, ``scale128px``, ``scaleauto``."""
        return f"scale{self.asked}"

    def at(self, pixel_size: float | None) -> "Rescale":
        """Gives the resampling of images whose pixels have another size in metres."""
        return replace(self, pixel_size=pixel_size)

    def factor_for(self, height: int, width: int) -> float:
        """Gives new over old side of an image of so many pixels.

        Raises:
            ConfigError: It is ``auto``, and that is not known or absurd.
        """
        if self.factor is not None:
            return self.factor
        if self.side is not None:
            return self.side / max(height, width)
        if self.trained is None:
            raise ConfigError(NO_RECORD)
        found = fitting_factor(self.trained, max(height, width), self.trained_pixel_size, self.pixel_size)
        if not SMALLEST_FACTOR <= found < SMALLEST_SIDE:
            raise ConfigError(f"scale: auto gives {found:.3g}, expected {EXPECTED}; say which, as in scale=0.5")
        return found if max(found, 1 / found) > NEAR else 1.0

    def shape_for(self, height: int, width: int) -> tuple[int, int]:
        """Gives height and width at which an image of so many pixels is seen; at least one pixel each."""
        factor = self.factor_for(height, width)
        return max(1, round(height * factor)), max(1, round(width * factor))

    def words(self) -> str:
        """Says what is done, in a line."""
        how = "seen at the size of the training images" if self.asked == "auto" else f"resampled (scale={self.asked})"
        return f"images are {how}, and probabilities resampled back to their own size"


NO_RECORD = (
    "scale: auto needs the sizes of the training images, which this checkpoint does not record (it is of a version "
    "before they were); give a factor, scale=0.5, or a side in pixels, scale=128px"
)


def read_scale(
    asked: float | str | None, trained: TrainedSizes | None = None, trained_pixel_size: float | None = None
) -> Rescale | None:
    """Reads a scale as it is given; 1 and None are None: images are seen as they are.

    Args:
        asked: A factor (0.4, and whole numbers below 16); a longer side in pixels (``128px``, and whole numbers from 16
            on); ``auto``, see :func:`fitting_factor`; or None.
        trained: Sizes of the training images; None: unknown.
        trained_pixel_size: Side of their pixels in metres; None: unknown.

    Raises:
        ConfigError: It is none of these, or ``auto`` without sizes.
    """
    if asked is None:
        return None
    if asked == "auto":
        if trained is None:
            raise ConfigError(NO_RECORD)
        return Rescale("auto", trained=trained, trained_pixel_size=trained_pixel_size)
    side = _side(asked)
    if side is not None:
        if not SMALLEST_SIDE <= side <= LARGEST_SIDE:
            raise ConfigError(f"scale: found {asked}, expected a side of {SMALLEST_SIDE}px to {LARGEST_SIDE}px")
        return Rescale(f"{side}px", side=side)
    if isinstance(asked, bool) or not isinstance(asked, int | float) or not SMALLEST_FACTOR <= asked < SMALLEST_SIDE:
        raise ConfigError(f"scale: found {asked}, expected {EXPECTED}")
    return None if asked == 1 else Rescale(f"{asked:.6g}", factor=float(asked))


def refuse_unlike(here: str, rescale: Rescale | None, there: str, other: Rescale | None) -> None:
    """Refuses ``auto`` for models that are asked together and were trained at other sizes.

    Args:
        here: Name of one.
        rescale: Its scale.
        there: Name of another.
        other: The other's scale.

    Raises:
        ConfigError: One metre, or one image, has other numbers of pixels.
    """
    if rescale is None or other is None or rescale.trained is None or other.trained is None:
        return
    side = round(other.trained.median_side)
    factor = fitting_factor(rescale.trained, side, rescale.trained_pixel_size, other.trained_pixel_size)
    if max(factor, 1 / factor) > NEAR:
        raise ConfigError(
            f"scale: auto for runs that were trained on unlike sizes: {here} on {rescale.trained.words()}, {there} on "
            f"{other.trained.words()}; give a factor, scale=0.5, or evaluate them one by one"
        )


def _side(asked: float | str) -> int | None:
    """The side in pixels that is asked for; None: none."""
    if isinstance(asked, str):
        return int(found[1]) if (found := re.fullmatch(r"(\d{1,6})px", asked)) else None
    return asked if isinstance(asked, int) and asked >= SMALLEST_SIDE and not isinstance(asked, bool) else None


def fitting_factor(
    trained: TrainedSizes, side: int, trained_pixel_size: float | None, pixel_size: float | None
) -> float:
    """New over old side that brings images to the size of those trained on; no mask is looked at.

    Where the size of a pixel on the ground is known of both, one metre gets as many pixels as in training. Else the
    longer side gets as many pixels as in training: as many as the median training image has, unless the image lies
    within the range that all but the smallest and the largest twentieth of them have: then it stays as it is.

    Args:
        trained: Sizes of the training images.
        side: Longer side of the images in pixels.
        trained_pixel_size: Side of a pixel of the training images in metres; None: unknown.
        pixel_size: Side of a pixel of the images in metres; None: unknown.
    """
    if trained_pixel_size is not None and pixel_size is not None and min(trained_pixel_size, pixel_size) > 0:
        return pixel_size / trained_pixel_size
    low, median, high = trained.side
    return 1.0 if low <= side <= high else median / side


def shown_factor(factor: float) -> float:
    """A factor of two digits, as it is proposed and told."""
    return round(factor, 1 - math.floor(math.log10(factor)))


def proposed_factor(
    trained: TrainedSizes, side: float, trained_pixel_size: float | None, pixel_size: float | None
) -> float | None:
    """The factor to try, of two digits, for images much larger or smaller than those trained on; None: they are not.

    Args:
        trained: Sizes of the training images.
        side: Longer side of the images in pixels.
        trained_pixel_size: Side of a pixel of the training images in metres; None: unknown.
        pixel_size: Side of a pixel of the images in metres; None: unknown.
    """
    factor = fitting_factor(trained, round(side), trained_pixel_size, pixel_size)
    told = shown_factor(factor)
    return told if max(factor, 1 / factor) >= FAR and SMALLEST_FACTOR <= told < SMALLEST_SIDE else None
