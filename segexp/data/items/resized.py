"""An image at another size, resized when it is asked for."""

from typing import Any

from numpy.typing import NDArray

from segexp.data.items.item import DerivedItem, Image, Item, Mask


class ResizedItem(DerivedItem):
    """Another item at ``size`` x ``size`` pixels, image and target; nothing is decoded before it is asked for.

    :meth:`decoded` keeps the small pixels alone, so that a cache holds many more images than at their own sizes.
    """

    def __init__(self, whole: Item, size: int) -> None:
        """Keeps the item.

        Args:
            whole: At its own size.
            size: Side in pixels.
        """
        super().__init__(whole, whole.name)
        self.size = size

    @property
    def image(self) -> Image:
        """The whole image by area averaging, decoded and resized at each call."""
        return self.decoded().image

    @property
    def target(self) -> NDArray[Any]:
        """Its target, resized as its form says."""
        return self.form.resize(self.whole.target, self.size)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.size, self.size

    @property
    def in_memory(self) -> bool:
        """Never: resizing costs more than reading."""
        return False

    @property
    def fingerprint(self) -> str | None:
        """Fingerprint of the whole image with the size."""
        known = self.whole.fingerprint
        return None if known is None else f"{known}@{self.size}"

    def window(self, top: int, left: int, height: int, width: int) -> tuple[Image, NDArray[Any]]:
        """A window of both."""
        return self.decoded().window(top, left, height, width)

    def class_window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class of each pixel of a window, for sampling."""
        return self.form.class_window(self.target, top, left, height, width)

    def decoded(self) -> Item:
        """The small image and its target in memory."""
        return self.whole.resized(self.size)
