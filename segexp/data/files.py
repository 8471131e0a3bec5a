"""What data sets that lie in files share: listing, splits, caches, and what happens to a file that cannot be used."""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

from segexp.config.checks.built_words import check_words
from segexp.data import reading
from segexp.data.base import ImageDataModule, Items
from segexp.data.checks import duplicates
from segexp.data.checks.enlarged import note_enlarged
from segexp.data.checks.labels import contradictions
from segexp.data.checks.orientation import note_mirrored, note_turned
from segexp.data.checks.problems import Problem, problem_of, refuse
from segexp.data.checks.sizes import check_alike, check_unique_names, name_some
from segexp.data.checks.survey import Survey, SurveyCache, survey_image
from segexp.data.each import process_files
from segexp.data.items.disk_cache import on_disk
from segexp.data.items.item import Item
from segexp.data.items.resized import ResizedItem
from segexp.data.labels.label_map import LabelMap
from segexp.data.listing import FoundFiles, Listing, Pair
from segexp.data.sampling.worker_errors import naming
from segexp.data.splits.rules import PHASES, Split, holdout, kfold, take_validation
from segexp.data.splits.split_file import read_split, take_over_split
from segexp.data.splits.split_lists import read_lists
from segexp.errors import DataError, TooFewError, UserError
from segexp.rasters import DEFAULT_GB, set_image_limit
from segexp.types import Fraction, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, Seed

__all__ = ["FilesDataModule", "FoundFiles", "Listing", "Pair"]

T = TypeVar("T")
R = TypeVar("R")

SAMPLED = 8
"""Masks looked at beside other problems, so that one error tells of both."""


