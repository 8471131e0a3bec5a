"""Mean and standard deviation over repeats."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Values of the seeds of a configuration.

    Attributes:
        mean: Their mean.
        deviation: Their sample standard deviation (n - 1); None of one value.
        count: How many there are.
    """

    mean: float
    deviation: float | None
    count: int

    def text(self, digits: int = 4) -> str:
        """``0.8312 ± 0.0041``."""
        text = f"{self.mean:.{digits}f}"
        return text if self.deviation is None else f"{text} ± {self.deviation:.{digits}f}"


def mean_of(found: Spread | None) -> float | None:
    """The mean of values that may not be there."""
    return None if found is None else found.mean


def mean_and_deviation(found: Sequence[float | None]) -> Spread | None:
    """Mean and sample deviation of the values that are defined; None where there are none."""
    kept = [value for value in found if value is not None and math.isfinite(value)]
    if not kept:
        return None
    return Spread(statistics.fmean(kept), statistics.stdev(kept) if len(kept) > 1 else None, len(kept))
