"""Finds the files of a folder: by the patterns of the config, or by a guess."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from segexp.config.checks.built_words import check_words
from segexp.data.files import Listing
from segexp.data.folder.guessing.layout import FolderLayout, guess_layout
from segexp.data.folder.hints import note_other_files, note_unused_images
from segexp.data.folder.masks.sample import looks_like_masks
from segexp.data.folder.pairing import Rules, pair_files
from segexp.data.folder.parts import parse_parts
from segexp.data.folder.patterns import FilePattern, Template
from segexp.data.folder.table import table_path
from segexp.data.folder.tree import Tree, leave_out_pickles, list_files
from segexp.errors import ConfigError, DataError

AUTO = "auto"


@dataclass(frozen=True)
class NameKeys:
    """Keys of the config that speak of names and folders, under their own names.

    Raises:
        ConfigError: A pattern is none, or one of images and masks is given and the other is not.
    """

    images: str = AUTO
    masks: str = AUTO
    valid: str | None = AUTO
    split_by: str | None = None
    group: str | None = None
    stratum: str | None = None
    table: str | None = None
    table_key: str | None = None
    parts: Mapping[str, str | Sequence[str]] | None = None
    unpaired: Literal["raise", "skip"] = "raise"

    def __post_init__(self) -> None:
        check_words(self, "datamodule")
        given = [key for key in ("images", "masks") if getattr(self, key) != AUTO]
        if len(given) == 1:
            lacking = "masks" if given == ["images"] else "images"
            raise ConfigError(
                f"datamodule.{lacking}: auto, but {given[0]} is given; give both, or neither to have both guessed"
            )
        parse_parts(self.parts)
        if given:
            self.rules(FolderLayout(self.images, self.masks), Path())
        for key in ("split_by", "group", "stratum"):
            self._template(key, getattr(self, key))

    def rules(self, layout: FolderLayout, root: Path) -> Rules:
        """Patterns of a layout, with what the config says beside them."""
        valid = layout.valid if self.valid == AUTO else self.valid
        return Rules(
            images=FilePattern(layout.images, "datamodule.images"),
            masks=Template(layout.masks, "datamodule.masks"),
            valid=self._template("valid", valid),
            split_by=self._template("split_by", self.split_by or layout.split_by),
            group=self._template("group", self.group),
            stratum=self._template("stratum", self.stratum),
            table=None if self.table is None else table_path(root, self.table),
            table_key=self.table_key,
            parts=parse_parts(self.parts if self.parts is not None else layout.parts),
            unpaired=self.unpaired,
        )

    def _template(self, key: str, text: str | None) -> Template | None:
        return None if text is None or (key == "valid" and text == AUTO) else Template(text, f"datamodule.{key}")


@dataclass
class FolderFiles:
    """Files and what is said of them.

    Attributes:
        rules: By which they were found.
        listing: Pairs, problems and notes.
        official: Whether names or table tell training from test.
        guessed: Keys that fix what was guessed.
        notes: What was guessed, in words.
    """

    rules: Rules
    listing: Listing
    official: bool
    guessed: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def find_files(root: Path, keys: NameKeys) -> FolderFiles:
    """Lists the folder once and pairs what is in it.

    Raises:
        DataError: There is no such folder, nothing fits, or a guess is open.
        ConfigError: A template needs a part of names that there is not.
    """
    if keys.images != AUTO:
        rules = keys.rules(FolderLayout(keys.images, keys.masks), root)
        folders = [pattern.folder for pattern in (rules.images, rules.masks, rules.valid) if pattern is not None]
        tree = list_files(root, sorted(set(folders)))
        paired = pair_files(tree, rules)
        return FolderFiles(rules, paired.listing, paired.official, notes=list(tree.special))
    tree, objects = leave_out_pickles(list_files(root))
    try:
        layout = guess_layout(tree, lambda paths: looks_like_masks([root / path for path in paths]))
    except DataError as error:
        raise DataError("\n".join([str(error), *(f"  {note}" for note in objects)])) from error
    rules = keys.rules(layout, root)
    paired = pair_files(tree, rules)
    left_open = NameKeys()
    guessed = {key: value for key, value in layout.lines().items() if getattr(keys, key) == getattr(left_open, key)}
    notes = [*_notes(tree, rules, paired.listing), *objects]
    return FolderFiles(rules, paired.listing, paired.official, guessed, notes)


def _named(paths: Sequence[str], listing: Listing) -> set[str]:
    """Files that a problem or a note names already, such as an image without a mask."""
    said = "\n".join([*listing.problems, *listing.notes])
    words = set(said.replace(": ", " ").split()) if said else set()
    return {path for path in paths if path in words}


def _notes(tree: Tree, rules: Rules, listing: Listing) -> list[str]:
    used = {p.relative_to(tree.root).as_posix() for q in listing.pairs for p in (q.image, q.mask, q.valid) if p}
    valid = f", and {rules.valid.text} says where pixels count" if rules.valid else ""
    pairs = f"{len(listing.pairs)} images {rules.images.text} have their masks in {rules.masks.text}{valid}"
    unit = f"; images of one {rules.split_by.text} stay in one part of the split" if rules.split_by else ""
    return [
        f"guessed from names: {pairs}{unit}",
        *note_unused_images(tree.images, {*used, *_named(tree.images, listing)}),
        *note_other_files(tree.files),
        *tree.special,
    ]