class FilesDataModule(ImageDataModule):
    """Finds pairs of files (:meth:`listing`), splits them, opens them (:meth:`open`), and keeps them as asked.

    Attributes:
        image_size: Side to which every image is resized with its target, in pixels; None: native size. A data set with
            a key of this name sets it.
    """

    copies_matter = True
    image_size: int | None = None

    def __init__(
        self,
        split: Literal["official", "holdout", "kfold"] = "holdout",
        split_file: str | None = None,
        val_fraction: Fraction = 0.15,
        test_fraction: Fraction = 0.2,
        folds: PositiveInt = 5,
        fold: NonNegativeInt = 0,
        split_seed: Seed = 0,
        cache: Literal["none", "ram", "disk"] = "ram",
        cache_limit: NonNegativeFloat = 2.0,
        on_bad: Literal["raise", "skip"] = "raise",
        image_limit: PositiveFloat = DEFAULT_GB,
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            split: ``official``: as the data set comes; ``holdout``: random shares; ``kfold``: one fold is tested.
            split_file: A split.json of an earlier run, or one written by hand: lists of names under train, val and
                test; or a folder with lists of images, ``train.txt`` beside ``val.txt`` or ``test.txt``; overrides
                ``split``.
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
            image_limit: GB of memory that decoding one file may take; a file that declares more is one that cannot be
                read. What it takes is known from its header.
            **shared: Keys of every data set.
        """
        super().__init__(**shared)
        # Data sets may know further rules.
        self.split: str = split
        self.split_file = split_file
        self._lists: list[str] = []
        self.val_fraction = val_fraction
        self.test_fraction = test_fraction
        self.folds = folds
        self.fold = fold
        self.split_seed = split_seed
        self.cache = cache
        self.cache_limit = cache_limit
        self.on_bad = on_bad
        self.image_limit = image_limit
        # By itself: what is read for a run with a split of its own is of no use to others, see segexp.data.reading.
        self._kept: Split | None = None
        self._known: SurveyCache | None = None
        self._found: FoundFiles | None = None
        self._sides: list[int] = []

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
        """Names what decides the class numbers beside the files; part of the key of every cache."""
        return ""

    def file_labels(self) -> LabelMap | None:
        """Gives the map from values in mask files to class numbers; None: masks are no such files."""
        return None

    def beside(self, items: Sequence[Item]) -> list[Problem]:
        """Reads what the test needs beside images and masks (another observer's masks), and gives what is amiss."""
        return []

    def assign(self, listing: Listing) -> Split:
        """Names of the images of each part."""
        names = [pair.name for pair in listing.pairs]
        units = {pair.name: pair.split_by for pair in listing.pairs if pair.split_by is not None}
        strata = {pair.name: pair.stratum for pair in listing.pairs if pair.stratum is not None}
        if self._kept is not None:
            return take_over_split(self._kept, names, listing.notes)
        if self.split_file is not None:
            given = Path(self.split_file).expanduser()
            if not given.is_dir():
                return read_split(given, names, listing.notes)
            lists = read_lists(given, names)
            listing.notes += lists.notes
            self._lists = list(lists.parts)
            return lists.split(self.val_fraction, self.split_seed, units, strata)
        if self.split == "kfold":
            return kfold(names, self.folds, self.fold, self.val_fraction, self.split_seed, units, strata)
        if self.split == "holdout":
            return holdout(names, self.val_fraction, self.test_fraction, self.split_seed, units, strata)
        rest = [name for name in names if name not in set(listing.tested)]
        if listing.validated is None:
            return take_validation(rest, listing.tested, self.val_fraction, self.split_seed, units, strata)
        train = [name for name in rest if name not in set(listing.validated)]
        return {"train": sorted(train), "val": sorted(listing.validated), "test": sorted(listing.tested)}

    def keep_split(self, split: Split) -> None:
        """Takes over the split of a run: images that it had not are used nowhere, which is noted."""
        super().keep_split(split)
        self._kept = split

    def arrange(self, split: Split, items: Mapping[str, Item]) -> Items:
        """The images of each part; data sets that cut images into several do it here.

        Args:
            split: Names of each part, from :meth:`assign`.
            items: Images by name; some may be left out.
        """
        return {phase: [items[name] for name in split[phase] if name in items] for phase in PHASES}

    def find(self) -> FoundFiles:
        """Lists, splits and opens all files; what is amiss is gathered, not raised. No more than headers is read."""
        set_image_limit(self.image_limit)
        found = FoundFiles()
        try:
            found.listing = self.listing()
        except UserError as error:
            found.problems.append(problem_of(error, kind="folders and files"))
            return found
        found.problems += [Problem("folders and files", line) for line in found.listing.problems]
        found.problems += check_unique_names([pair.name for pair in found.listing.pairs])
        groups = duplicates.find_copies(found.listing.pairs)
        found.listing = duplicates.unite_copies(found.listing, groups)
        self._refuse_contradictions(found, groups)
        self._split(found)
        if not self._settle_readings(found):
            return found
        self._open_all(found)
        self._part_copies(found, groups)
        if found.split is not None and found.items:
            self._arrange(found, found.split)
        return found

    def _refuse_contradictions(self, found: FoundFiles, groups: list[list[Pair]]) -> None:
        """Copies of an image in two classes: a problem, or none of them is used."""
        lost = set()
        for pair, sentence in contradictions(groups):
            error = DataError(sentence)
            if self.leaves_out(pair.name, error):
                lost.add(pair.name)
            elif sentence not in {problem.text for problem in found.problems}:
                found.problems.append(problem_of(error, kind="labels"))
        found.listing.pairs = [pair for pair in found.listing.pairs if pair.name not in lost]

    def _settle_readings(self, found: FoundFiles) -> bool:
        """Settles how masks are read, before threads open them; False: that is open."""
        labels = self.file_labels()
        try:
            if labels is not None:
                labels.prepare([pair.mask for pair in found.listing.pairs if pair.mask is not None])
                found.notes += labels.choices.notes
        except UserError as error:
            found.problems.append(problem_of(error))
            return False
        return True

    def _split(self, found: FoundFiles) -> None:
        try:
            found.split = self.assign(found.listing)
        except UserError as error:
            # Where files are missing, too few that are left say nothing new.
            if not (found.listing.problems and isinstance(error, TooFewError)):
                found.problems.append(problem_of(error, kind="split"))

    def _open_all(self, found: FoundFiles) -> None:
        chosen = set(found.pairs) if found.split is None else {name for phase in PHASES for name in found.split[phase]}
        pairs = [pair for pair in found.pairs.values() if pair.name in chosen]
        opened, problems = self._each(pairs, lambda pair: pair.name, self.open)
        self._sides = sorted(min(item.shape) for item in opened.values())
        found.items |= opened if self.image_size is None else _resized(opened, self.image_size)
        found.problems += problems
        found.notes += note_turned(opened.values()) + note_mirrored(opened.values())
        if self.image_size is not None:
            found.notes += note_enlarged(self._sides, self.image_size)
        self.sources = {pair.name: pair.image for pair in pairs}

    def _arrange(self, found: FoundFiles, split: Split) -> None:
        try:
            found.parts = self.arrange(split, found.items)
        except UserError as error:
            found.problems.append(problem_of(error, kind="split"))

    def _part_copies(self, found: FoundFiles, groups: list[list[Pair]]) -> None:
        """Copies of an image in two parts are a problem; those that a random split kept together are noted."""
        together = {pair.name for group in groups for pair in group if pair.name in found.items}
        for pair, other, sentence in (
            duplicates.find_split_copies(groups, found.split) if found.split is not None else ()
        ):
            together -= {pair.name, other.name}
            error = DataError(sentence)
            if self.leaves_out(pair.name, error):
                found.items.pop(pair.name, None)
            else:
                found.problems.append(problem_of(error, kind="duplicates"))
        if together:
            found.notes.append(f"copies of an image are kept in one part of the split: {name_some(sorted(together))}")

    def read(self) -> Items:
        """Lists, opens, splits and keeps.

        Raises:
            DataError: Names every file that is amiss.
        """
        found, self._found = self._found or self.find(), None
        refuse(found.problems)
        self.notes += [*found.notes, *found.listing.notes]
        self._known = SurveyCache(f"{type(self).__name__} {self.cache_name()}")
        parts = self.arrange(found.split or {}, self._keep(found.items))
        refuse(self.beside(parts["test"]))
        return parts

    def _sampled(self, items: Sequence[Item]) -> list[Problem]:
        some = items[:: max(1, len(items) // SAMPLED)]

        def mask(item: Item) -> None:
            with naming(f"its {item.form.name}", item.name):
                item.target  # noqa: B018 - read for what it raises

        return self._each(some, lambda item: item.name, mask)[1]

    def look(self, item: Item, classes: int) -> Survey:
        """Surveys an image; files that were looked at in an earlier run are known again."""
        if self._known is None:
            return survey_image(item, classes)
        return self._known.get(item, lambda: survey_image(item, classes))

    def setup(self, stage: str | None = None) -> None:
        """Reads the data once; all that headers, split and settings say against it is one error, before a pixel."""
        if self._items is None and not reading.is_kept(self):
            check_words(self, "datamodule")
            self._found = self.find()
            problems = self._found.problems + self.find_incompatibilities(self._found)
            if any(problem.fatal for problem in problems):
                # Some masks are looked at too, so that the error names what can be known soon.
                problems += self._sampled(list(self._found.items.values()))
            refuse(problems)
        super().setup(stage)
        if self._known is not None:
            self._known.save()
            self._known = None

    def find_incompatibilities(self, found: FoundFiles) -> list[Problem]:
        """Gathers what headers and settings say against the data; without a split only whether images are alike."""
        if found.split is None:
            return list(check_alike(list(found.items.values()), self.sources, self.unlike)) if found.items else []
        return self.unfit(found.parts)

    def _each(
        self, things: Sequence[T], name: Callable[[T], str], do: Callable[[T], R]
    ) -> tuple[dict[str, R], list[Problem]]:
        """Does something with all files; what cannot be used is left out as asked, or is a problem."""
        return process_files(things, name, do, self.leaves_out)

    def leaves_out(self, name: str, error: UserError) -> bool:
        """With ``on_bad=skip``; noted once."""
        if self.on_bad == "raise":
            return False
        self.skipped.append({"image": name, "reason": str(error)})
        self.notes.append(f"left out: {error}")
        return True

    def _keep(self, items: Mapping[str, Item]) -> dict[str, Item]:
        """Decodes what is to be kept, as far as the limit goes."""
        room = int(self.cache_limit * 2**30) if self.cache != "none" else 0
        fitting: list[Item] = []
        for item in items.values():
            if not item.in_memory and item.decoded_bytes <= room:
                room -= item.decoded_bytes
                fitting.append(item)
        waiting = [item for item in items.values() if not item.in_memory]
        if self.cache != "none" and len(fitting) < len(waiting):
            self.notes.append(
                f"datamodule.cache_limit={self.cache_limit:g} GiB holds {len(fitting)} of {len(waiting)} images; the "
                "others are decoded at each use"
            )
        keep = (lambda item: item.decoded()) if self.cache == "ram" else (lambda item: on_disk(item, self.cache_name()))
        kept, problems = self._each(fitting, lambda item: item.name, keep)
        refuse(problems)
        lost = {item.name for item in fitting} - set(kept)
        return {name: kept.get(name, item) for name, item in items.items() if name not in lost}

    def describe(self) -> dict[str, Any]:
        """Describes the data for results.json, how the images were split, and from what size they were resized.

        ``file_sides``, where ``image_size`` is set: the least, the median and the largest of the shorter sides of the
        files, pixels; ``segexp localize`` sees images at their scale.
        """
        rule: dict[str, Any] = {"rule": self.split, "seed": self.split_seed}
        if self.split == "kfold":
            rule |= {"folds": self.folds, "fold": self.fold}
        if self.split_file is not None:
            rule = {"lists": self.split_file, "parts": self._lists} if self._lists else {"file": self.split_file}
        sides = self._sides if self.image_size is not None else []
        known = {"file_sides": [sides[0], sides[len(sides) // 2], sides[-1]]} if sides else {}
        return {**super().describe(), "split": rule, **known}


def _resized(items: Mapping[str, Item], size: int) -> dict[str, Item]:
    return {name: ResizedItem(item, size) for name, item in items.items()}
