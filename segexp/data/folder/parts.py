"""The official split: which part of it each image belongs to, by its folder or by a table."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from segexp.config.checks.suggest import did_you_mean
from segexp.data.files import Listing, Pair
from segexp.data.folder.patterns import PART, Match
from segexp.data.folder.table import MetadataTable
from segexp.data.splits.rules import PHASES, Phase
from segexp.errors import ConfigError

KEY = "datamodule.parts"
NAMED = 10
"""Units named one by one."""
PARTS: dict[str, Phase] = {
    "train": "train", "training": "train", "tr": "train",
    "trainval": "train", "train_val": "train", "train-val": "train", "train val": "train",
    "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What folders of an official split are called."""


def parse_parts(given: Mapping[str, str | Sequence[str]] | None) -> dict[str, Phase] | None:
    """Phase of each folder name, in lower case.

    Args:
        given: Folder names of ``train``, ``val`` and ``test``; None: the usual ones.

    Raises:
        ConfigError: A key is no phase, or a folder is in two.
    """
    if given is None:
        return None
    found: dict[str, Phase] = {}
    for phase, names in given.items():
        if phase not in PHASES:
            raise ConfigError(f"{KEY}: found {phase!r}, expected {', '.join(PHASES)}.{did_you_mean(phase, PHASES)}")
        for name in [names] if isinstance(names, str) else names:
            if found.setdefault(name.lower(), phase) != phase:
                raise ConfigError(f"{KEY}: {name} is in two parts, {found[name.lower()]} and {phase}")
    return found


def find_parts(images: Sequence[Match], table: MetadataTable | None, known: Mapping[str, Phase]) -> list[Phase] | None:
    """Part of each image, by its name or by a column of the table; None: not told for all."""
    rows = table.rows if table is not None else {}
    values = [match.fields.get(PART, rows.get(match.path, {}).get(PART, "")).lower() for match in images]
    return [known[value] for value in values] if all(value in known for value in values) else None


def assign_parts(listing: Listing, parts: Sequence[Phase] | None) -> bool:
    """Fills in which images ``split=official`` tests and validates on; without a test part the validation is tested.

    Args:
        listing: With its pairs.
        parts: Part of each.

    Returns:
        Whether there is such a split.
    """
    if not parts:
        return False
    names: dict[Phase, list[str]] = {phase: [] for phase in PHASES}
    for pair, phase in zip(listing.pairs, parts, strict=True):
        names[phase].append(pair.name)
    if names["val"] and not names["test"]:
        names["val"], names["test"] = [], names["val"]
        listing.notes.append(
            "the split has no test part: its validation part is tested, and a share of the training part validates. "
            "datamodule.split=holdout would draw all three from all images"
        )
    listing.tested, listing.validated = names["test"], names["val"] or None
    listing.notes += _torn(listing.pairs, parts)
    return bool(names["train"] and names["test"])


def _torn(pairs: Sequence[Pair], parts: Sequence[Phase]) -> list[str]:
    """A note when the split as given puts images of one unit into several parts."""
    where: dict[str, set[Phase]] = defaultdict(set)
    for pair, phase in zip(pairs, parts, strict=True):
        if pair.split_by is not None:
            where[pair.split_by].add(phase)
    torn = sorted(unit for unit, phases in where.items() if len(phases) > 1)
    words = ", ".join(torn[:NAMED]) + (", ..." if len(torn) > NAMED else "")
    return [f"the official split puts images of one unit into several parts: {words}"] if torn else []
