"""Confidence intervals: the test images are drawn again with replacement, many times (Efron 1979)."""

from collections.abc import Sequence

import numpy as np

from segexp.metrics.figures import Array, Family, Figures, Leaves, flatten_figures
from segexp.metrics.quotients import quotient

LEVEL = 0.95
CHUNK = 2**22
"""Numbers worked on at once: 32 MiB, a few times over."""


def draw_weights(images: int, resamples: int, seed: int) -> Array:
    """Draws how often each image is in each bootstrap sample.

    Args:
        images: N.
        resamples: S.
        seed: The same seed gives the same samples, whatever else has drawn random numbers.

    Returns:
        float64 (S, N) of whole numbers; each row adds up to N.
    """
    generator = np.random.default_rng((seed, images, resamples))
    return generator.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.float64)


def dataset_intervals(families: Sequence[Family], weights: Array) -> Leaves:
    """Intervals of figures by data set: sums of the images drawn are added up, then one figure is made of them.

    Args:
        families: Sums of N images each.
        weights: (S, N) of :func:`draw_weights`.

    Returns:
        float64 (2,) by path, lowest and highest; nan where the figure was defined in no sample.
    """
    return {path: _interval(value) for path, value in _resampled(families, weights).items()}


def image_intervals(families: Sequence[Family], weights: Array) -> Leaves:
    """Intervals of means over images; as :func:`dataset_intervals`."""
    parts = []
    for family in families:
        means = {name: _weighted_means(value, weights) for name, value in family.of_images().items()}
        parts.append((means, family.classes))
    return {path: _interval(value) for path, value in flatten_figures(parts).items()}


def _resampled(families: Sequence[Family], weights: Array) -> Leaves:
    """Figures by data set of each sample, (S,) by path."""
    widest = max(int(np.prod(family.sums.shape[1:])) for family in families)
    pieces = np.array_split(weights, -(-len(weights) * widest // CHUNK))
    found = [_of_piece(families, piece) for piece in pieces]
    return {path: np.concatenate([part[path] for part in found]) for path in found[0]}


def _of_piece(families: Sequence[Family], weights: Array) -> Leaves:
    parts = []
    for family in families:
        flat = family.sums.reshape(len(family.sums), -1).astype(np.float64)
        sums = (weights @ flat).reshape(len(weights), *family.sums.shape[1:])
        figures = family.of_sums(sums)
        parts.append((_around_exact(family, figures, family.exact) if family.exact else figures, family.classes))
    return flatten_figures(parts)


def _around_exact(family: Family, figures: Figures, exact: Figures) -> Figures:
    """Shares that coarse sums give, moved by the difference to the exact share of the data set."""
    coarse = family.of_sums(family.sums.sum(axis=0, keepdims=True, dtype=np.float64))
    return {name: np.clip(value + (exact[name] - coarse[name]), 0.0, 1.0) for name, value in figures.items()}


def _weighted_means(values: Array, weights: Array) -> Array:
    """Means over the images drawn where the figure is defined: values (N,) or (N, R) to (S,) or (S, R)."""
    defined = ~np.isnan(values)
    total = weights @ np.where(defined, values, 0.0)
    count = weights @ defined.astype(np.float64)
    return quotient(total, count)


def _interval(samples: Array) -> Array:
    """The central 95 % of the samples (S,) in which the figure is defined, (2,)."""
    defined = samples[~np.isnan(samples)]
    if len(defined) == 0:
        return np.full(2, np.nan)
    tail = (1 - LEVEL) / 2
    return np.quantile(defined, (tail, 1 - tail))
