"""Images whose orientation tag differs from that of their mask: both are read upright, and it is said."""

from collections.abc import Iterable

from segexp.data.items import Item
from segexp.data.stored import StoredItem

SHOWN = 5


def turned_notes(items: Iterable[Item]) -> list[str]:
    """A line if images were stored turned (EXIF orientation) and their masks were not, or the other way round.

    Such a mask was drawn on the upright picture, or on the turned pixels by a program that ignores the tag. Only the
    size can tell, and not for half turns, mirrored or square images.
    """
    differing = [item.name for item in items if isinstance(item, StoredItem) and _differs(item)]
    if not differing:
        return []
    names = ", ".join(differing[:SHOWN]) + (", ..." if len(differing) > SHOWN else "")
    return [
        f"{len(differing)} images have another orientation tag (EXIF) than their masks: {names}; images and masks are "
        "turned upright by their own tags, look at the pictures whether they fit"
    ]


def _differs(item: StoredItem) -> bool:
    # Sources of masks hold a raster, or another source that does; those of arrays hold none and are never turned.
    source = item.mask_source
    while hasattr(source, "mask"):
        source = source.mask
    mask = getattr(source, "raster", None)
    return bool(getattr(item.raster, "orientation", 1) != getattr(mask, "orientation", 1))
