"""How large images and objects were that a model was trained on: what tells whether other images are like them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

THIN = 0.25
"""A class whose objects are narrower than this share of their side is told by its width: vessels, roads."""


@dataclass(frozen=True)
class ObjectSizes:
    """Objects of one class, in pixels.

    Attributes:
        name: Of the class.
        count: Connected components (pixels that touch by side or corner) that were looked at.
        side: Square root of a component's area: the median over pixels, half of which lie in components at least so
            large, so that specks do not count as much as cells do.
        width: Four times the mean distance of the class's pixels to its border: of a strip its width, of a disc two
            thirds of its diameter.
    """

    name: str
    count: int
    side: float
    width: float

    @property
    def is_thin(self) -> bool:
        """True if the width says more than the side."""
        return self.width < THIN * self.side

    def words(self) -> str:
        """Describes them: ``nucleus 41 pixels a side``, ``vessel 4.1 pixels wide``."""
        return (
            f"{self.name} {self.width:.3g} pixels wide"
            if self.is_thin
            else f"{self.name} {self.side:.3g} pixels a side"
        )


@dataclass(frozen=True)
class TrainedSizes:
    """Sizes of the training images, as they were before crops and augmentation.

    Attributes:
        images: How many there were.
        side: Longer side in pixels: that of the image at 5 %, the median, and that at 95 %.
        looked_at: Images whose masks were looked at for ``objects``, spread evenly over all.
        objects: Of each class but the first of which there are any, of targets that are masks.
    """

    images: int
    side: tuple[float, float, float]
    looked_at: int = 0
    objects: tuple[ObjectSizes, ...] = ()

    @property
    def median_side(self) -> float:
        """Median of the longer sides, pixels."""
        return self.side[1]

    def to_dict(self, pixel_size: float | None = None) -> dict[str, Any]:
        """Plain values; with the side of a pixel in metres, sizes of objects in metres too."""
        plain = {**asdict(self), "side": list(self.side), "objects": [asdict(each) for each in self.objects]}
        if pixel_size is not None:
            for each in plain["objects"]:
                each |= {f"{key}_m": each[key] * pixel_size for key in ("side", "width")}
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "TrainedSizes":
        """The inverse of :meth:`to_dict`.

        Raises:
            KeyError, TypeError, ValueError: It is none.
        """
        low, median, high = (float(value) for value in plain["side"])
        if not 1 <= low <= median <= high < 1e9:
            raise ValueError(f"sides of images of {plain['side']} pixels")
        objects = tuple(_objects(each) for each in plain["objects"])
        return cls(int(plain["images"]), (low, median, high), int(plain["looked_at"]), objects)

    def words(self) -> str:
        """Describes them in a line."""
        objects = [each.words() for each in self.objects]
        return ", ".join([f"{self.images} images, longer side {spread(self.side)} pixels", *objects])


def _objects(plain: dict[str, Any]) -> ObjectSizes:
    return ObjectSizes(str(plain["name"]), int(plain["count"]), float(plain["side"]), float(plain["width"]))


def spread(values: Sequence[float]) -> str:
    """The range from the lowest to the highest, or the one value: ``101 to 120``."""
    low, high = values[0], values[-1]
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
