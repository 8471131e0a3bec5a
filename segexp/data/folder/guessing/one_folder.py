"""Images and masks in one folder: told apart by what their names end or begin with, or by their kinds of file."""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from segexp.data.folder.guessing.affixes import ENOUGH, NONE, Affix, Name
from segexp.data.folder.guessing.roles import File, Role, infer_role, split_words

LEAST = 0.2
"""Share of the files that must have a beginning or ending for it to be no part of the names themselves."""
FOLDERS, NAMES = 3, 8
"""Folders at least, and names at most, where a file of one name in each folder is an image or its mask."""
LOSSY = {"jpg", "jpeg", "jpe", "jfif"}
"""Endings of files that no mask should have."""


@dataclass(frozen=True)
class FileFamily:
    """Files of one ending with the same affix.

    Attributes:
        affix: What is not the core of their names.
        ending: What they end with.
        members: Path by place and core.
    """

    affix: Affix
    ending: str
    members: dict[Name, str]


def pair_within_folder(
    files: Sequence[File], is_mask: Callable[[list[str]], bool]
) -> list[tuple[FileFamily, FileFamily]]:
    """All ways in which the files are images and their masks.

    Args:
        files: Of one place.
        is_mask: Whether files look as masks do: few values.

    Returns:
        Families of images and of masks; more than one pair where it is open.
    """
    for families in (_families(files), _fixed(files)):
        found: dict[frozenset[tuple[str, str]], tuple[FileFamily, FileFamily]] = {}
        for one, other in _agreeing(families):
            for image, mask in _ordered(one, other, is_mask):
                shared = image.members.keys() & mask.members
                paths = frozenset((image.members[name], mask.members[name]) for name in shared)
                found.setdefault(paths, (image, mask))
        masks = {mask for pair in found.values() if _role(pair[1]) == "mask" for mask in pair[1].members.values()}
        whole = [
            pair
            for paths, pair in found.items()
            if not any(paths < other for other in found) and not {image for image, _ in paths} <= masks
        ]
        # Two masks of an image are no image and its mask.
        if pairs := [pair for pair in whole if _role(pair[0]) != "mask"] or whole:
            return pairs
    return []


def pair_by_whole_names(files: Sequence[File]) -> tuple[FileFamily, FileFamily] | None:
    """Images and masks that have the whole name of their image before their ending: ``a.jpg`` and ``a.jpg.png``."""
    names = {(file.inside, f"{file.stem}.{file.ending}"): file.path for file in files}
    masks = {(file.inside, file.stem): file.path for file in files if (file.inside, file.stem) in names}
    images = {name: path for name, path in names.items() if path not in set(masks.values())}
    if len(masks.keys() & images.keys()) < max(2, ENOUGH * len(images)):
        return None
    return FileFamily(NONE, "", images), FileFamily(NONE, "", masks)


def _role(family: FileFamily) -> Role:
    return infer_role(split_words("".join(family.affix)))


def _families(files: Sequence[File]) -> list[FileFamily]:
    members: dict[tuple[Affix, str], dict[Name, str]] = defaultdict(dict)
    stems = {file.stem for file in files}
    for file in files:
        for affix in _affixes(file.stem, stems):
            text = file.stem[len(affix[0]) : len(file.stem) - len(affix[1])]
            members[affix, file.ending][file.inside, text] = file.path
    return _no_pictures(
        [
            FileFamily(affix, ending, found)
            for (affix, ending), found in members.items()
            if affix == NONE or len(found) >= max(2, LEAST * len(files))
        ]
    )


def _fixed(files: Sequence[File]) -> list[FileFamily]:
    """Files of always the same name, one in each of several folders: ``img.png`` and ``label.png``."""
    members: dict[tuple[str, str], dict[Name, str]] = defaultdict(dict)
    for file in files:
        members[file.stem, file.ending][file.inside, ""] = file.path
    folders = len({file.inside for file in files})
    if folders < FOLDERS or len(members) > NAMES:
        return []
    return _no_pictures(
        [
            FileFamily((stem, ""), ending, found)
            for (stem, ending), found in members.items()
            if len(found) >= ENOUGH * folders
        ]
    )


def _no_pictures(families: list[FileFamily]) -> list[FileFamily]:
    """Without what is no label: labels drawn over images, and fields of view where there are other masks."""
    masks = any(_role(family) == "mask" for family in families)
    left_out = {"picture", "region", "objects"} if masks else {"picture"}
    return [family for family in families if _role(family) not in left_out]


def _affixes(stem: str, stems: Collection[str]) -> list[Affix]:
    """None, the first and the last word with its separator, two last words that name a mask, and all behind a stem."""
    last = re.search(r"(?<=.)[\s_.-]+[^\s_.-]+$", stem)
    two = re.search(r"(?<=.)[\s_.-]+[^\s_.-]+[\s_.-]+[^\s_.-]+$", stem)
    first = re.match(r"[^\s_.-]+[\s_.-]+(?=.)", stem)
    two = two if two and infer_role(split_words(two[0])) != "other" else None
    ends = [("", found[0]) for found in (last, two) if found]
    longer = [("", stem[cut.start() :]) for cut in re.finditer(r"[\s_.-]+", stem) if stem[: cut.start()] in stems]
    return list(dict.fromkeys([NONE, *ends, *longer, *([(first[0], "")] if first else [])]))


def _agreeing(families: Sequence[FileFamily]) -> list[tuple[FileFamily, FileFamily]]:
    """Pairs of families that have the same cores."""
    named = [family for family in families if family.affix != NONE]
    bare = [_without(family, named) for family in families if family.affix == NONE]
    every = [family for family in [*bare, *named] if family.members]
    return [
        (one, other)
        for place, one in enumerate(every)
        for other in every[place + 1 :]
        if not set(one.members.values()) & set(other.members.values())
        and len(one.members.keys() & other.members.keys()) >= ENOUGH * max(len(one.members), len(other.members))
    ]


def _without(family: FileFamily, named: Sequence[FileFamily]) -> FileFamily:
    """The files of a bare family that are not the mask, by their affix, of another file of the place."""
    derived = {
        path
        for other in named
        if len(other.members.keys() & family.members.keys()) >= ENOUGH * len(other.members)
        for path in other.members.values()
    }
    return FileFamily(NONE, family.ending, {name: path for name, path in family.members.items() if path not in derived})


def _ordered(
    one: FileFamily, other: FileFamily, is_mask: Callable[[list[str]], bool]
) -> list[tuple[FileFamily, FileFamily]]:
    """Image and mask, by their words, their kinds of file, or what is in them; both orders where that is open."""
    tests: tuple[Callable[[FileFamily], bool], ...] = (
        lambda family: _role(family) in ("mask", "region"),
        lambda family: family.ending.lower() not in LOSSY,
        lambda family: is_mask(list(family.members.values())),
    )
    for test in tests:
        first, second = test(one), test(other)
        if first != second:
            return [(other, one)] if first else [(one, other)]
    # Two pictures of a series, img1 and img2, of which neither looks like a mask.
    return [] if _are_counted(one, other) else [(one, other), (other, one)]


def _are_counted(one: FileFamily, other: FileFamily) -> bool:
    """Tells whether the names of two families differ in a number alone: ``_01`` and ``_02``."""
    first, second = (re.sub(r"\d+", "", "|".join(family.affix)) for family in (one, other))
    return NONE not in (one.affix, other.affix) and first == second and re.search(r"\d", "".join(one.affix)) is not None
