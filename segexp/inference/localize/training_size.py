"""At which size a classifier saw its training images: the size that images must have when it localizes."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from segexp.errors import DataError, UserError
from segexp.inference.predict.inputs import Input
from segexp.inference.stored_network import StoredNetwork
from segexp.runs.json_yaml import read_json

TIMEOUT = 10.0
"""Seconds without an answer of a remote file whose header is to propose a scale."""
LOOKED_AT = 100
"""Files whose headers propose a scale; of more, the first ones."""


@dataclass(frozen=True)
class TrainingSize:
    """Size of the training images.

    Attributes:
        side: Of what the network saw, pixels.
        stored: Of the files, the shorter one, pixels; the same where they were not resized; None: not known.
    """

    side: int
    stored: float | None

    @property
    def factor(self) -> float | None:
        """From the size of a file to that at which the network saw it; None: not known."""
        return None if self.stored is None else self.side / self.stored

    def words(self) -> str:
        """Describes it for the terminal."""
        if self.stored is None:
            return f"training images were resized to {self.side} pixels a side"
        if self.stored == self.side:
            return f"training images had {self.side} pixels a side"
        return f"training images had {self.stored:g} pixels a side and were seen at {self.side}"


def training_size(stored: StoredNetwork) -> TrainingSize:
    """Finds the size in the run's config, and the size of its files in its run.json.

    Raises:
        DataError: run.json is none.
    """
    data = stored.config.datamodule
    asked = data.get("image_size") or data.get("crop_size") or data.get("eval_size")
    least = int(getattr(stored.model, "smallest", 1))
    side = int(asked) if isinstance(asked, int) else least
    return TrainingSize(side, _file_side(stored) if data.get("image_size") else side)


def _file_side(stored: StoredNetwork) -> float | None:
    folder = stored.source.folder
    if folder is None or not (folder / "run.json").is_file():
        return None
    try:
        record: Any = read_json(folder / "run.json")
        sides = record.get("data", {}).get("file_sides")
        return None if not sides else float(median(sides))
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{folder / 'run.json'} is no record of a run ({error})") from error


def proposed_scale(side: int, files: Sequence[Input]) -> str:
    """Proposes ``scale=<number>`` by the shorter sides of files, as if training images had been of their size.

    Args:
        side: Of what the network saw, pixels.
        files: To be looked at; those that cannot be read are passed over.
    """
    sides = sorted(found for file in files[:LOOKED_AT] if (found := _shorter_side(file)) is not None)
    if not sides:
        return "scale=1 if they were not resized"
    middle = sides[len(sides) // 2]
    what = "have" if sides[0] == sides[-1] else f"have {sides[0]} to {sides[-1]} pixels, in the middle"
    return (
        f"scale={side / middle:.4g} if training images had the size of the files of input, whose shorter sides {what} "
        f"{middle} pixels"
    )


def _shorter_side(file: Input) -> int | None:
    try:
        with file.opened(TIMEOUT) as opened:
            return min(opened.raster.height, opened.raster.width)
    except UserError:
        return None
