"""Types of config keys with their ranges: the signature of a class is the schema of its YAML.

``segexp.config`` reads these annotations without importing the module that uses them, so a wrong value is
refused before torch is imported. Use them in the constructors of models, losses and datamodules.
"""

import math
import re
from dataclasses import dataclass
from typing import Annotated, Literal


@dataclass(frozen=True)
class Range:
    """Allowed numbers: ``low <= value <= high``, without an end that is open."""

    low: float | None = None
    high: float | None = None
    open_low: bool = False
    open_high: bool = False

    def allows(self, value: float) -> bool:
        """Returns whether ``value`` lies inside; not-a-number and infinity lie nowhere."""
        if isinstance(value, float) and not math.isfinite(value):
            return False
        if self.low is not None and (value < self.low or (self.open_low and value == self.low)):
            return False
        return self.high is None or value < self.high or (value == self.high and not self.open_high)

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            ends = "<" if self.open_low else "<=", "<" if self.open_high else "<="
            return f"{_shown(self.low)} {ends[0]} value {ends[1]} {_shown(self.high)}"
        if self.low is not None:
            return f"a value {'above' if self.open_low else 'of at least'} {_shown(self.low)}"
        return f"a value {'below' if self.open_high else 'of at most'} {_shown(self.high or 0)}"


def _shown(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


@dataclass(frozen=True)
class Pattern:
    """Text of a form, given as a regular expression and in words."""

    expression: str
    words: str

    def allows(self, value: str) -> bool:
        """Returns whether the whole text has the form."""
        return re.fullmatch(self.expression, value) is not None

    def __str__(self) -> str:
        return self.words


@dataclass(frozen=True)
class Word:
    """A word that a config may hold in place of a value; training puts the value there before anything is built."""

    word: str

    def __str__(self) -> str:
        return self.word


PositiveInt = Annotated[int, Range(low=1)]
NonNegativeInt = Annotated[int, Range(low=0)]
PositiveFloat = Annotated[float, Range(low=0, open_low=True)]
NonNegativeFloat = Annotated[float, Range(low=0)]
Fraction = Annotated[float, Range(low=0, high=1)]
Dropout = Annotated[float, Range(low=0, high=1, open_high=True)]
"""Share of values that are dropped; at 1 nothing would be left."""
Decay = Annotated[float, Range(low=0, high=1, open_high=True)]
"""Share of a moving average that stays at each step; at 1 it would never move."""
Seed = Annotated[int, Range(low=0, high=2**32 - 1)]
"""What numpy takes as a seed."""
Draws = Annotated[int, Range(low=0, high=1_000_000)]
"""Draws of a bootstrap; a million take minutes, more only time."""
Depth = Annotated[int, Range(low=1, high=12)]
"""Stages of a network that halve the image: twelve end in one pixel of 4096."""
Duration = Annotated[str, Pattern(r"\d+:[0-2]\d:[0-5]\d:[0-5]\d", "as DD:HH:MM:SS, for example 00:00:10:00")]
_UNIT = r"(?:s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_TIME = rf"\d+:[0-2]\d:[0-5]\d:[0-5]\d|(?:\d+(?:\.\d+)?\s*{_UNIT}\s*)+"
CheckpointEvery = Annotated[
    str,
    Pattern(
        rf"(?ai)(?=.*[1-9])(?:{_TIME}|\d+\s*steps?)", "a time, or steps of the optimiser, as 5min, 30s or 100 steps"
    ),
]
"""Time or steps between two checkpoints, see :func:`segexp.config.trainer.checkpoint_interval`."""
Tag = Annotated[str, Pattern(r"(?s).{1,64}", "of 1 to 64 characters")]
"""A word to find a run by; of another length W&B refuses it when the run has begun."""
BatchLimit = Annotated[int, Range(low=0)] | Annotated[float, Range(low=0, high=1)]
"""A number of batches, or a share of them; 1 is one batch, 1.0 all of them."""
Scale = (
    Annotated[float, Range(low=0.01, high=16, open_high=True)]
    | Annotated[int, Range(low=16, high=100_000)]
    | Annotated[str, Pattern(r"\d{2,6}px", "a side in pixels, as 128px")]
    | Literal["auto"]
)
"""At which size images are seen: a factor, a longer side in pixels, or ``auto``; see segexp.windows.rescale."""
SceneSide = Annotated[int, Range(low=32, high=5000)]
"""Side of a drawn scene in pixels: in smaller ones nothing fits."""
Zoom = Annotated[float, Range(low=0, high=2)]
"""Largest random zoom as ``exp(+-zoom)``: at 2 a factor of 7, where a crop is cut out of 55 times its pixels."""
Angle = Annotated[float, Range(low=0, high=180)]


BatchSize = Annotated[int, Range(low=1), Word("auto")]
"""Samples of a batch; ``auto``: as many as fit into the memory."""


@dataclass(frozen=True)
class LoaderOptions:
    """Keys of the ``loader:`` block; each one reaches every DataLoader.

    Attributes:
        batch_size: Samples per training batch.
        eval_batch_size: Whole images per validation and test batch; more than 1 needs images of one size.
        num_workers: Loading processes; None chooses by the machine and the work per sample.
        prefetch_factor: Batches that each worker holds ready.
        pin_memory: Page-locked memory for faster copies to a GPU; None: only where there is one.
        persistent_workers: Keep the workers between epochs.
        drop_last: Leave out a last training batch that is not full.
        on_device: Training images lie in the memory of the device, where samples are cut and flipped.
    """

    batch_size: BatchSize = 16
    eval_batch_size: PositiveInt = 1
    num_workers: Annotated[int, Range(low=0, high=512)] | None = None
    prefetch_factor: Annotated[int, Range(low=1, high=1024)] = 2
    pin_memory: bool | None = None
    persistent_workers: bool = True
    drop_last: bool = False
    on_device: bool = False


@dataclass(frozen=True)
class WeightSchedule:
    """Keys of a weight that changes from epoch to epoch, for example of a term of a loss.

    Attributes:
        start: The weight up to ``from_epoch``.
        end: The weight after the change.
        from_epoch: The epoch, counted from 0, in which the change begins.
        epochs: How many epochs the change takes.
        shape: ``linear``, or ``cosine``: slow, fast, slow.
    """

    start: NonNegativeFloat = 0.0
    end: NonNegativeFloat = 1.0
    from_epoch: NonNegativeInt = 0
    epochs: PositiveInt = 20
    shape: Literal["linear", "cosine"] = "linear"
