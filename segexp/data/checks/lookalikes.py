"""Images of two parts that look alike: figures of the one may be of what the model has seen in the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from segexp.data.checks.likeness import find_alike, unpack_fingerprint
from segexp.data.checks.problems import CHECK
from segexp.data.checks.survey import Survey
from segexp.data.items.item import Item
from segexp.data.splits.rules import Phase

SHOWN = 3
"""Pairs named in a note."""


@dataclass(frozen=True)
class Lookalike:
    """Two images.

    Attributes:
        name: Of the one in the earlier part.
        phase: Its part.
        other: Name of the other.
        later: The part of the other.
        likeness: From -1 to 1.
    """

    name: str
    phase: Phase
    other: str
    later: Phase
    likeness: float

    def __str__(self) -> str:
        return f"{self.name} ({self.phase}) and {self.other} ({self.later}) look alike ({self.likeness:.2f} of 1)"


def find_lookalikes(found: Mapping[Phase, Sequence[tuple[Item, Survey]]]) -> list[Lookalike]:
    """Pairs of images in two parts that look alike, by the fingerprints in their surveys, parts in their order."""
    every = [(item.name, phase, survey.print) for phase, pairs in found.items() for item, survey in pairs]
    prints = [unpack_fingerprint(text) for *_, text in every]
    return [
        Lookalike(*every[one][:2], *every[other][:2], likeness)
        for one, other, likeness in find_alike(prints, [phase for _, phase, _ in every])
    ]


def describe_lookalikes(pairs: Sequence[Lookalike]) -> str:
    """A line for the log and results.json, the most alike first."""
    first = sorted(pairs, key=lambda pair: -pair.likeness)[:SHOWN]
    more = f" and {len(pairs) - len(first)} more (all of them: {CHECK} with the same keys)" if pairs[SHOWN:] else ""
    return (
        f"{'; '.join(map(str, first))}{more}: if they show one thing, figures are of images that the model knows; give "
        "both to one part (datamodule.split_file)"
    )
