"""Images and masks in one folder: told apart by what their names end or begin with, or by their kinds of file."""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from segexp.data.folder.affixes import ENOUGH, NONE, Affix, Name
from segexp.data.folder.roles import File, role_of, words_of

LEAST = 0.2
"""Share of the files that must have a beginning or ending for it to be no part of the names themselves."""
LOSSY = {"jpg", "jpeg", "jpe", "jfif"}
"""Endings of files that no mask should have."""


@dataclass(frozen=True)
class Family:
    """Files of one ending with the same affix.

    Attributes:
        affix: What is not the core of their names.
        ending: What they end with.
        members: Path by place and core.
    """

    affix: Affix
    ending: str
    members: dict[Name, str]


def pairs_within(files: Sequence[File], is_mask: Callable[[list[str]], bool]) -> list[tuple[Family, Family]]:
    """All ways in which the files are images and their masks.

    Args:
        files: Of one place.
        is_mask: Whether files look as masks do: few values.

    Returns:
        Families of images and of masks; more than one pair where it is open.
    """
    found: dict[frozenset[tuple[str, str]], tuple[Family, Family]] = {}
    for one, other in _agreeing(_families(files)):
        for image, mask in _ordered(one, other, is_mask):
            paths = frozenset((image.members[name], mask.members[name]) for name in image.members.keys() & mask.members)
            found.setdefault(paths, (image, mask))
    return list(found.values())


def _families(files: Sequence[File]) -> list[Family]:
    members: dict[tuple[Affix, str], dict[Name, str]] = defaultdict(dict)
    for file in files:
        for affix in _affixes(file.stem):
            text = file.stem[len(affix[0]) : len(file.stem) - len(affix[1])]
            members[affix, file.ending][file.inside, text] = file.path
    return [
        Family(affix, ending, found)
        for (affix, ending), found in members.items()
        if affix == NONE or len(found) >= max(2, LEAST * len(files))
    ]


def _affixes(stem: str) -> list[Affix]:
    """None, and the first and the last word with its separator."""
    last = re.search(r"(?<=.)[\s_.-]+[^\s_.-]+$", stem)
    first = re.match(r"[^\s_.-]+[\s_.-]+(?=.)", stem)
    return [NONE, *([("", last[0])] if last else []), *([(first[0], "")] if first else [])]


def _agreeing(families: Sequence[Family]) -> list[tuple[Family, Family]]:
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


def _without(family: Family, named: Sequence[Family]) -> Family:
    """The files of a bare family that are not the mask, by their affix, of another file of the place."""
    derived = {
        path
        for other in named
        if len(other.members.keys() & family.members.keys()) >= ENOUGH * len(other.members)
        for path in other.members.values()
    }
    return Family(NONE, family.ending, {name: path for name, path in family.members.items() if path not in derived})


def _ordered(one: Family, other: Family, is_mask: Callable[[list[str]], bool]) -> list[tuple[Family, Family]]:
    """Image and mask, by their words, their kinds of file, or what is in them; both orders where that is open."""
    tests: tuple[Callable[[Family], bool], ...] = (
        lambda family: role_of(words_of("".join(family.affix))) == "mask",
        lambda family: family.ending.lower() not in LOSSY,
        lambda family: is_mask(list(family.members.values())),
    )
    for test in tests:
        first, second = test(one), test(other)
        if first != second:
            return [(other, one)] if first else [(one, other)]
    return [(one, other), (other, one)]
