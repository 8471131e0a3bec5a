"""What the pixels of a data set are like: counts of the classes per image, sums for mean and deviation.

Looking at every pixel takes minutes for a large set; files that were looked at are known again by their fingerprint.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.data.checks.likeness import compute_fingerprint, pack_fingerprint
from segexp.data.items.item import Image, Item, Mask
from segexp.runs.files import replace_file
from segexp.spec import IGNORED

VERSION = 2
"""Of what a survey holds: surveys of another one are not read."""
BAND = 1 << 20
"""Pixels looked at together: counting turns them into integers of 8 bytes."""


@dataclass(frozen=True)
class Survey:
    """Pixels of one image.

    Attributes:
        classes: Pixels of each class.
        ignored: Pixels that count nowhere.
        sums: Per channel, sum of the values of the pixels that count.
        squares: Per channel, sum of their squares; whole numbers, so that any order gives the same.
        digest: Of the image, by which its copies are known; empty: it has one colour.
        print: Packed fingerprint, by which images that look alike are known; empty: the image shows nothing.
    """

    classes: list[int]
    ignored: int
    sums: list[int]
    squares: list[int]
    digest: str = ""
    print: str = ""

    @property
    def counted(self) -> int:
        """Pixels that count."""
        return sum(self.classes)


def survey_image(item: Item, classes: int) -> Survey:
    """Looks at every pixel of an image and its mask, read once; any other target is read for what it raises.

    Args:
        item: The image.
        classes: Number of classes; where they are of whole images, all its pixels are of one.
    """
    label = None
    if item.form.classes_of != "pixels":
        target = item.target
        label = int(target) if item.form.classes_of == "image" else None
    image, mask = item.image, item.class_window(0, 0, *item.shape)
    rows = max(1, BAND // mask.shape[1])
    parts = [_band(image[y : y + rows], mask[y : y + rows]) for y in range(0, mask.shape[0], rows)]
    values = np.sum([values for values, _, _ in parts], axis=0)
    channels = range(image.shape[2])
    of_label = [int(values[:IGNORED].sum()) if number == label else 0 for number in range(classes)]
    return Survey(
        [int(number) for number in values[:classes]] if label is None else of_label,
        int(values[IGNORED]),
        [sum(sums[c] for _, sums, _ in parts) for c in channels],
        [sum(squares[c] for _, _, squares in parts) for c in channels],
        _digest(image, rows),
        pack_fingerprint(compute_fingerprint(image)),
    )


def _digest(image: Image, rows: int) -> str:
    if not any((image[y : y + rows] != image[:1, :1]).any() for y in range(0, len(image), rows)):
        return ""
    digest = hashlib.blake2b(str(image.shape).encode(), digest_size=16)
    for y in range(0, len(image), rows):
        digest.update(np.ascontiguousarray(image[y : y + rows]).data)
    return digest.hexdigest()


def _band(image: Image, mask: Mask) -> tuple[NDArray[np.int64], list[int], list[int]]:
    """Pixels of each mask value (256,), and per channel the sums and squares of those that count."""
    length = 256 if image.dtype == np.uint8 else 65536
    levels = np.arange(length, dtype=np.int64)
    valid = mask != IGNORED
    sums, squares = [], []
    for channel in range(image.shape[2]):
        histogram = np.bincount(image[..., channel][valid], minlength=length)
        sums.append(int(histogram @ levels))
        # 65535² times the pixels of a band is below 2**53, so below 2**63 too.
        squares.append(int(histogram @ levels**2))
    return np.bincount(mask.ravel(), minlength=256), sums, squares


def mean_and_std(surveys: Sequence[Survey]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel over the pixels that count, in units of the raw image."""
    total = max(sum(one.counted for one in surveys), 1)
    channels = range(len(surveys[0].sums))
    mean = [sum(one.sums[c] for one in surveys) / total for c in channels]
    # Whole numbers until the division: n Σx² - (Σx)² loses nothing.
    variance = [
        (total * sum(one.squares[c] for one in surveys) - sum(one.sums[c] for one in surveys) ** 2) / total**2
        for c in channels
    ]
    # A constant channel would divide by zero; it carries nothing, so its scale does not matter.
    return tuple(mean), tuple(float(np.sqrt(value)) if value > 1e-6 else 1.0 for value in variance)


def class_counts(surveys: Iterable[Survey]) -> NDArray[np.int64]:
    """Pixels per image and class, int64 (N, C)."""
    rows = [one.classes for one in surveys]
    return np.array(rows, dtype=np.int64).reshape(len(rows), -1)


class SurveyCache:
    """Surveys of files that were looked at before, in a folder of the user's (``SEGEXP_CACHE``).

    One file per data set; a file that changed has another fingerprint and is looked at again.
    """

    def __init__(self, name: str) -> None:
        """Opens the cache of a data set.

        Args:
            name: What the data set and its labels are called: another root or mapping is another cache.
        """
        digest = hashlib.sha256(f"{VERSION} {name}".encode("utf-8", "surrogateescape")).hexdigest()[:16]
        self.path = cache_folder() / "surveys" / f"{digest}.json"
        self._known: dict[str, Any] = _read(self.path)
        self._new: dict[str, Any] = {}

    def get(self, item: Item, look: Callable[[], Survey]) -> Survey:
        """The survey of an item, from the cache where its fingerprint is known."""
        key = item.fingerprint
        if key is None:
            return look()
        if key not in self._known:
            self._known[key] = self._new[key] = asdict(look())
        return Survey(**self._known[key])

    def save(self) -> None:
        """Adds what is new; a folder that cannot be written only costs time at the next start."""
        if not self._new:
            return
        whole = {**_read(self.path), **self._new}
        try:
            replace_file(self.path, json.dumps(whole).encode())
        except OSError:
            return


def cache_folder() -> Path:
    """Gives the folder of what can be computed again: ``SEGEXP_CACHE``, else the user's cache folder."""
    given = os.environ.get("SEGEXP_CACHE")
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(given) if given else Path(base) / "segexp"


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
