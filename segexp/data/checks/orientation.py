"""Images that are stored in another direction than their masks: they are read in line, and it is said."""

from collections.abc import Iterable
from typing import Any

from segexp.data.items.item import Item
from segexp.data.items.stored import StoredItem, raster_holders
from segexp.rasters import MirroredRaster

SHOWN = 5


def note_mirrored(items: Iterable[Item]) -> list[str]:
    """A line if masks were stored from south to north and their images were not, or the like."""
    found = [item.name for item in items if isinstance(item, StoredItem) and _is_mirrored(item)]
    if not found:
        return []
    names = ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    return [
        f"{len(found)} masks are stored in the opposite order of rows (south-up) or columns than their images, as both "
        f"say where they lie: they are mirrored in memory: {names}"
    ]


def _is_mirrored(item: StoredItem) -> bool:
    return any(isinstance(getattr(holder, name), MirroredRaster) for holder, name in raster_holders(item.target_source))


def note_turned(items: Iterable[Item]) -> list[str]:
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
    source: Any = item.target_source
    if item.form.classes_of != "pixels":
        return False  # another image is shown as its own tag says; a value lies in no file
    while hasattr(source, "mask"):
        source = source.mask
    mask = getattr(source, "raster", None)
    return bool(getattr(item.raster, "orientation", 1) != getattr(mask, "orientation", 1))
