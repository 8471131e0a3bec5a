"""Guesses which files are images and which their masks, by the names of folders and files; refuses where it is open."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from segexp.data.file_kinds import ending
from segexp.data.folder.affixes import NONE, Affix, rules_between
from segexp.data.folder.mixed import pairs_within
from segexp.data.folder.parts import PARTS
from segexp.data.folder.refusals import refusal
from segexp.data.folder.roles import File, Place, places
from segexp.data.folder.tree import Tree
from segexp.errors import DataError


@dataclass(frozen=True)
class Layout:
    """Patterns, as they would stand in the config.

    Attributes:
        images: Pattern of the images.
        masks: Pattern of the masks.
        valid: Pattern of the files that are 0 where nothing counts; None: none.
        parts: Name of the folder of each part of the split, where some parts have no masks; None: as usual.
        places: Folders that it uses.
        pairs: Images that have a mask.
    """

    images: str
    masks: str
    valid: str | None = None
    parts: dict[str, str] | None = None
    places: tuple[str, ...] = ()
    pairs: int = 0

    def lines(self) -> dict[str, str | dict[str, str]]:
        """Keys and values that fix it."""
        keys = {"images": self.images, "masks": self.masks, "valid": self.valid, "parts": self.parts}
        return {key: value for key, value in keys.items() if value is not None}


def guess_layout(tree: Tree, is_mask: Callable[[list[str]], bool]) -> Layout:
    """The one layout that names leave open.

    Args:
        tree: The files.
        is_mask: Whether files look as masks do; asked only where names do not tell.

    Raises:
        DataError: None or several; the message has lines to write.
    """
    found = places(tree)
    if not found:
        raise DataError(f"datamodule.root: {tree.root} holds no image files, but {tree.says() or 'nothing'}")
    choices = [layout for images, masks in _candidates(found) for layout in _between(images, masks)]
    # Names of folders say more than names of files.
    choices = choices or [layout for place in found for layout in _within(place, is_mask)]
    if len(choices) == 1:
        return choices[0]
    raise DataError(refusal(tree, found, choices))


def _candidates(found: Sequence[Place]) -> list[tuple[Place, list[Place]]]:
    """Places of images with the places of masks that belong to them by their names."""
    keys: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for place in found:
        keys[place.key].append(place)
    pairs = [
        (images, masks)
        for group in keys.values()
        if (masks := [place for place in group if place.role == "mask"])
        for images in _images(group)
    ]
    # One of each and no more: what else their names hold does not matter.
    masks = [place for place in found if place.role == "mask"]
    return pairs or ([(images, masks) for images in _images(found)] if len(masks) == len(_images(found)) == 1 else [])


def _images(found: Sequence[Place]) -> list[Place]:
    named = [place for place in found if place.role == "image"]
    return named or [place for place in found if place.role == "other"]


def _between(images: Place, masks: Sequence[Place]) -> list[Layout]:
    """Layouts with images in one place and masks in another; DRIVE's folders are known by their names."""
    first = [place for place in masks if "firstmanual" in place.words]
    regions = [place for place in masks if set(place.words) <= {"mask", "masks"}] if first else []
    layouts = []
    for place in first or masks:
        labelled = [file for file in images.files if not place.parts or file.inside[0] in place.parts]
        for rule in rules_between(labelled, place.files) if labelled else []:
            valid = _whole_pattern(images, labelled, regions[0], rule.image) if len(regions) == 1 else None
            used = (images.text, place.text, *([regions[0].text] if valid else []))
            core = "stem" if rule.image == NONE else "id"
            layouts.append(
                Layout(
                    _pattern(images, rule.image, "*" if rule.image == NONE else "{id}", rule.pairs),
                    _pattern(place, rule.mask, f"{{{core}}}", rule.pairs.values()),
                    valid,
                    _parts(images, labelled),
                    used,
                    len(rule.pairs),
                )
            )
    return layouts


def _whole_pattern(images: Place, files: Sequence[File], place: Place, image: Affix) -> str | None:
    """Pattern of files of which every image has one, by the core of names that the masks go by."""
    rules = [rule for rule in rules_between(files, place.files) if len(rule.pairs) == len(files)]
    if len(rules) != 1 or rules[0].image not in (NONE, image):
        return None
    core = "stem" if rules[0].image == NONE else "id"
    return _pattern(place, rules[0].mask, f"{{{core}}}", rules[0].pairs.values())


def _parts(images: Place, labelled: Sequence[File]) -> dict[str, str] | None:
    """Folders of the parts that have masks, where others have none."""
    named = sorted({file.inside[0] for file in labelled} - {""})
    return None if set(named) == images.parts else {PARTS[name.lower()]: name for name in named}


def _within(place: Place, is_mask: Callable[[list[str]], bool]) -> list[Layout]:
    """Layouts with images and masks in the same folder."""
    layouts = []
    for image, mask in pairs_within(place.files, is_mask):
        shared = image.members.keys() & mask.members.keys()
        bare = image.affix == NONE
        layouts.append(
            Layout(
                _pattern(place, image.affix, "*" if bare else "{id}", [image.members[name] for name in shared]),
                _pattern(place, mask.affix, "{stem}" if bare else "{id}", [mask.members[name] for name in shared]),
                places=(place.text,),
                pairs=len(shared),
            )
        )
    return layouts


def _pattern(place: Place, affix: Affix, core: str, paths: Iterable[str]) -> str:
    """Pattern of files of a place: ``images/{id}_training.tif``."""
    kinds = sorted({ending(path) for path in paths})
    return f"{place.pattern}{affix[0]}{core}{affix[1]}." + (kinds[0] if len(kinds) == 1 else f"{{{','.join(kinds)}}}")
