"""How long a training will last, in words and by the clock."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

LATEST = 5
"""Epochs whose mean tells how long the next ones last."""
SHOWN_FROM = 60.0
"""Seconds; what ends sooner is not announced."""


@dataclass(frozen=True)
class TimeEstimate:
    """Seconds of a training by a few steps of it.

    Attributes:
        step: Seconds of a step, with loading where no process does that beside it.
        steps: Batches of an epoch.
        validation: Seconds of a validation.
        validations: Validations of an epoch; a share where several epochs have one.
        epochs: Epochs to be done; None: nobody knows.
        test: Seconds in which the network sees the test images; measures and pictures come on top.
        measured: Steps that were measured.
    """

    step: float
    steps: int
    validation: float
    validations: float
    epochs: int | None
    test: float
    measured: int

    @property
    def epoch(self) -> float:
        """Seconds of an epoch with its validations."""
        return self.step * self.steps + self.validation * self.validations

    @property
    def whole(self) -> float | None:
        """Seconds of all epochs and the test; None: nobody knows how many epochs there will be."""
        return None if self.epochs is None else self.epoch * self.epochs + self.test

    def to_dict(self) -> dict[str, Any]:
        """All figures by name, for JSON."""
        return {**asdict(self), "epoch": self.epoch, "whole": self.whole}

    def described(self, now: datetime | None = None) -> str:
        """``0.21 s a step, about 12 s an epoch, 8 min in all: ends about 14:32``."""
        text = f"{self.step:.2g} s a step, about {in_words(self.epoch)} an epoch"
        if self.whole is None:
            return text
        return ": ".join(filter(None, (f"{text}, {in_words(self.whole)} in all", ends(self.whole, now))))


def in_words(seconds: float) -> str:
    """``12 s``, ``8 min``, ``1 h 20 min``, ``3 d 4 h``."""
    if seconds < SHOWN_FROM:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    return f"{hours // 24} d {hours % 24} h"


def ends(seconds: float, now: datetime | None = None) -> str:
    """``ends about 14:32``, with the day where that is not today's; empty where the calendar has no such day.

    Args:
        seconds: From now.
        now: Time of this machine; None: asked for.
    """
    now = datetime.now().astimezone() if now is None else now
    try:
        end = now + timedelta(seconds=seconds)
    except OverflowError:  # after the year 9999: epochs=10**12 for "until it is stopped"
        return ""
    return f"ends about {end:%H:%M}" if end.date() == now.date() else f"ends about {end:%Y-%m-%d %H:%M}"


def time_left(rows: Sequence[Mapping[str, float]], epochs: int | None, most: float | None = None) -> float | None:
    """Seconds that are left to train by the latest epochs; None: unknown.

    Args:
        rows: Of the table of epochs, in order; the last one has just ended.
        epochs: Planned, from the first of all on; None: nobody knows.
        most: Seconds that the clock leaves; None: no such end.
    """
    seconds = [row["seconds"] for row in rows if "seconds" in row][-LATEST:]
    if epochs is None or not seconds:
        return most
    try:
        left = (epochs - 1 - int(rows[-1]["epoch"])) * sum(seconds) / len(seconds)
    except OverflowError:  # so many epochs are no float
        return most
    return left if most is None else min(left, most)
