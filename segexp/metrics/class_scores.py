"""ClassScores: ROC-AUC and PR-AUC of each class against the rest, by data set and by image."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.metrics.blocks import Sides
from segexp.metrics.curves import Array, ScoreCurve, areas
from segexp.metrics.figures import Family, Figures
from segexp.metrics.log_odds import by_class
from segexp.metrics.ranked import Ranked, in_order, united
from segexp.metrics.scores import EXACT, ScoreHistogram, separated
from segexp.metrics.table import HostTable

BRIEF = 512
"""Most values kept of the negatives, and of the positives, of each image for the bootstrap."""

BRIEF_PER_E_FOLD = 32
"""How finely, see :meth:`segexp.metrics.ranked.Ranked.thinned`."""

BINS = 1024
"""Most bins between which the scores of all images are told apart in the bootstrap."""

MOST_VALUES = 1 << 27
"""Scores of all classes together, 8 bytes each, that are kept one by one for the data set: 1 GB."""


class _Separated(ScoreHistogram):
    """Scores that are separated already; kept in the processor's memory."""

    def update(self, negatives: Tensor, positives: Tensor) -> None:
        """Take an image."""
        self._keep(negatives=negatives, positives=positives)


class ClassScores:
    """Ranks the pixels of K channels, exactly: each image by itself, and the data set.

    Of the data set as :class:`ScoreHistogram` does; of more than two classes only 2^27 scores in all are kept one by
    one, 45 million pixels of three classes.

    The bootstrap needs the scores of each image and class again. A few hundred values stand for them (16 KiB), and
    an interval made of them is moved by the difference that this makes to the data set's own figure. What is left of
    the error is below a twentieth of the interval's width.

    Args:
        channels: K; 1 for two classes, the logit of the second.
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        exact = EXACT if channels == 1 else min(EXACT, MOST_VALUES // channels)
        self.pooled = [_Separated(exact) for _ in range(channels)]
        self.of_image = HostTable()
        self.brief = HostTable()

    def update(self, logits: Tensor, truth: Tensor, ids: Tensor) -> None:
        """Take a batch: logits float32 (B, K, H, W), truth uint8 (B, H, W), ids integer (B,)."""
        areas_of, brief = [], []
        for one, mask in zip(logits, truth, strict=True):
            sides = [self._ranked(index, *pair) for index, pair in enumerate(self._separated(one, mask))]
            curves = [ScoreCurve(Sides(*side)) for side in sides]
            found = [[curve.auc() for curve in curves], [curve.average_precision() for curve in curves]]
            areas_of.append(np.array(found, dtype=np.float64).ravel())
            brief.append(np.stack([_brief(side) for pair in sides for side in pair]).ravel())
        self.of_image.update(torch.from_numpy(np.stack(areas_of)), ids)
        self.brief.update(torch.from_numpy(np.stack(brief)), ids)

    def _separated(self, logits: Tensor, truth: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Scores of each class, of the pixels outside it and inside it."""
        if self.channels == 1:
            yield separated(logits, truth[None])
        else:
            yield from by_class(logits, truth)

    def _ranked(self, index: int, *sides: Tensor) -> tuple[Ranked, Ranked]:
        """The scores of a class in one image, in order, added to those of the data set."""
        hosts = [(side if side.device.type == "cpu" else side.sort().values.cpu()).numpy() for side in sides]
        negatives, positives = (in_order(values) for values in hosts)
        self.pooled[index].update(*(torch.from_numpy(values) for values in hosts))
        return negatives, positives

    def curve(self, index: int = 0) -> ScoreCurve:
        """ROC and precision-recall curve of a channel over the data set."""
        found: ScoreCurve = self.pooled[index].compute()
        return found

    @property
    def bound(self) -> float:
        """By how much AUC and average precision of the data set may be wrong; 0: they are exact."""
        return max(self.curve(index).bound for index in range(self.channels))

    def family(self, classes: Sequence[str]) -> Family:
        """Figures ``auc`` and ``ap``: one value each for K = 1, else one per class."""
        curves = [self.curve(index) for index in range(self.channels)]
        exact = [[c.auc() for c in curves]], [[c.average_precision() for c in curves]]
        whole = {name: np.array(row, np.float64) for name, row in zip(("auc", "ap"), exact, strict=True)}
        rows = self.of_image.table().numpy().reshape(-1, 2, self.channels)
        images = {name: rows[:, place] for place, name in enumerate(("auc", "ap"))}
        brief = self.brief.table().numpy().reshape(-1, self.channels, 2, 2, BRIEF)
        sums = np.stack([_histograms(brief[:, index]) for index in range(self.channels)], axis=1)
        return Family(sums, self._figures, classes, exact=self._shaped(whole), exact_images=self._shaped(images))

    def _figures(self, sums: Array) -> Figures:
        return self._shaped(dict(zip(("auc", "ap"), areas(sums), strict=True)))

    def _shaped(self, figures: Figures) -> Figures:
        """(M, K) as it is, and (M,) where K is 1."""
        return {name: value[:, 0] if self.channels == 1 else value for name, value in figures.items()}


def _brief(side: Ranked) -> Array:
    """Values and the pixels they stand for, float64 (2, BRIEF), 0 pixels behind the last."""
    fineness = BRIEF_PER_E_FOLD
    few = side.thinned(fineness)
    while len(few.values) > BRIEF:
        fineness //= 2
        few = side.thinned(fineness)
    found = np.zeros((2, BRIEF))
    found[:, : len(few.values)] = few.values, few.counts()
    return found


def _histograms(brief: Array) -> NDArray[np.int64]:
    """Negatives and positives of each image in bins that all images share.

    Args:
        brief: (N, 2, 2, BRIEF) of :func:`_brief`, of negatives and positives.

    Returns:
        int64 (N, 2, BINS), bins of ascending scores; the last ones are empty where fewer do.
    """
    edges = _bin_edges(brief)
    found = np.zeros((*brief.shape[:2], BINS), dtype=np.int64)
    for image, sides in enumerate(brief):
        for side, (values, weights) in enumerate(sides):
            used = weights > 0
            place = np.searchsorted(edges, values[used], side="right") - 1
            found[image, side] = np.bincount(place, weights[used], BINS)
    return found


def _bin_edges(brief: Array) -> Array:
    """Lowest score of each bin: half of them evenly spaced among the negatives, half among the positives."""
    edges = [np.full(1, -np.inf)]
    for side in range(2):
        values, weights = brief[:, side, 0].ravel(), brief[:, side, 1].ravel().astype(np.int64)
        used = weights > 0
        whole = united([Ranked(values[used], weights[used])])
        edges.append(_few(whole, BINS // 2 - 1))
    return np.unique(np.concatenate(edges))


def _few(whole: Ranked, most: int) -> Array:
    """At most so many of its distinct values, evenly spaced among the pixels, more of them at the high end."""
    distinct: Array = np.unique(whole.values)
    fineness = BRIEF_PER_E_FOLD * 4
    while len(distinct) > most:
        distinct = np.unique(whole.thinned(fineness).values)
        fineness //= 2
    return distinct
