"""Scores peaks against objects: the highest in a box, near a centre, average precision; with bootstrap intervals."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segexp.inference.localize.peaks import Peak
from segexp.inference.localize.truth import Objects
from segexp.metrics.bootstrap import LEVEL, draw_weights
from segexp.metrics.quotients import quotient

Array = NDArray[np.float64]
FIGURES = ("inside", "near", "ap")


class Scored(NamedTuple):
    """Scores of the peaks of one image against its boxes and centres.

    Attributes:
        objects: How many there are.
        inside: 1 if the highest peak lies in a box, 0 if not; nan without boxes or objects.
        near: 1 if it lies near a centre, 0 if not; nan without objects.
        scores: float64 (P,) of all peaks, highest first.
        right: float64 (P,), 1 for a peak that finds an object which no higher one has found.
    """

    objects: int
    inside: float
    near: float
    scores: Array
    right: Array


def score_image(peaks: Sequence[Peak], objects: Objects, radius: float) -> Scored:
    """Scores the peaks of an image.

    Args:
        peaks: Highest first, one or more.
        objects: Of the image.
        radius: Pixels within which a peak is near a centre.

    Returns:
        A peak finds the nearest object within ``radius`` that is still to be found.
    """
    count = len(objects.centres)
    left = np.ones(count, dtype=bool)
    right = np.zeros(len(peaks))
    for number, peak in enumerate(peaks):
        distances = np.where(left, objects.distances(peak), np.inf)
        if count and distances.min() <= radius:
            left[distances.argmin()] = False
            right[number] = 1
    inside = objects.inside(peaks[0]) if count else None
    near = float(objects.distances(peaks[0]).min() <= radius) if count else np.nan
    scores = np.array([peak.score for peak in peaks], dtype=np.float64)
    return Scored(count, np.nan if inside is None else float(inside), near, scores, right)


def average_precision(images: Sequence[Scored], weights: Array) -> Array:
    """Average precision of all peaks of all images, by descending score: the mean precision over the objects.

    Args:
        images: N.
        weights: (S, N), how often each image counts.

    Returns:
        float64 (S,): at each right peak, the share of right ones among all as high or higher; objects that no peak
        finds count 0. nan where there is no object.
    """
    scores = np.concatenate([image.scores for image in images])
    order = np.argsort(-scores, kind="stable")
    right = np.concatenate([image.right for image in images])[order]
    owner = np.repeat(np.arange(len(images)), [len(image.scores) for image in images])[order]
    # Peaks of equal height count at once, whatever image comes first.
    last = np.searchsorted(-scores[order], -scores[order], side="right") - 1
    drawn = weights[:, owner]
    hits, all_peaks = np.cumsum(drawn * right, axis=1)[:, last], np.cumsum(drawn, axis=1)[:, last]
    precision = np.divide(hits, all_peaks, out=np.zeros_like(hits), where=all_peaks > 0)
    objects = weights @ np.array([image.objects for image in images], dtype=np.float64)
    total = (drawn * right * precision).sum(axis=1)
    return quotient(total, objects)


def figures(images: Sequence[Scored], weights: Array) -> dict[str, Array]:
    """The figures of images drawn (S, N): share of highest peaks ``inside``, share ``near``, ``ap``; each (S,)."""
    found = {name: _mean(np.array([getattr(i, name) for i in images]), weights) for name in ("inside", "near")}
    return {**found, "ap": average_precision(images, weights)}


def _mean(values: Array, weights: Array) -> Array:
    known = ~np.isnan(values)
    count = weights @ known.astype(np.float64)
    total = weights @ np.where(known, values, 0.0)
    return quotient(total, count)


def compare_maps(
    rows: Mapping[str, Sequence[Scored]], base: str, resamples: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Figures of each map with 95 % intervals, and of each its difference to one of them on the same images.

    Args:
        rows: Images by name of the map; the same images for all.
        base: Name of the map that the others are compared with.
        resamples: Bootstrap samples of images (Efron 1979); 0: no intervals.
        seed: The same seed gives the same samples.

    Returns:
        By name of the map: ``value``, ``interval``, ``difference`` and ``difference_interval`` by figure, plain; None
        where a figure is undefined.
    """
    count = len(rows[base])
    once, drawn = np.ones((1, count)), draw_weights(count, resamples, seed)
    exact = {name: figures(images, once) for name, images in rows.items()}
    sampled = {name: figures(images, drawn) for name, images in rows.items()} if resamples else {}
    table: dict[str, dict[str, Any]] = {}
    for name in rows:
        table[name] = {
            "value": {key: _plain(exact[name][key][0]) for key in FIGURES},
            "difference": {key: _plain(exact[name][key][0] - exact[base][key][0]) for key in FIGURES},
        }
        if sampled:
            table[name]["interval"] = {key: _interval(sampled[name][key]) for key in FIGURES}
            table[name]["difference_interval"] = {
                key: _interval(sampled[name][key] - sampled[base][key]) for key in FIGURES
            }
    return table


def _interval(samples: Array) -> list[float] | None:
    known = samples[~np.isnan(samples)]
    if not len(known):
        return None
    return [float(value) for value in np.quantile(known, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
