"""Axes of the drawn plots: from values to places, and where the ticks are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

LOG_FROM = 8.0
"""From this ratio of highest to lowest on an axis of positive values is logarithmic."""


@dataclass(frozen=True)
class Scale:
    """Maps values to places along an axis.

    Attributes:
        low: Value at ``start``.
        high: Value at ``end``.
        start: Place of the lowest value, in units of the drawing.
        end: Place of the highest.
        log: Whether places go by the logarithm.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """Place of a value."""
        low, high, here = (self._inner(number) for number in (self.low, self.high, value))
        return self.start + (self.end - self.start) * (here - low) / (high - low)

    def ticks(self) -> list[float]:
        """Round values within the range."""
        if self.log:
            found = _log_ticks(self.low, self.high)
            if len(found) >= 2:
                return found
        return linear_ticks(self.low, self.high)

    def _inner(self, value: float) -> float:
        return math.log10(value) if self.log else value


def fitted(found: Sequence[float], start: float, end: float, *, log: bool | None = None, room: float = 0.08) -> Scale:
    """A scale that shows all values with some room at both ends.

    Args:
        found: Values to show, one or more.
        start: Place of the lowest.
        end: Place of the highest.
        log: None: where the values are positive and far apart.
        room: Share of the range that is left free at each end.
    """
    low, high = min(found), max(found)
    by_log = (low > 0 and high / low >= LOG_FROM) if log is None else log
    inner_low, inner_high = (math.log10(low), math.log10(high)) if by_log else (low, high)
    more = room * (inner_high - inner_low) or (0.1 if by_log else abs(low) * 0.1 or 1.0)
    inner_low, inner_high = inner_low - more, inner_high + more
    if by_log:
        return Scale(10**inner_low, 10**inner_high, start, end, log=True)
    # Costs have no place below zero, and neither has their axis.
    return Scale(max(inner_low, 0.0) if low >= 0 else inner_low, inner_high, start, end)


def linear_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most ``most`` multiples of 1, 2 or 5 times a power of ten."""
    power = 10 ** math.floor(math.log10((high - low) / most))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if (high - low) / (power * factor) <= most - 1)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 12) for number in range(first, last + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [factor * 10.0**power for power in powers for factor in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) <= 6:
            break
    return found


def amount(value: float) -> str:
    """A count in few letters: ``950``, ``29.5k``, ``1.2M``."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.4g}"


def time_unit(longest: float) -> tuple[str, float]:
    """The unit in which times up to so many seconds are read best, and its seconds: round ticks need a unit."""
    if longest < 120:
        return "s", 1.0
    return ("min", 60.0) if longest < 7200 else ("h", 3600.0)


def plain(value: float) -> str:
    """A tick of a measure or a time."""
    return f"{value:.4g}"
