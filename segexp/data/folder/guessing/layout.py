"""Guesses which files are images and which their masks, by the names of folders and files; refuses where it is open."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from segexp.data.file_kinds import file_ending
from segexp.data.folder.guessing.affixes import NONE, Affix, Rule, find_rules, swap_rule
from segexp.data.folder.guessing.numbered import join_numbered
from segexp.data.folder.guessing.one_folder import FileFamily, pair_by_whole_names, pair_within_folder
from segexp.data.folder.guessing.parts_in_names import name_parts
from segexp.data.folder.guessing.pictures import without_pictures
from segexp.data.folder.guessing.refusals import explain_choices, explain_no_images
from segexp.data.folder.guessing.roles import COLOURED, File, FolderGroup, group_folders, infer_role, split_words
from segexp.data.folder.guessing.siblings import MANY, PATIENT, are_units, merge_siblings
from segexp.data.folder.parts import PARTS
from segexp.data.folder.patterns import FilePattern, Match, Template
from segexp.data.folder.tree import Tree
from segexp.errors import ConfigError, DataError

UNITS = 3
"""Patients at least of whom a split keeps each in one part."""
FIRST = {"firstmanual", "manual"}
"""Labels drawn by hand; where several people drew them, the first."""


@dataclass(frozen=True)
class FolderLayout:
    """Patterns, as they would stand in the config.

    Attributes:
        images: Pattern of the images.
        masks: Pattern of the masks.
        valid: Pattern of the files that are 0 where nothing counts; None: none.
        parts: Name of the folder of each part of the split, where some parts have no masks; None: as usual.
        split_by: What a split must not cut apart: the folders of one patient each; None: nothing.
        places: Folders that it uses.
        pairs: Images that have a mask.
        unpaired: ``skip`` where the others have to be left out.
    """

    images: str
    masks: str
    valid: str | None = None
    parts: Mapping[str, str | list[str]] | None = None
    split_by: str | None = None
    places: tuple[str, ...] = ()
    pairs: int = 0
    unpaired: str | None = None

    def lines(self) -> dict[str, Any]:
        """Keys and values that fix it."""
        keys = {
            "images": self.images,
            "masks": self.masks,
            "valid": self.valid,
            "parts": self.parts,
            "split_by": self.split_by,
            "unpaired": self.unpaired,
        }
        return {key: value for key, value in keys.items() if value is not None}


def guess_layout(tree: Tree, is_mask: Callable[[list[str]], bool]) -> FolderLayout:
    """The one layout that names leave open.

    Args:
        tree: The files.
        is_mask: Whether files look as masks do; asked only where names do not tell.

    Raises:
        DataError: None or several; the message has lines to write.
    """
    found = group_folders(without_pictures(tree))
    if not found:
        raise DataError(explain_no_images(tree))
    together, siblings = merge_siblings(found)
    whole = _choices(together, is_mask) if siblings > 1 else []
    choices = _different(whole if whole and siblings >= MANY else [*_choices(found, is_mask), *whole])
    if numbered := _named(join_numbered(found)):
        choices = _different(numbered)
    choices = _by_equal_names(choices)
    if len(choices) == 1:
        return _with_parts(choices[0], found)
    raise DataError(explain_choices(tree, found, choices or _partial(found) or _unnamed(tree, found, is_mask)))


def _different(layouts: Sequence[FolderLayout]) -> list[FolderLayout]:
    """The first of those that write the same lines: folders put together may leave a layout as it is."""
    lines = [layout.lines() for layout in layouts]
    return [layout for place, layout in enumerate(layouts) if lines[place] not in lines[:place]]


def _choices(found: Sequence[FolderGroup], is_mask: Callable[[list[str]], bool]) -> list[FolderLayout]:
    """Layouts that are possible; names of folders say more than names of files."""
    return _named(found) or [layout for place in found if place.role != "picture" for layout in _within(place, is_mask)]


def _named(found: Sequence[FolderGroup]) -> list[FolderLayout]:
    """Layouts of folders whose names say images and masks."""
    for candidates in (_by_keys(found), _by_roles(found)):
        if choices := [layout for images, masks in candidates for layout in _between(images, masks, found)]:
            return choices
    return []


def _by_equal_names(layouts: list[FolderLayout]) -> list[FolderLayout]:
    """Without those that pair ``V{id}`` with ``T{id}`` where both places have partners of equal names."""
    plain = [layout for layout in layouts if not _renames(layout)]
    images, masks = {layout.places[:1] for layout in plain}, {layout.places[1:2] for layout in plain}
    return [
        layout
        for layout in layouts
        if not (_renames(layout) and layout.places[:1] in images and layout.places[1:2] in masks)
    ]


def _renames(layout: FolderLayout) -> bool:
    return "{id}" in layout.images and "{id}" in layout.masks


def _with_parts(layout: FolderLayout, found: Sequence[FolderGroup]) -> FolderLayout:
    """With the official split that names of files tell, where folders tell none."""
    pattern = FilePattern(layout.images, "datamodule.images")
    masks = Template(layout.masks, "datamodule.masks")
    files = {file.path for place in found for file in place.files}
    matches = {path: match for path in files if (match := pattern.match(path)) is not None}
    own = [p for p, match in matches.items() if any(n in files and n != p for n in _filled(masks, match))]
    named = None if layout.parts else name_parts(layout.images, layout.masks, own)
    if named is None:
        return layout
    usual = all(word.lower() in PARTS for words in named[2].values() for word in words)
    return replace(layout, images=named[0], masks=named[1], parts=None if usual else named[2])


def _filled(masks: Template, match: Match) -> list[str]:
    try:
        return masks.fill(match)
    except (LookupError, ConfigError):
        return []


def _by_keys(found: Sequence[FolderGroup]) -> list[tuple[FolderGroup, list[FolderGroup]]]:
    """Places of images with the places of masks that belong to them by their names."""
    keys: dict[tuple[str, ...], list[FolderGroup]] = defaultdict(list)
    for place in found:
        keys[place.key].append(place)
    return [(images, masks) for group in keys.values() if (masks := _masks(group, found)) for images in _images(group)]


def _by_roles(found: Sequence[FolderGroup]) -> list[tuple[FolderGroup, list[FolderGroup]]]:
    """All places of images with all places of masks: what else their names hold does not matter."""
    masks = _masks(found, found)
    return [(images, masks) for images in _images(found)] if masks else []


def _images(found: Sequence[FolderGroup]) -> list[FolderGroup]:
    named = [place for place in found if place.role == "image"]
    return named or [place for place in found if place.role == "other"]


def _masks(group: Sequence[FolderGroup], found: Sequence[FolderGroup]) -> list[FolderGroup]:
    """Places of masks; a field of view is one where there is no other."""
    role = "mask" if any(place.role == "mask" for place in found) else "region"
    return [place for place in group if place.role == role]


def _partial(found: Sequence[FolderGroup]) -> list[FolderLayout]:
    """Layouts in which every mask has an image, but too few images have a mask."""
    return [
        replace(_layout(images, place, swap_rule(rule), None, None, len(rule.pairs)), unpaired="skip")
        for images, masks in _by_roles(found)
        for place in masks
        for rule in find_rules(place.files, images.files)
        if not rule.whole and not rule.flat
    ]


def _unnamed(tree: Tree, found: Sequence[FolderGroup], is_mask: Callable[[list[str]], bool]) -> list[FolderLayout]:
    """Layouts with masks in a folder whose name says nothing, ``lables`` or ``rust``, but those of its files do.

    Where no name says images either, files that look like masks tell which of two folders holds them.
    """
    if any(place.role == "mask" for place in found):
        return []
    others = [place for place in found if place.role in ("other", "objects")]
    likely = [place for place in others if is_mask([file.path for file in place.files])]
    named = [place for place in found if place.role == "image"]
    images = named or [place for place in others if place.role == "other" and place not in likely]
    # Beside outlines, as of SpaceNet, folders of other bands are no masks.
    outlined = any(file_ending(path).lower() in ("json", "geojson", "xml") for path in tree.files)
    masks = likely or (others if named and not outlined else [])
    return [
        _layout(place, other, rule, None, None, len(rule.pairs))
        for place in images
        for other in masks
        for rule in find_rules(place.files, other.files)
        if not rule.flat or _reached(other, rule) is other
    ]


def _between(images: FolderGroup, masks: Sequence[FolderGroup], found: Sequence[FolderGroup]) -> list[FolderLayout]:
    """Layouts with images in one place and masks in another; observers and fields of view are known by their names."""
    first = [place for place in masks if FIRST & set(place.words)]
    # Beside labels drawn by hand, a mask is that of the camera.
    regions = [place for place in masks if set(place.words) <= {"mask", "masks"}] if first else []
    regions += [place for place in found if place.role == "region" and place not in masks]
    layouts = []
    for place in first or masks:
        labelled = [file for file in images.files if not place.parts or file.inside[0] in place.parts]
        for rule in _meant(find_rules(labelled, place.files)) if labelled else []:
            if (masks_of := _reached(place, rule)) is None:
                continue
            valid = _whole_pattern(images, labelled, regions[0], rule.image) if len(regions) == 1 else None
            layout = _layout(images, masks_of, rule, valid, _parts(images, labelled), len(rule.pairs))
            layouts.append(replace(layout, places=(*layout.places, *([regions[0].text] if valid else []))))
    return layouts


def _meant(rules: Sequence[Rule]) -> list[Rule]:
    """Without masks that number objects or show classes in colours for the eye, where there are others."""
    words = [split_words("".join(rule.mask)) for rule in rules]
    plain = [
        rule
        for rule, own in zip(rules, words, strict=True)
        if infer_role(own) not in ("picture", "objects") and not COLOURED & set(own)
    ]
    return plain or list(rules)


def _reached(masks: FolderGroup, rule: Rule) -> FolderGroup | None:
    """The place of masks as it can be written for images of other folders below; None: masks lie in several folders."""
    if not rule.flat:
        return masks
    below = {file.inside[1:] for file in masks.files if file.path in set(rule.pairs.values())}
    if len(below) > 1:
        return None
    known = {f"{{sub{place}}}": name for place, name in enumerate(below.pop(), 1)}
    return replace(masks, names=tuple(known.get(name, name) for name in masks.names))


def _layout(
    images: FolderGroup, masks: FolderGroup, rule: Rule, valid: str | None, parts: dict[str, str] | None, pairs: int
) -> FolderLayout:
    bare = rule.image == NONE
    core = "file" if rule.whole else "stem" if bare else "id"
    return FolderLayout(
        _pattern(images, rule.image, "*" if bare else "{id}", rule.pairs),
        _pattern(masks, rule.mask, f"{{{core}}}", rule.pairs.values()),
        valid,
        parts,
        _unit(images, rule.pairs),
        (images.text, masks.text),
        pairs,
    )


def _unit(images: FolderGroup, paths: Iterable[str]) -> str | None:
    """The outermost of the folders that differ in one name alone, unless each holds one image."""
    known = set(paths)
    folders = [file.inside for file in images.files if file.path in known]
    patients = [found[0] for name in images.names if (found := re.search(rf"{{{PATIENT}\d?}}", name))]
    # Two units cannot be parted into training, validation and test.
    if not patients or not UNITS <= len(set(folders)) < len(folders):
        return None
    return patients[0] if are_units({inside[1] for inside in folders}) else None


def _whole_pattern(images: FolderGroup, files: Sequence[File], place: FolderGroup, image: Affix) -> str | None:
    """Pattern of files of which every image has one, by the core of names that the masks go by."""
    rules = [rule for rule in find_rules(files, place.files) if len(rule.pairs) == len(files)]
    if len(rules) != 1 or rules[0].image not in (NONE, image):
        return None
    core = "stem" if rules[0].image == NONE else "id"
    return _pattern(place, rules[0].mask, f"{{{core}}}", rules[0].pairs.values())


def _parts(images: FolderGroup, labelled: Sequence[File]) -> dict[str, str] | None:
    """Folders of the parts that have masks, where others have none."""
    named = sorted({file.inside[0] for file in labelled} - {""})
    return None if set(named) == images.parts else {PARTS[name.lower()]: name for name in named}


def _within(place: FolderGroup, is_mask: Callable[[list[str]], bool]) -> list[FolderLayout]:
    """Layouts with images and masks in the same folder."""
    whole = pair_by_whole_names(place.files)
    if whole is not None:
        return [_mixed(place, *whole, "{file}")]
    if pairs := pair_within_folder(place.files, is_mask):
        return [_mixed(place, image, mask, "{stem}") for image, mask in pairs]
    labelled = [file for file in place.files if file.inside[0] in _labelled_parts(place, is_mask)]
    pairs = pair_within_folder(labelled, is_mask) if 0 < len(labelled) < len(place.files) else []
    parts = _parts(place, labelled)
    return [replace(_mixed(place, image, mask, "{stem}"), parts=parts) for image, mask in pairs]


def _labelled_parts(place: FolderGroup, is_mask: Callable[[list[str]], bool]) -> set[str]:
    """Parts of the split whose files pair; others hold images alone."""
    return {
        part
        for part in place.parts
        if pair_within_folder([file for file in place.files if file.inside[0] == part], is_mask)
    }


def _mixed(place: FolderGroup, image: FileFamily, mask: FileFamily, core: str) -> FolderLayout:
    shared = image.members.keys() & mask.members.keys()
    images, masks = ([family.members[name] for name in shared] for family in (image, mask))
    if all(text == "" for _, text in shared):
        # One image in each folder, always of the same name.
        star = core = ""
    else:
        star, core = ("*", core) if image.affix == NONE else ("{id}", "{id}")
    return FolderLayout(
        _pattern(place, image.affix, star, images),
        _pattern(place, mask.affix, core, masks),
        split_by=_unit(place, images),
        places=(place.text,),
        pairs=len(shared),
    )


def _pattern(place: FolderGroup, affix: Affix, core: str, paths: Iterable[str]) -> str:
    """Pattern of files of a place: ``images/{id}_training.tif``."""
    kinds = sorted({file_ending(path) for path in paths})
    return f"{place.pattern}{affix[0]}{core}{affix[1]}." + (kinds[0] if len(kinds) == 1 else f"{{{','.join(kinds)}}}")
