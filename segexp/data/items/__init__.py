"""One image with its target: decoded, or still in its files."""

from segexp.data.items.item import Image, Item, Mask

__all__ = ["Image", "Item", "Mask"]
