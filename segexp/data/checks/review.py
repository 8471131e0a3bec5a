"""Everything that files, headers and pixels of a data set tell, gathered for the check command."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from segexp.data.base import ImageDataModule, Items
from segexp.data.checks.lookalikes import find_lookalikes
from segexp.data.checks.problems import Problem, problem_of
from segexp.data.checks.sizes import check_absent_classes, find_same_pixels
from segexp.data.checks.survey import Survey, survey_image
from segexp.data.each import attempt
from segexp.data.files import FilesDataModule
from segexp.data.folder.override import format_overrides
from segexp.data.items.item import Item
from segexp.data.labels.label_map import LabelMap
from segexp.data.labels.mask_choice import count_read_values
from segexp.data.listing import FoundFiles, Pair
from segexp.data.sampling.worker_errors import naming
from segexp.data.splits.rules import PHASES, Phase, find_moved
from segexp.errors import UserError
from segexp.rasters import open_raster
from segexp.system.cores import available_cores

T = TypeVar("T")
R = TypeVar("R")
Progress = Callable[[Iterable[R], int, str], Iterable[R]]
"""Wraps results as they come: how many there will be, and what they are."""

BUDGET = 150_000_000
"""Pixels looked at unless all are asked for: some seconds."""
FEWEST = 2
"""Images of each part that are looked at in any case."""
MEMORY = 1 << 30
"""Bytes of decoded images at a time."""


@dataclass(frozen=True)
class SurveyedImage:
    """One image whose pixels were looked at, with its part and what they tell."""

    item: Item
    phase: Phase
    survey: Survey


@dataclass
class Review:
    """All that is known of a data set after a review.

    Attributes:
        files: Files of all images and masks.
        parts: Images of each part, with their headers.
        classes: Names of the classes; empty: unknown.
        seen: Images whose pixels were looked at.
        chosen: Number of images that were to be looked at.
        kinds: Kinds of files, ``image`` or ``mask`` with a description, and how many there are.
        values: Pixels of each value or colour in the masks that were looked at.
        masks: Number of these masks.
        problems: What is amiss.
        notes: What was decided or passed over.
    """

    files: list[Path] = field(default_factory=list)
    parts: Items = field(default_factory=lambda: {phase: [] for phase in PHASES})
    classes: tuple[str, ...] = ()
    seen: list[SurveyedImage] = field(default_factory=list)
    chosen: int = 0
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    values: Counter[tuple[int, ...]] = field(default_factory=Counter)
    masks: int = 0
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """True where all pixels were looked at."""
        return self.chosen == sum(map(len, self.parts.values()))


def review_data(datamodule: ImageDataModule, *, full: bool, progress: Progress[Any]) -> Review:
    """Looks at a data set as training would, and further: nothing is raised, all that is amiss is gathered.

    Args:
        datamodule: Built, not set up.
        full: Whether all pixels are looked at; False: as many images of each part as a budget allows.
        progress: Shows how far it is.
    """
    found = Review()
    pairs = _headers(datamodule, found, progress)
    try:
        found.classes = datamodule.counted_classes()
    except UserError as error:
        if str(error) not in {problem.text for problem in found.problems}:
            found.problems.append(problem_of(error))
        return found
    chosen = [(item, phase) for phase in PHASES for item in _some(found.parts[phase], full, found.parts)]
    found.chosen = len(chosen)
    _look(datamodule, found, chosen, progress)
    names = {item.name for item, _ in chosen}
    labels = datamodule.file_labels() if isinstance(datamodule, FilesDataModule) else None
    has_masks = datamodule.target().form == "mask"
    masks = {pair.mask for pair in pairs if has_masks and pair.mask is not None and pair.name in names}
    _read_values(found, sorted(masks), labels, progress)
    if isinstance(datamodule, FilesDataModule):
        found.problems += datamodule.beside(found.parts["test"])
    _compare(found, datamodule.sources if datamodule.copies_matter else None)
    found.notes += [note for note in datamodule.notes if note not in found.notes]
    if not any(problem.fatal for problem in found.problems) and (guessed := datamodule.guessed()):
        found.notes.append(f"to fix what was guessed, add: {format_overrides(guessed)}")
    return found


def _headers(datamodule: ImageDataModule, found: Review, progress: Progress[Any]) -> list[Pair]:
    """Files, parts and what headers and settings say; gives the pairs of files, where there are files."""
    if not isinstance(datamodule, FilesDataModule):
        try:
            found.parts = datamodule.read()
        except UserError as error:
            found.problems.append(problem_of(error))
            return []
        found.problems += datamodule.unfit(found.parts)
        if datamodule.run_split is not None:
            found.problems += find_moved(datamodule.run_split, {p: [i.name for i in found.parts[p]] for p in PHASES})
        return []
    listed: FoundFiles = datamodule.find()
    found.problems += listed.problems + datamodule.find_incompatibilities(listed)
    found.notes += [*listed.notes, *listed.listing.notes]
    # Without a split the images are looked at all the same.
    found.parts = listed.parts if listed.split is not None else {**found.parts, "train": list(listed.items.values())}
    pairs = listed.listing.pairs
    found.files = sorted({path for pair in pairs for path in (pair.image, pair.mask, pair.valid) if path is not None})
    masks = all(item.form.name == "mask" for item in listed.items.values())
    found.kinds = _kinds(pairs, "mask" if masks else "target", progress)
    return pairs


def _kinds(pairs: Sequence[Pair], target: str, progress: Progress[Any]) -> Counter[tuple[str, str]]:
    """How many files of each kind there are; ``target``: what the file of one is called."""
    files = {("image", pair.image) for pair in pairs}
    files |= {(target, pair.mask) for pair in pairs if pair.mask is not None}
    kinds: Counter[tuple[str, str]] = Counter()
    for (role, _), words in progress(_parallel(sorted(files), lambda file: _kind(file[1])), len(files), "headers"):
        if words is not None:
            kinds[role, words] += 1
    return kinds


def _kind(path: Path) -> str | None:
    """Kind of file in words, without its size."""
    try:
        raster = open_raster(path)
    except UserError:
        return None
    return raster.describe().replace(f" {raster.width}x{raster.height}", "", 1)


def _some(items: Sequence[Item], full: bool, parts: Items) -> list[Item]:
    """Images spread over a part, so many that its share of the budget is used; all where it is enough."""
    total = sum(item.shape[0] * item.shape[1] for phase in PHASES for item in parts[phase])
    if full or total <= BUDGET:
        return list(items)
    count = max(FEWEST, int(len(items) * BUDGET / total))
    return list(items[:: -(-len(items) // count)]) if items else []


def _look(
    datamodule: ImageDataModule, found: Review, chosen: Sequence[tuple[Item, Phase]], progress: Progress[Any]
) -> None:
    classes = len(found.classes)
    sizes = [item.shape[0] * item.shape[1] * item.channels * item.dtype.itemsize for item, _ in chosen]
    # An image, its mask and what is computed from them.
    readers = max(1, min(available_cores(), MEMORY // (4 * max(sizes, default=1))))

    def look(one: tuple[Item, Phase]) -> SurveyedImage:
        item, phase = one
        with naming("the image", item.name):
            return SurveyedImage(item, phase, survey_image(item.decoded(), classes))

    for (item, _), result in progress(_parallel(chosen, partial(attempt, look), readers), len(chosen), "pixels"):
        if isinstance(result, SurveyedImage):
            found.seen.append(result)
        else:
            found.problems.append(problem_of(result, fatal=not datamodule.leaves_out(item.name, result)))


def _read_values(found: Review, masks: Sequence[Path], labels: LabelMap | None, progress: Progress[Any]) -> None:
    for _, table in progress(_parallel(masks, lambda path: _values(path, labels)), len(masks), "mask values"):
        if table is not None:
            found.masks += 1
            found.values.update(table)


def _values(path: Path, labels: LabelMap | None) -> Counter[tuple[int, ...]] | None:
    """Pixels of each value, as it is read."""
    try:
        raster = open_raster(path, raw=True)
        return count_read_values(raster, labels)
    except UserError:
        return None


def _compare(found: Review, sources: Mapping[str, Path] | None) -> None:
    """Compares all images: absent classes, masks in which nothing counts, images that look alike."""
    surveys: dict[Phase, list[Survey]] = {phase: [s.survey for s in found.seen if s.phase == phase] for phase in PHASES}
    if surveys["train"] and len(found.seen) == sum(map(len, found.parts.values())):
        of_images = any(one.item.form.classes_of == "image" for one in found.seen[:1])
        found.problems += check_absent_classes(surveys, found.classes, of_images=of_images)
    looked = {phase: [(s.item, s.survey) for s in found.seen if s.phase == phase] for phase in PHASES}
    copies = find_same_pixels(looked, sources) if sources is not None else []
    # Copies byte by byte are known from before.
    reported = "\n".join(problem.text for problem in found.problems if problem.kind == "duplicates")
    found.problems += [
        problem_of(error, kind="duplicates") for name, error in copies if str((sources or {}).get(name)) not in reported
    ]
    known = {name for name, _ in copies}
    # Where copies do not matter, what looks alike does not either: thousands of ones do.
    for pair in find_lookalikes(looked) if sources is not None else ():
        if pair.name not in known:
            text = f"{pair}; if they show one thing, give both to one part (datamodule.split_file)"
            found.problems.append(Problem("near-duplicates", text, fatal=False))


def _parallel(things: Sequence[T], do: Callable[[T], R], readers: int | None = None) -> Iterable[tuple[T, R]]:
    """Each thing with what was done with it, as they come."""
    with ThreadPoolExecutor(readers or available_cores()) as pool:
        yield from zip(things, pool.map(do, things), strict=True)
