"""Folders of images and of masks that bear the same numbers: ``Slide_01`` and ``GT_01``, ``01`` and ``01_GT``."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

from segexp.data.folder.guessing.roles import File, FolderGroup
from segexp.data.folder.guessing.siblings import PATIENT

NUMBER = re.compile(r"\d+")
PART = f"{{{PATIENT}}}"
Shape = tuple[str, ...]
"""Names of folders with ``{patient}`` in the place of a number."""


def join_numbered(found: Sequence[FolderGroup]) -> list[FolderGroup]:
    """The places with those of masks, and those of the same numbers, put together; nothing where there are none."""
    families = _families(found)
    numbers = {shape: frozenset(number for number, _ in members) for shape, members in families.items()}
    masks = [shape for shape, members in families.items() if members[0][1].role == "mask"]
    images = [shape for shape, members in families.items() if members[0][1].role in ("image", "other")]
    # Where both lie in the same numbered folder, that folder is one of many, see siblings.
    known = [(i, m) for i in images for m in masks if numbers[i] == numbers[m] and _bearing(i) != _bearing(m)]
    shared = {shape: families[shape] for shape in dict.fromkeys(shape for pair in known for shape in pair)}
    if not shared:
        return []
    taken = {id(place) for members in shared.values() for _, place in members}
    return [
        *(place for place in found if id(place) not in taken),
        *(_joined(shape, members) for shape, members in shared.items()),
    ]


def _families(found: Sequence[FolderGroup]) -> dict[Shape, list[tuple[str, FolderGroup]]]:
    """Places whose names differ in one number alone; a place belongs to the largest of its families."""
    every: dict[Shape, list[tuple[str, FolderGroup]]] = defaultdict(list)
    for place in found:
        for number, shape in _shapes(place):
            every[shape].append((number, place))
    families: dict[Shape, list[tuple[str, FolderGroup]]] = {}
    taken: set[int] = set()
    for shape, members in sorted(every.items(), key=lambda item: -len(item[1])):
        left = [(number, place) for number, place in members if id(place) not in taken]
        if len(left) > 1 and len({place.role for _, place in left}) == 1:
            families[shape] = left
            taken |= {id(place) for _, place in left}
    return families


def _shapes(place: FolderGroup) -> Iterator[tuple[str, Shape]]:
    """Each number in the names of a place, and the names without it."""
    for number in dict.fromkeys(NUMBER.findall("/".join(place.names))):
        alone = re.compile(rf"(?<!\d){number}(?!\d)")
        yield number, tuple(alone.sub(PART, name) for name in place.names)


def _bearing(shape: Shape) -> list[str]:
    """Names that hold the number."""
    return [name for name in shape if PART in name]


def _joined(shape: Shape, members: Sequence[tuple[str, FolderGroup]]) -> FolderGroup:
    first = members[0][1]
    return FolderGroup(
        shape,
        first.role,
        first.words,
        tuple(PART if PART in name else key for name, key in zip(shape, first.keys, strict=True)),
        {part for _, place in members for part in place.parts},
        [_within(file, number) for number, place in members for file in place.files],
    )


def _within(file: File, number: str) -> File:
    """Partners have the number in common, beside their part of the split."""
    return File(file.path, file.stem, file.ending, (file.inside[0], number, *file.inside[1:]))
