"""From patterns to pairs: every image with its mask, what it belongs to, and what is missing or left over."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from segexp.data.file_kinds import file_ending
from segexp.data.files import Listing, Pair
from segexp.data.folder.guessing.pictures import find_derived
from segexp.data.folder.guessing.refusals import NO_MASKS
from segexp.data.folder.guessing.roles import infer_role, split_words
from segexp.data.folder.parts import PARTS, assign_parts, find_parts
from segexp.data.folder.patterns import PART, STEM, FilePattern, Match, Template
from segexp.data.folder.table import MetadataTable, read_table
from segexp.data.folder.tree import Tree
from segexp.data.splits.rules import Phase
from segexp.errors import DataError
from segexp.runs.text import printable

NAMED = 10
"""Files named one by one; of more, the number is said."""


@dataclass(frozen=True)
class Rules:
    """Patterns and templates by which files are paired, as the config or a guess gives them.

    Attributes:
        images: Which files are images.
        masks: Path of the mask of each.
        valid: Path of the file that is 0 where nothing counts; None: there is none.
        split_by: What a split must not cut apart; None: nothing.
        group: What is scored together; None: nothing.
        stratum: What every part gets its share of; None: nothing.
        table: Table whose columns these may use.
        table_key: Its column that names the image.
        parts: Phase of each value of ``{split}``, in lower case; None: by the usual names.
        unpaired: Whether an image without mask, or a mask without image, is an error or left out.
    """

    images: FilePattern
    masks: Template
    valid: Template | None = None
    split_by: Template | None = None
    group: Template | None = None
    stratum: Template | None = None
    table: Path | None = None
    table_key: str | None = None
    parts: Mapping[str, Phase] | None = None
    unpaired: Literal["raise", "skip"] = "raise"


@dataclass
class Paired:
    """Pairs of files, and whether they come with a split.

    Attributes:
        listing: Pairs, parts, problems and notes.
        official: Whether names tell which part each image belongs to, and one of them can be tested.
    """

    listing: Listing
    official: bool


def pair_files(tree: Tree, rules: Rules) -> Paired:
    """Finds every image and what belongs to it.

    Raises:
        DataError: No file fits the pattern of images, or a part of a name or a row of the table is missing.
        ConfigError: A template needs a part of names that there is not.
    """
    files = set(tree.files)
    listing = Listing()
    every = _images(tree, rules)
    masks, lacking = _partners(every, rules.masks, files, "mask")
    valid, without = _partners(every, rules.valid, files, "valid mask") if rules.valid else ({}, [])
    # Where masks lie beside images and a pattern fits both: what is the mask of an image is no image.
    partners = {*masks.values(), *valid.values()}
    images = _of_known_parts([match for match in every if match.path not in partners], rules, listing)
    derived = find_derived(tree.images) & {path for path, _ in lacking}
    listing.notes += _passed_over(sorted(derived))
    images = [match for match in images if match.path not in derived]
    ours = {match.path for match in images}
    complaints = [line for path, line in (*lacking, *without) if path in ours]
    complaints += _left_over(tree, rules, set(masks.values()))
    complaints += _shared(images, masks)
    kept = [m for m in images if m.path in masks and (rules.valid is None or m.path in valid)]
    _settle(complaints, rules, listing, none=not kept)
    table = _table(rules, kept, listing)
    listing.pairs = _pairs(tree.root, rules, kept, masks, valid, table)
    return Paired(listing, assign_parts(listing, find_parts(kept, table, rules.parts or PARTS)))


def _passed_over(derived: Sequence[str]) -> list[str]:
    """A note on files that fit the pattern of images, and were made of images."""
    more = f" and {len(derived) - 1} more" if len(derived) > 1 else ""
    return [f"passed over, made of other images: {derived[0]}{more}"] if derived else []


def _images(tree: Tree, rules: Rules) -> list[Match]:
    """All files that fit the pattern of images."""
    matches = [match for path in tree.images if (match := rules.images.match(path))]
    # A pattern may name an ending that no image file usually has.
    matches = matches or [match for path in tree.files if (match := rules.images.match(path))]
    if not matches:
        raise DataError(
            f"datamodule.images: no file fits {rules.images.text!r} below {tree.root}, which holds "
            f"{tree.says() or 'nothing'}"
        )
    return matches


def _of_known_parts(matches: list[Match], rules: Rules, listing: Listing) -> list[Match]:
    """Leaves out what ``{split}`` puts into no part."""
    values = Counter(match.fields[PART] for match in matches if PART in match.fields)
    other = {value: count for value, count in values.items() if value.lower() not in (rules.parts or PARTS)}
    if other and len(other) == len(values):
        raise DataError(
            f"datamodule.images: {{{PART}}} stands for {', '.join(other)}, which are no parts of a split; say which is "
            f"what, for example 'datamodule.parts={{train:{next(iter(other))},test:{list(other)[-1]}}}'"
        )
    listing.notes += [
        f"{value}: its {count} images are in no part of the split, left out" for value, count in other.items()
    ]
    return [match for match in matches if match.fields.get(PART) not in other]


def _partners(
    images: Sequence[Match], template: Template, files: set[str], what: str
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Path of the partner of each image, and a line for each image that has none or several."""
    found: dict[str, str] = {}
    lacking = []
    for match in images:
        try:
            names = template.fill(match)
        except LookupError as error:
            lacking.append((match.path, f"{match.path}: {error}"))
            continue
        there = [name for name in names if name in files and name != match.path]
        if len(there) == 1:
            found[match.path] = there[0]
        elif there:
            lacking.append((match.path, f"{match.path}: has two files as its {what}, {there[0]} and {there[1]}"))
        else:
            lacking.append((match.path, f"{match.path}: its {what} is missing, expected {' or '.join(names)}"))
    return found, lacking


