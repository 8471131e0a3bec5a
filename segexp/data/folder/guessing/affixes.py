"""How the names of masks follow from those of their images: the same, or with another beginning or ending."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segexp.data.folder.guessing.roles import File

ENOUGH = 0.8
"""Share of the images that must have a mask for a rule to count; the others are named as missing."""
PROBES = 5
"""Images whose possible masks are searched for; a rule that fits them is tried on all."""
Affix = tuple[str, str]
"""What stands before and after the part that images and masks share."""
NONE: Affix = ("", "")
Name = tuple[tuple[str, ...], str]
"""Where a file lies, and its stem or the core of it."""


@dataclass(frozen=True)
class Rule:
    """The mask of ``<a>core<b>`` is ``<c>core<d>``.

    Attributes:
        image: a and b.
        mask: c and d.
        pairs: Path of the mask of each image.
        flat: Whether masks lie without the folders in which the images do.
        whole: Whether the core is the whole name of the image, with its ending: ``a.jpg.png`` is the mask of ``a.jpg``.
    """

    image: Affix
    mask: Affix
    pairs: dict[str, str]
    flat: bool = False
    whole: bool = False


def find_rules(images: Sequence[File], masks: Sequence[File]) -> list[Rule]:
    """All rules that give enough images a mask; equal names rule out any other."""
    for flat in (False, True):
        known = _unambiguous(masks, flat=flat)
        for image in _affixes([file.stem for file in images]):
            cores = {file.path: (_place(file, flat=flat), strip_affix(file.stem, image)) for file in images}
            rules = [Rule(image, mask, _paired(cores, known, mask), flat) for mask in _candidates(cores, known)]
            rules = [rule for rule in rules if len(rule.pairs) >= ENOUGH * len(images)]
            if rules:
                return [rule for rule in rules if rule.image == rule.mask == NONE] or rules
    return _by_whole_names(images, masks)


def swap_rule(rule: Rule) -> Rule:
    """The rule with images and masks in each other's place."""
    return Rule(rule.mask, rule.image, {mask: image for image, mask in rule.pairs.items()})


def _by_whole_names(images: Sequence[File], masks: Sequence[File]) -> list[Rule]:
    for flat in (False, True):
        known = _unambiguous(masks, flat=flat)
        cores = {file.path: (_place(file, flat=flat), f"{file.stem}.{file.ending}") for file in images}
        rules = [Rule(NONE, mask, _paired(cores, known, mask), flat, whole=True) for mask in _candidates(cores, known)]
        if rules := [rule for rule in rules if len(rule.pairs) >= ENOUGH * len(images)]:
            return rules
    return []


def strip_affix(stem: str, affix: Affix) -> str:
    """Gives the core of a stem: what stands between the two ends of the affix."""
    return stem[len(affix[0]) : len(stem) - len(affix[1])]


def _place(file: File, *, flat: bool) -> tuple[str, ...]:
    return file.inside[:1] if flat else file.inside


def _unambiguous(masks: Sequence[File], *, flat: bool) -> dict[Name, str]:
    """Paths by place and stem; without the folders below, names that several files have stand for none of them."""
    names = [(_place(file, flat=flat), file.stem) for file in masks]
    counts = Counter(names) if flat else {}
    return {name: file.path for name, file in zip(names, masks, strict=True) if counts.get(name, 1) == 1}


def _candidates(cores: Mapping[str, Name], known: Mapping[Name, str]) -> list[Affix]:
    """Lists what stands around the core in the names of masks, of a few images that have one."""
    every = list(cores.values())
    common: set[Affix] | None = None
    for where, text in every[:: max(1, len(every) // PROBES)]:
        around = {
            (stem[:start], stem[start + len(text) :])
            for place, stem in known
            if place == where and text
            for start in range(len(stem) - len(text) + 1)
            if stem.startswith(text, start)
        }
        if around:
            common = around if common is None else common & around
    return sorted(common or ())


def _paired(cores: Mapping[str, Name], known: Mapping[Name, str], mask: Affix) -> dict[str, str]:
    names = {path: (place, f"{mask[0]}{text}{mask[1]}") for path, (place, text) in cores.items()}
    return {path: known[name] for path, name in names.items() if name in known}


def _affixes(stems: Sequence[str]) -> list[Affix]:
    """Nothing, then what all stems have in common at an end, at the beginning, at both."""
    if len(stems) < 2:
        return [NONE]
    before, after = _common_start(stems), _common_end(stems)
    return list(dict.fromkeys([NONE, ("", after), (before, ""), (before, after)]))


def _common(stems: Sequence[str]) -> str:
    """Gives the longest beginning of all: the first and the last in the order of the alphabet tell it."""
    first, last = min(stems), max(stems)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


def _common_start(stems: Sequence[str]) -> str:
    """Up to the last separator, or up to digits: ``img_001`` and ``img_002`` share ``img_``."""
    common = _common(stems)
    whole = re.match(r".*[\s_.-]", common)
    if whole:
        return whole[0]
    letters = common.rstrip("0123456789")
    return letters if all(stem[len(letters) : len(letters) + 1].isdigit() for stem in stems) else ""


def _common_end(stems: Sequence[str]) -> str:
    """From the first separator on, or from letters behind digits: ``21_training`` and ``22_training``."""
    common = _common([stem[::-1] for stem in stems])[::-1]
    whole = re.search(r"[\s_.-].*", common)
    if whole:
        return whole[0]
    letters = common.lstrip("0123456789")
    behind = [stem[: len(stem) - len(letters)] for stem in stems]
    return letters if letters and all(text[-1:].isdigit() for text in behind) else ""
