"""Lists of images that a data set brings for its split: ``train.txt``, ``val.txt`` and ``test.txt`` in a folder."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from segexp.config.overrides.quoting import printed
from segexp.data.checks.sizes import name_some
from segexp.data.splits.rules import NONE, PHASES, Labels, Phase, Split, take_validation
from segexp.data.splits.split_file import KEY
from segexp.errors import DataError
from segexp.runs.text import printable, shortened

NAMES: Mapping[Phase, Sequence[str]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""What lists of each part are called."""
ENDINGS = (".txt", ".lst")
LARGEST = 50_000_000
"""Bytes of a list."""
PLACES = ("", "*", "*/*")
"""Where lists lie below a data set: beside its folders, or in ``ImageSets/Segmentation``."""


@dataclass
class SplitLists:
    """Images of the parts that lists name.

    Attributes:
        parts: Names of the images of each part that has a list whose images are there.
        notes: What is passed over, in words.
    """

    parts: dict[Phase, list[str]]
    notes: list[str] = field(default_factory=list)

    def split(self, val_fraction: float, seed: int, units: Labels = NONE, strata: Labels = NONE) -> Split:
        """The parts; where validation or test has no list, the other is tested and a share of the rest validates.

        Args:
            val_fraction: That share.
            seed: By which it is drawn.
            units: Of the images, see :func:`segexp.data.splits.rules.holdout`.
            strata: Likewise.

        Raises:
            TooFewError: Nothing is left to train on.
        """
        if len(self.parts) == len(PHASES):
            return {phase: sorted(self.parts[phase]) for phase in PHASES}
        (tested,) = (listed for phase, listed in self.parts.items() if phase != "train")
        return take_validation(self.parts["train"], tested, val_fraction, seed, units, strata)


def find_lists(root: Path, names: Sequence[str]) -> list[Path]:
    """Folders below a root with a list for training and one for another part, which name images that are there.

    Args:
        root: Folder of a data set.
        names: Its images.
    """
    folders = {path.parent for place in PLACES for path in _listed(root, place)}
    known = _Known(names if folders else ())
    return [folder for folder in sorted(folders) if _fits(folder, known)]


def suggest_lists(root: Path, names: Sequence[str]) -> list[str]:
    """A note for each folder of lists that is not used, with the word that takes them."""
    notes = []
    for folder in find_lists(root, names):
        lists = ", ".join(path.name for path in _files(folder).values())
        word = printed(KEY, str(folder))
        notes.append(
            f"lists of a split lie in {printable(str(folder))} ({lists}): not used; to take their parts add {word}"
        )
    return notes


def read_lists(folder: Path, names: Sequence[str]) -> SplitLists:
    """Reads the lists of a folder; a line begins with the path, the file name or the stem of an image.

    Args:
        folder: With a list for training, and one for validation or test.
        names: Images that there are.

    Raises:
        DataError: A list is missing or cannot be read, or names an image that is not there, or one of another list.
    """
    files = _files(folder)
    if "train" not in files or len(files) < 2:
        found = ", ".join(path.name for path in files.values()) or "none"
        raise DataError(
            f"{KEY}: {folder} is a folder; of its lists there are: {found}; expected train.txt beside val.txt or "
            "test.txt, with the name of an image in each line, or give a split.json"
        )
    known = _Known(names)
    found_lists = SplitLists({})
    for phase, path in files.items():
        lines = _lines(path)
        images = [known.image(line) for line in lines]
        if phase == "test" and "val" in files and not any(images):
            found_lists.notes.append(f"{KEY}: {path}: none of its images has a mask here; it is not used")
            continue
        lost = [line for line, image in zip(lines, images, strict=True) if image is None]
        if lost or not images:
            what = f"names {_some(lost)}, which {'are' if len(lost) > 1 else 'is'} not there" if lost else "is empty"
            raise DataError(f"{KEY}: {path} {what}; {len(names)} images are there, such as {printable(names[0])}")
        found_lists.parts[phase] = list(dict.fromkeys(image for image in images if image is not None))
    _refuse_shared(found_lists.parts, files)
    if unused := sorted(set(names) - {name for listed in found_lists.parts.values() for name in listed}):
        text = f"{len(unused)} of {len(names)} images stand in no list and are used nowhere: {name_some(unused)}"
        found_lists.notes.append(f"{KEY}: {folder}: {text}")
    return found_lists


def _listed(root: Path, place: str) -> list[Path]:
    patterns = [f"{place}/{name}{ending}".lstrip("/") for name in NAMES["train"] for ending in ENDINGS]
    return [path for pattern in patterns for path in root.glob(pattern)]


def _files(folder: Path) -> dict[Phase, Path]:
    """The list of each part that has one."""
    found: dict[Phase, Path] = {}
    for phase in PHASES:
        for path in (folder / f"{name}{ending}" for name in NAMES[phase] for ending in ENDINGS):
            if path.is_file() and phase in found:
                raise DataError(f"{KEY}: {folder} has {found[phase].name} and {path.name}; leave one of them there")
            if path.is_file():
                found[phase] = path
    return found


def _fits(folder: Path, known: "_Known") -> bool:
    try:
        files = _files(folder)
        return len(files) > 1 and any(known.image(line) is not None for line in _lines(files["train"]))
    except DataError:
        return False


def _lines(path: Path) -> list[str]:
    if (size := path.stat().st_size) > LARGEST:
        raise DataError(f"{KEY}: {path} has {size:,} bytes, expected a list of images of at most {LARGEST:,}")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(f"{KEY}: {path} cannot be read as text ({error}); save it in UTF-8") from error
    return [line.strip() for line in lines if line.strip()]


class _Known:
    """Images by what a list may call them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._by_end: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        for name in names:
            for text in {name, str(PurePosixPath(name).with_suffix(""))}:
                parts = PurePosixPath(text).parts
                self._by_end[parts[-1]].append((parts, name))

    def image(self, line: str) -> str | None:
        """The one image that a line names, or its beginning up to a blank or comma; None: none does, or several."""
        first = next(iter(line.replace(",", " ").split()), line)
        for path in (PurePosixPath(line), PurePosixPath(first)):
            for form in (path, path.with_suffix("") if path.name else path):
                if (found := self._one(form.parts)) is not None:
                    return found
        return None

    def _one(self, parts: tuple[str, ...]) -> str | None:
        near = self._by_end.get(parts[-1], []) if parts else []
        # Folders that both know have to be the same: a list may begin further up, or further down.
        same = {name for own, name in near if all(a == b for a, b in zip(reversed(own), reversed(parts), strict=False))}
        exact = {name for own, name in near if own == parts}
        chosen = exact or same
        return next(iter(chosen)) if len(chosen) == 1 else None


def _refuse_shared(parts: Mapping[Phase, Collection[str]], files: Mapping[Phase, Path]) -> None:
    seen: dict[str, Phase] = {}
    for phase, listed in parts.items():
        for name in listed:
            if name in seen:
                one, other = files[seen[name]].name, files[phase].name
                raise DataError(f"{KEY}: {printable(name)} stands in {one} and in {other} of {files[phase].parent}")
            seen[name] = phase


def _some(lines: Sequence[str]) -> str:
    return name_some([shortened(printable(line), 100) for line in lines])
