"""Keeps the memory of a process that sees large images near what one of them needs."""

from segexp.rasters.handles import release_pages
from segexp.system.allocator import LARGE, give_back


def give_all_back(pixels: int) -> None:
    """Returns to the system, around the work on an image of so many pixels, freed memory and pages of mapped files."""
    give_back(pixels)
    if pixels > LARGE:
        release_pages()
