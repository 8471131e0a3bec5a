"""Differences between two configurations on the same test images, with bootstrap intervals (Efron 1979)."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVEL = 0.95
CHUNK = 2**22
"""Numbers drawn at once: 32 MiB."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A configuration against the base, image by image.

    Attributes:
        images: Difference of each image that both have a value of, configuration minus base.
        interval: Central 95 % of the bootstrap means; None with fewer than two images.
        lower: Whether less is better.
    """

    images: Mapping[str, float]
    interval: tuple[float, float] | None
    lower: bool

    @property
    def mean(self) -> float | None:
        """Mean difference over the images."""
        return sum(self.images.values()) / len(self.images) if self.images else None

    @property
    def better(self) -> int:
        """Images on which the configuration is better than the base."""
        return sum(value < 0 if self.lower else value > 0 for value in self.images.values())

    @property
    def worse(self) -> int:
        """Images on which it is worse."""
        return sum(value > 0 if self.lower else value < 0 for value in self.images.values())

    @property
    def clear(self) -> bool:
        """True if the interval leaves out zero."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


def differences(
    base: Mapping[str, float], others: Sequence[Mapping[str, float]], *, lower: bool, resamples: int, seed: int
) -> list[Difference]:
    """Paired differences of several configurations against one.

    Args:
        base: Value by image; of several seeds their mean.
        others: The same of the configurations to compare.
        lower: Whether less is better.
        resamples: Bootstrap samples; the images are drawn with replacement, the same ones for all configurations.
        seed: The same seed gives the same samples.
    """
    names = list(base)
    paired = np.array([[other.get(name, np.nan) - base[name] for name in names] for other in others], dtype=np.float64)
    intervals = bootstrap_intervals(paired, resamples, seed)
    kept = [
        {name: float(value) for name, value in zip(names, row, strict=True) if not math.isnan(value)} for row in paired
    ]
    return [
        Difference(images, interval if len(images) > 1 else None, lower)
        for images, interval in zip(kept, intervals, strict=True)
    ]


def bootstrap_intervals(paired: Array, resamples: int, seed: int) -> list[tuple[float, float] | None]:
    """Central 95 % of the means of drawn images.

    Args:
        paired: Differences (P, N) of P pairs on N images, nan where one has none.
        resamples: S.
        seed: As in :func:`differences`.

    Returns:
        Lowest and highest mean by pair; None where there is no image.
    """
    if paired.size == 0 or resamples == 0:
        return [None] * len(paired)
    defined = ~np.isnan(paired)
    total, count = np.where(defined, paired, 0.0), defined.astype(np.float64)
    means = []
    for weights in _drawn(paired.shape[1], resamples, seed):
        drawn = weights @ count.T
        # A sample may hold none of the images that a pair has in common.
        means.append(np.where(drawn > 0, weights @ total.T / np.maximum(drawn, 1), np.nan))
    return [_interval(column) for column in np.concatenate(means).T]


def _drawn(images: int, resamples: int, seed: int) -> Iterator[Array]:
    """How often each image is drawn, (S', N) at a time; counted draws are 10 times as fast as a multinomial."""
    generator = np.random.default_rng((seed, images, resamples))
    rows = max(1, CHUNK // images)
    for start in range(0, resamples, rows):
        size = min(rows, resamples - start)
        drawn = generator.integers(images, size=(size, images)) + images * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * images).reshape(size, images).astype(np.float64)


def _interval(means: Array) -> tuple[float, float] | None:
    kept = means[~np.isnan(means)]
    if len(kept) == 0:
        return None
    low, high = np.quantile(kept, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
