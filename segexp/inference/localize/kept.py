"""Findings of images that are done, so that a call that was broken off goes on behind them."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from segexp.errors import UserError
from segexp.inference.localize.image_work import TIMEOUT, SeenImage
from segexp.inference.localize.peaks import Peak
from segexp.inference.predict.identity import FileIdentity, identity_from_row
from segexp.inference.predict.inputs import Input
from segexp.runs.files import replace_file
from segexp.runs.text import utf8

LINES = "images.jsonl"
"""A line of JSON for each image that is done: the file as it was, class, probabilities and peaks."""


class KeptImages:
    """Class, probabilities and peaks of the images of a folder; their maps are pictures by then."""

    def __init__(self, folder: Path, *, anew: bool) -> None:
        """Reads what an earlier call kept.

        Args:
            folder: Of the results.
            anew: Forget that instead.
        """
        self._path = folder / LINES
        self._found = {} if anew else _read(self._path)
        # Also what was cut off in the middle of a line is gone by this.
        replace_file(self._path, utf8("".join(_line(row) for row in self._found.values())))

    def get(self, file: Input, written: Iterable[Path]) -> SeenImage | None:
        """What is known of an image; None: it is to be done, or the file or what was written of it is another now.

        Args:
            file: The image.
            written: What is written of it.
        """
        row = self._found.get(str(file.stem))
        before = None if row is None else identity_from_row(row)
        if row is None or before is None or not all(path.is_file() for path in written):
            return None
        now = identity_of(file)
        return _seen(row) if before.source == now.source and before.same_state(now) else None

    def add(self, file: Input, mark: FileIdentity, seen: SeenImage) -> None:
        """Keeps an image that is done.

        Args:
            file: The image.
            mark: The file as it was before it was read.
            seen: What was found.
        """
        peaks = {name: [list(map(float, peak)) for peak in each] for name, each in seen.peaks.items()}
        row = {
            "file": str(file.stem), **mark.row(), "name": seen.name, "label": seen.label,
            "probabilities": seen.probabilities.tolist(), "peaks": peaks,
        }  # fmt: skip
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(_line(row))


def identity_of(file: Input) -> FileIdentity:
    """Identifies a file; one that cannot be looked at by its place alone: why, is told where it is read."""
    try:
        return file.identify(TIMEOUT)
    except (OSError, UserError):
        return FileIdentity(file.source)


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(row) + "\n"


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    rows: dict[str, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            _seen(row)
            rows[row["file"]] = row
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # broken off, or not ours: the image is done again
    return rows


def _seen(row: Mapping[str, Any]) -> SeenImage:
    peaks = {str(name): [Peak(*map(float, peak)) for peak in each] for name, each in row["peaks"].items()}
    probabilities = np.array(row["probabilities"], dtype=np.float64)
    return SeenImage(str(row["name"]), np.zeros((0, 0, 1), np.uint8), probabilities, int(row["label"]), {}, peaks)
