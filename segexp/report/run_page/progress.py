"""How far a training is, for the page of a run that goes on."""

from dataclasses import dataclass
from datetime import datetime

FASTEST, SLOWEST = 5, 60
"""Seconds between two looks of the browser at the page."""


@dataclass(frozen=True)
class Progress:
    """A training between two epochs.

    Attributes:
        epoch: Epochs that have ended.
        epochs: Planned; None: nobody knows.
        seconds: Between two writings of the page.
        monitor: Measure that chooses the checkpoint.
        best_epoch: Its best epoch so far, from 0; None: none was validated.
        facts: Further sentences: time an epoch takes, time that is left.
    """

    epoch: int
    epochs: int | None
    seconds: float
    monitor: str = ""
    best_epoch: int | None = None
    facts: tuple[str, ...] = ()

    @property
    def refresh(self) -> int:
        """Seconds after which the browser loads the page again."""
        return round(min(SLOWEST, max(FASTEST, self.seconds)))

    @property
    def title(self) -> str:
        """``epoch 3 of 40``."""
        return f"epoch {self.epoch}" + (f" of {self.epochs}" if self.epochs else "")

    @property
    def written(self) -> datetime:
        """Time of this machine."""
        return datetime.now().astimezone()
