"""Folders that differ in one name alone, as one of each patient does: seen as one place with a named part."""

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace

from segexp.data.folder.guessing.roles import File, FolderGroup, infer_role, split_words

MANY = 4
"""So many siblings are patients, videos or slides, no two or three data sets beside each other."""
PATIENT = "patient"
"""Name of the part."""
KINDS = 10
"""Fewer folders than this whose names hold no digit, ``COVID`` and ``Normal``, are kinds of images, no patients."""


def merge_siblings(found: Sequence[FolderGroup]) -> tuple[list[FolderGroup], int]:
    """The places with siblings put together, and how many siblings the largest family has.

    Two names that vary, one below the other, are ``{patient2}`` and ``{patient}``.
    """
    places, largest = list(found), 1
    while (family := _family(places)) is not None:
        position, members = family
        largest = max(largest, len(members))
        places = [*(place for place in places if place not in members), _as_one(position, members)]
    return places, largest


def are_units(names: Collection[str]) -> bool:
    """Tells whether folders are patients, videos or slides, which a split must not cut apart, by their names.

    Of a few kinds (``benign``, ``malignant``, ``normal``) every part of a split needs some.
    """
    return len(names) >= KINDS or 2 * sum(any(map(str.isdigit, name)) for name in names) >= len(names)


def _family(places: Sequence[FolderGroup]) -> tuple[int, list[FolderGroup]] | None:
    """Siblings, at the deepest name that varies; None: there are no more."""
    families: dict[tuple[int, str, str], list[FolderGroup]] = defaultdict(list)
    for place in places:
        for position, name in enumerate(place.names):
            # A name that says what lies there tells it from others.
            if "{" not in name and _is_one_of_many(name):
                shape = "/".join([*place.names[:position], "*", *place.names[position + 1 :]])
                families[position, shape, place.role].append(place)
    several = {key: members for key, members in families.items() if len(members) > 1}
    if not several:
        return None
    key = max(several)
    return key[0], several[key]


def _is_one_of_many(name: str) -> bool:
    """``IMG_0001_json`` is no folder of images, though it says so."""
    role = infer_role(split_words(name))
    return role == "other" or (role == "image" and re.search(r"\d\d", name) is not None)


def _as_one(position: int, members: Sequence[FolderGroup]) -> FolderGroup:
    first = members[0]
    taken = sum(name.startswith(f"{{{PATIENT}") for name in first.names)
    part = f"{{{PATIENT}{taken + 1 if taken else ''}}}"
    return FolderGroup(
        (*first.names[:position], part, *first.names[position + 1 :]),
        first.role,
        first.words,
        (*first.keys[:position], part, *first.keys[position + 1 :]),
        {part for place in members for part in place.parts},
        [_within(file, place.names[position]) for place in members for file in place.files],
    )


def _within(file: File, name: str) -> File:
    """Partners have the sibling in common, beside their part of the split."""
    return replace(file, inside=(file.inside[0], name, *file.inside[1:]))
