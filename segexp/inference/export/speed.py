"""Images per second of several ways to compute the same, in turns."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from numpy.typing import NDArray

LEAST = 0.3
"""Seconds that one turn takes at least; below, the clock and other programs would decide."""


def images_per_second(
    ways: Mapping[str, Callable[[NDArray[Any]], object]], image: NDArray[Any], rounds: int
) -> dict[str, float]:
    """Measures the median speed over rounds; in each of them every way has its turn, so that a busy moment hits all.

    Args:
        ways: Each takes a batch (B, C, H, W).
        image: That batch.
        rounds: How often all take turns.
    """
    times = {name: _passes(run, image) for name, run in ways.items()}
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            found[name].append(times[name] * len(image) / _seconds(run, image, times[name]))
    return {name: statistics.median(values) for name, values in found.items()}


def _passes(run: Callable[[NDArray[Any]], object], image: NDArray[Any]) -> int:
    """How many passes a turn has; warms up too."""
    _seconds(run, image, 2)
    return max(1, round(LEAST / _seconds(run, image, 1)))


def _seconds(run: Callable[[NDArray[Any]], object], image: NDArray[Any], passes: int) -> float:
    start = time.perf_counter()
    for _ in range(passes):
        run(image)
    return time.perf_counter() - start
