"""File layouts of published data sets: finds files by the pattern of their names, and those without a partner."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from segexp.config.overrides.quoting import printed
from segexp.data.file_kinds import is_clutter
from segexp.system.special_files import special_file


def find_by_pattern(folder: Path, pattern: str, layout: str, notes: list[str]) -> dict[str, Path]:
    """Finds the files whose names fit a pattern, by its first group; others are noted, not used.

    Args:
        folder: Where to look; a folder that is not there holds nothing.
        pattern: Regular expression of the whole name.
        layout: What the files belong to, for the notes.
        notes: Takes a line for each file that does not fit.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = re.fullmatch(pattern, path.name)
        if path.exists() and (what := special_file(path)) is not None:
            notes.append(f"{path}: passed over, is {what}")
        elif match:
            found[match[1]] = path
        elif not is_clutter(path.name):
            notes.append(f"{path}: not used, its name does not fit the layout of {layout}")
    return found


def find_unpaired(
    images: Mapping[str, Path], partners: Mapping[str, Path], expected: Callable[[str], Path], what: str
) -> list[str]:
    """Says which images have no partner and which partners no image, a line for each.

    Args:
        images: Images by key.
        partners: Their masks, or other files, by the same keys.
        expected: Path of the partner that an image should have, by key.
        what: What the partner is: ``its mask``.
    """
    missing = [
        f"{images[key]}: {what} is missing, expected {expected(key)}" for key in sorted(set(images) - set(partners))
    ]
    extra = [f"{partners[key]}: belongs to no image" for key in sorted(set(partners) - set(images))]
    return missing + extra


def list_contents(folder: Path) -> str:
    """Names up to eight entries of a folder, for messages: ``img, a.csv``; ``nothing`` where it is empty.

    Of a folder of images and masks, which is in the layout of no published data set, it says what reads it.
    """
    # It begins with the data set ``folder``, which imports all that reads files.
    from segexp.data.folder.guessing.roles import infer_role, split_words

    names = sorted(path.name for path in folder.iterdir())
    text = ", ".join(names[:8]) or "nothing"
    roles = {infer_role(split_words(name)) for name in names if (folder / name).is_dir()}
    reads = f"datamodule=folder {printed('datamodule.root', str(folder))}"
    return f"{text}, which {reads} reads" if {"image", "mask"} <= roles else text
