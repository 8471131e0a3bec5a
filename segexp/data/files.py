"""What data sets that lie in files share: listing, splits, caches, and what happens to a file that cannot be used."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from segexp.data.base import Items, SegmentationDataModule
from segexp.data.disk_cache import on_disk
from segexp.data.items import Item
from segexp.data.split_file import read_split
from segexp.data.splits import PHASES, Split, holdout, kfold, with_validation
from segexp.data.survey import Survey, SurveyCache, survey
from segexp.errors import DataError
from segexp.types import Fraction, NonNegativeFloat, NonNegativeInt, PositiveInt

T = TypeVar("T")
R = TypeVar("R")

READERS = 4
"""Files decoded at a time: the decoders of OpenCV and Pillow let other threads run."""


@dataclass(frozen=True)
class Pair:
    """Files of one image.

    Attributes:
        name: Unique name.
        image: The image.
        mask: Its mask.
        valid: Where this file holds 0, nothing counts.
        group: What it is scored together with, for example a city.
        unit: What a split must not cut apart, for example a patient; None: the image alone.
        stratum: What every part should get its share of, for example a type of cell.
    """

    name: str
    image: Path
    mask: Path
    valid: Path | None = None
    group: str | None = None
    unit: str | None = None
    stratum: str | None = None


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


class FilesDataModule(SegmentationDataModule):
    """Finds pairs of files (:meth:`listing`), splits them, opens them (:meth:`open`), and keeps them as asked."""

    def __init__(
        self,
        split: Literal["official", "holdout", "kfold"] = "holdout",
        split_file: str | None = None,
        val_fraction: Fraction = 0.15,
        test_fraction: Fraction = 0.2,
        folds: PositiveInt = 5,
        fold: NonNegativeInt = 0,
        split_seed: NonNegativeInt = 0,
        cache: Literal["none", "ram", "disk"] = "ram",
        cache_limit: NonNegativeFloat = 2.0,
        on_bad: Literal["raise", "skip"] = "raise",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            split: ``official``: as the data set comes; ``holdout``: random shares; ``kfold``: one fold is tested.
            split_file: A split.json of an earlier run, or one written by hand: lists of names under train, val and
                test; overrides ``split``.
            val_fraction: Share of the images that are not tested that validate.
            test_fraction: Share tested with ``holdout``.
            folds: Number of folds.
            fold: Which one is tested, from 0.
            split_seed: Seed of the split; apart from ``seed``, so that runs with other seeds share a split.
            cache: ``ram``: decode each image once and keep it; ``disk``: keep it decoded in the cache folder, to read
                windows from; ``none``: decode at each use. Memory-mapped files need none and get none.
            cache_limit: GiB that ``ram`` or ``disk`` may take; what does not fit is decoded at each use.
            on_bad: What becomes of a file that cannot be read: ``raise`` names it and ends; ``skip`` leaves it out,
                which the run folder and results.json say.
            **shared: Keys of every data set.
        """
        super().__init__(**shared)
        # Data sets may know further rules.
        self.split: str = split
        self.split_file = split_file
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.folds = folds
        self.fold = fold
        self.split_seed = split_seed
        self.cache = cache
        self.cache_limit = cache_limit
        self.on_bad = on_bad
        self._known: SurveyCache | None = None

    @abstractmethod
    def listing(self) -> Listing:
        """Finds the files; opens none.

        Raises:
            DataError: A folder is missing, so that there is nothing to list.
        """

    @abstractmethod
    def open(self, pair: Pair) -> Item:
        """The item of a pair; reads headers at the most.

        Raises:
            DataError: A file is missing or is no image, or sizes differ.
        """

    def cache_name(self) -> str:
        """What else than the files decides the class numbers; part of the key of every cache."""
        return ""

    def assign(self, listing: Listing) -> Split:
        """Names of the images of each part."""
        names = [pair.name for pair in listing.pairs]
        units = {pair.name: pair.unit for pair in listing.pairs if pair.unit is not None}
        strata = {pair.name: pair.stratum for pair in listing.pairs if pair.stratum is not None}
        if self.split_file is not None:
            return read_split(Path(self.split_file).expanduser(), names)
        if self.split == "kfold":
            return kfold(names, self.folds, self.fold, self.val_fraction, self.split_seed, units, strata)
        if self.split == "holdout":
            return holdout(names, self.val_fraction, self.test_fraction, self.split_seed, units, strata)
        rest = [name for name in names if name not in set(listing.tested)]
        if listing.validated is None:
            return with_validation(rest, listing.tested, self.val_fraction, self.split_seed, units, strata)
        train = [name for name in rest if name not in set(listing.validated)]
        return {"train": sorted(train), "val": sorted(listing.validated), "test": sorted(listing.tested)}

    def read(self) -> Items:
        """Lists, opens, splits and keeps.

        Raises:
            DataError: Names every file that is amiss.
        """
        listing = self.listed()
        split = self.assign(listing)
        chosen = {name for phase in PHASES for name in split[phase]}
        kept = self.opened([pair for pair in listing.pairs if pair.name in chosen])
        return {phase: [kept[name] for name in split[phase] if name in kept] for phase in PHASES}

    def listed(self) -> Listing:
        """The listing, its notes taken over.

        Raises:
            DataError: Files are missing or belong to nothing.
        """
        listing = self.listing()
        if listing.problems:
            raise DataError("\n".join(listing.problems))
        self.notes += listing.notes
        return listing

    def opened(self, pairs: Sequence[Pair]) -> dict[str, Item]:
        """Items by name, kept as asked; those that cannot be used are left out, if the data set allows that."""
        opened = self._each(pairs, lambda pair: pair.name, self.open)
        self._known = SurveyCache(f"{type(self).__name__} {self.cache_name()}")
        return self._keep({name: item for name, item in opened.items() if item is not None})

    def look(self, item: Item, classes: int) -> Survey | None:
        """As every data set; files that were looked at in an earlier run are known again."""
        try:
            if self._known is None:
                return survey(item, classes)
            return self._known.get(item, lambda: survey(item, classes))
        except DataError as error:
            self._bad(item.name, error)
            return None

    def setup(self, stage: str | None = None) -> None:
        """Reads the data once."""
        super().setup(stage)
        if self._known is not None:
            self._known.save()
            self._known = None

    def _each(self, things: Sequence[T], name: Callable[[T], str], do: Callable[[T], R]) -> dict[str, R | None]:
        """Does something with all files before it complains, so that all bad ones are named at once."""
        with ThreadPoolExecutor(READERS) as pool:
            results = list(pool.map(lambda thing: _tried(do, thing), things))
        problems = [
            (name(thing), error) for thing, (_, error) in zip(things, results, strict=True) if error is not None
        ]
        if problems and self.on_bad == "raise":
            raise DataError("\n".join(str(error) for _, error in problems))
        for thing, error in problems:
            self._bad(thing, error)
        return {name(thing): result for thing, (result, _) in zip(things, results, strict=True)}

    def _bad(self, name: str, error: DataError) -> None:
        """Raises, or notes what is left out."""
        if self.on_bad == "raise":
            raise error
        self.skipped.append({"image": name, "reason": str(error)})
        self.notes.append(f"left out: {error}")

    def _keep(self, items: Mapping[str, Item]) -> dict[str, Item]:
        """Decodes what is to be kept, as far as the limit goes."""
        room = int(self.cache_limit * 2**30) if self.cache != "none" else 0
        fitting: list[Item] = []
        for item in items.values():
            size = item.shape[0] * item.shape[1] * (item.channels * item.dtype.itemsize + 1)
            if not item.in_memory and size <= room:
                room -= size
                fitting.append(item)
        waiting = [item for item in items.values() if not item.in_memory]
        if self.cache != "none" and len(fitting) < len(waiting):
            self.notes.append(
                f"datamodule.cache_limit={self.cache_limit:g} GiB holds {len(fitting)} of {len(waiting)} images; the "
                "others are decoded at each use"
            )
        keep = (lambda item: item.decoded()) if self.cache == "ram" else (lambda item: on_disk(item, self.cache_name()))
        kept = self._each(fitting, lambda item: item.name, keep)
        return {name: found for name, item in items.items() if (found := kept.get(name, item)) is not None}

    def describe(self) -> dict[str, Any]:
        """As every data set, and how the images were split."""
        rule: dict[str, Any] = {"rule": self.split, "seed": self.split_seed}
        if self.split == "kfold":
            rule |= {"folds": self.folds, "fold": self.fold}
        if self.split_file is not None:
            rule = {"file": self.split_file}
        return {**super().describe(), "split": rule}


def _tried(do: Callable[[T], R], thing: T) -> tuple[R | None, DataError | None]:
    try:
        return do(thing), None
    except DataError as error:
        return None, error
