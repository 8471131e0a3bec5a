"""What a data set finds on disk: by name, and then by the headers of its files."""

from dataclasses import dataclass, field
from pathlib import Path

from segexp.data.checks.problems import Problem
from segexp.data.items.item import Item
from segexp.data.splits.rules import PHASES, Phase, Split


@dataclass(frozen=True)
class Pair:
    """Files of one image.

    Attributes:
        name: Unique name.
        image: The image.
        mask: Its mask, or another image that is the target; None: the target lies in no file of its own.
        valid: Where this file holds 0, nothing counts.
        group: What it is scored together with, for example a city.
        split_by: What a split must not cut apart, for example a patient; None: the image alone.
        stratum: What every part should get its share of, for example a type of cell.
        label: Class number of the image, where classes are of images.
    """

    name: str
    image: Path
    mask: Path | None = None
    valid: Path | None = None
    group: str | None = None
    split_by: str | None = None
    stratum: str | None = None
    label: int | None = None

    @property
    def mask_file(self) -> Path:
        """The mask, of a data set whose images all have one."""
        if self.mask is None:
            raise ValueError(f"{self.name} was listed without a mask")
        return self.mask


@dataclass
class Listing:
    """Files of a data set, found by name; none is opened.

    Attributes:
        pairs: Images with their masks.
        tested: Images that ``split=official`` tests, where the data set has such.
        validated: Images that ``split=official`` validates on; None: a share of the rest.
        problems: A line for each file that is missing or belongs to nothing; training is refused.
        notes: A line for what is passed over.
    """

    pairs: list[Pair] = field(default_factory=list)
    tested: list[str] = field(default_factory=list)
    validated: list[str] | None = None
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class FoundFiles:
    """All files of a data set with their headers read.

    Attributes:
        listing: What there is.
        split: Names of each part; None: there is no such split.
        items: Images that could be opened, by name.
        parts: The images of each part.
        problems: What is amiss.
        notes: What was decided.
    """

    listing: Listing = field(default_factory=Listing)
    split: Split | None = None
    items: dict[str, Item] = field(default_factory=dict)
    parts: dict[Phase, list[Item]] = field(default_factory=lambda: {phase: [] for phase in PHASES})
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> dict[str, Pair]:
        """Files by name."""
        return {pair.name: pair for pair in self.listing.pairs}