def _left_over(tree: Tree, rules: Rules, used: Collection[str]) -> list[str]:
    """Masks that belong to no image."""
    endings = {file_ending(path) for path in used}
    stems = {path.removesuffix(f".{file_ending(path)}") for path in used}
    return [
        f"{path}: belongs to no image"
        for path in tree.images
        if path not in used
        and file_ending(path) in endings
        and rules.masks.could_be(path)
        and rules.images.match(path) is None
        and not _shows_another(path, stems)
    ]


def _shows_another(path: str, masks: Collection[str]) -> bool:
    """Tells whether a file shows a mask for the eye, or numbers its objects, by its name: ``a_vis`` beside ``a``."""
    stem = path.removesuffix(f".{file_ending(path)}")
    before, _, last = stem.rpartition("_")
    return before in masks and infer_role(split_words(last)) in ("picture", "objects")


def _shared(images: Sequence[Match], masks: Mapping[str, str]) -> list[str]:
    owners: dict[str, str] = {}
    lines = []
    for match in images:
        mask = masks.get(match.path)
        if mask is not None and owners.setdefault(mask, match.path) != match.path:
            lines.append(f"{mask}: is the mask of two images, {owners[mask]} and {match.path}")
    return lines


def _settle(complaints: Sequence[str], rules: Rules, listing: Listing, *, none: bool) -> None:
    """Puts what is amiss where it belongs: into the error, or into the notes; ``none``: no image has all it needs."""
    if not complaints:
        return
    shown = list(complaints[:NAMED])
    more = [f"and {len(complaints) - NAMED} more such files"] if len(complaints) > NAMED else []
    if rules.unpaired == "skip":
        listing.notes += [f"left out, as datamodule.unpaired=skip: {line}" for line in [*shown, *more]]
    else:
        # Lines of the last one: what to do is no problem of its own.
        way = f"no image has its mask: check datamodule.masks; {NO_MASKS}" if none else _SKIP
        last = "\n".join([shown[-1], *more, way])
        listing.problems += [*shown[:-1], last]


_SKIP = "datamodule.unpaired=skip leaves out what has no partner"


def _pairs(
    root: Path,
    rules: Rules,
    images: Sequence[Match],
    masks: Mapping[str, str],
    valid: Mapping[str, str],
    table: MetadataTable | None,
) -> list[Pair]:
    names = unique_names([match.path for match in images], [match.fields[STEM] for match in images])
    labels = {
        key: _labels(template, images, table)
        for key, template in (("split_by", rules.split_by), ("group", rules.group), ("stratum", rules.stratum))
    }
    return [
        Pair(
            name,
            root / match.path,
            root / masks[match.path],
            root / valid[match.path] if match.path in valid else None,
            group=labels["group"].get(match.path),
            split_by=labels["split_by"].get(match.path),
            stratum=labels["stratum"].get(match.path),
        )
        for name, match in zip(names, images, strict=True)
    ]


def _table(rules: Rules, images: Sequence[Match], listing: Listing) -> MetadataTable | None:
    if rules.table is None or not images:
        return None
    table = read_table(rules.table, rules.table_key, images)
    if table.unused:
        listing.notes.append(f"{table.path}: {table.unused} rows are of images that are not there")
    return table


def _labels(template: Template | None, images: Sequence[Match], table: MetadataTable | None) -> dict[str, str]:
    """Fills a template for each image: its unit, group or stratum, by path."""
    if template is None:
        return {}
    labels, problems = {}, []
    for match in images:
        try:
            label = template.fill(match, table.rows[match.path] if table else None)[0]
        except LookupError as error:
            problems.append(f"{match.path}: {error}")
            continue
        if not label.strip():
            problems.append(f"{match.path}: {template.key}: {template.text!r} is empty for it")
        labels[match.path] = label
    if problems:
        raise DataError("\n".join(problems[:NAMED]))
    return labels


def unique_names(paths: Sequence[str], stems: Sequence[str]) -> list[str]:
    """The shortest kind of name that tells all images apart: the stem, else with folders before it; escaped."""
    pure = [PurePosixPath(path) for path in paths]
    varying = _varying([path.parent.parts for path in pure])
    kinds = (
        list(stems),
        [path.stem for path in pure],
        ["_".join([*folders, path.stem]) for folders, path in zip(varying, pure, strict=True)],
        ["_".join(path.with_suffix("").parts) for path in pure],
        ["_".join(path.parts) for path in pure],
    )
    for names in (list(map(printable, kind)) for kind in kinds):
        if len(set(names)) == len(names):
            return names
    raise DataError("datamodule.images: two images have one name when / is read as _; rename one of them")


def _varying(folders: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Gives of each path the folders that are not the same for all; all of them where depths differ."""
    if len({len(parts) for parts in folders}) != 1:
        return list(folders)
    places = [place for place, names in enumerate(zip(*folders, strict=True)) if len(set(names)) > 1]
    return [tuple(parts[place] for place in places) for parts in folders]
