"""ClassScores: ROC-AUC and PR-AUC of each class against the rest, by data set and by image."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from segexp.metrics.curves import LIMIT, Array, ScoreCurve, areas
from segexp.metrics.figures import Family, Figures
from segexp.metrics.scores import ScoreHistogram, histogram
from segexp.metrics.table import HostTable, gathered
from segexp.spec import IGNORED

COARSE_PER_UNIT = 32
"""Bins per unit of logit kept of each image for the bootstrap."""

COARSE_BINS = 2 * LIMIT * COARSE_PER_UNIT


class _Counted(ScoreHistogram):
    """The histogram of a data set, given as histograms that are counted already; kept in the processor's memory."""

    def __init__(self) -> None:
        super().__init__(dist_sync_fn=gathered)

    def update(self, counts: Tensor) -> None:  # type: ignore[override] # of counts
        self.counts += counts

    def compute(self) -> Tensor:  # type: ignore[override] # the counts, int64 (2, bins)
        return self.counts.cpu()


class ClassScores:
    """Counts logits of K channels in fine bins for the data set, and exactly so for each image.

    The bootstrap needs a histogram per image and class. It is kept in bins of 1/32 logit (8 KiB); an interval made of
    them is moved by the difference that the coarser bins make to the data set's own figure. What is left of their error
    is below a hundredth of the interval's width, and below a tenth where all logits lie within 0.2 of each other.

    Args:
        channels: K; 1 for two classes, the logit of the second.
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        self.pooled = [_Counted() for _ in range(channels)]
        self.of_image = HostTable()
        self.coarse = HostTable(torch.int32)

    def update(self, logits: Tensor, truth: Tensor, ids: Tensor) -> None:
        """Count a batch: logits float32 (B, K, H, W), truth uint8 (B, H, W), ids integer (B,)."""
        areas_of, coarse = [], []
        for one, mask in zip(logits, truth, strict=True):
            counts = torch.stack([self._count(one, mask, index) for index in range(self.channels)])
            areas_of.append(np.stack(areas(counts.numpy())).ravel())
            coarse.append(counts.view(self.channels, 2, COARSE_BINS, -1).sum(dim=-1).flatten())
        self.of_image.update(torch.from_numpy(np.stack(areas_of)), ids)
        self.coarse.update(torch.stack(coarse), ids)

    def _count(self, logits: Tensor, truth: Tensor, index: int) -> Tensor:
        """Fine histogram (2, bins) of one class in one image, added to that of the data set."""
        rest = truth if self.channels == 1 else (truth == index).byte().masked_fill_(truth == IGNORED, IGNORED)
        counts = histogram(log_odds(logits, index), rest).cpu()
        self.pooled[index].update(counts)
        return counts

    def curve(self, index: int = 0) -> ScoreCurve:
        """ROC and precision-recall curve of a channel over the data set."""
        return ScoreCurve(self.pooled[index].compute())

    def family(self, classes: Sequence[str]) -> Family:
        """Figures ``auc`` and ``ap``: one value each for K = 1, else one per class."""
        exact = [areas(part.compute().numpy()) for part in self.pooled]
        whole = {name: np.array([[area[place] for area in exact]]) for place, name in enumerate(("auc", "ap"))}
        rows = self.of_image.table().numpy().reshape(-1, 2, self.channels)
        sums = self.coarse.table().numpy().reshape(-1, self.channels, 2, COARSE_BINS)
        images = {name: rows[:, place] for place, name in enumerate(("auc", "ap"))}
        return Family(sums, self._figures, classes, exact=self._shaped(whole), exact_images=self._shaped(images))

    def _figures(self, sums: Array) -> Figures:
        return self._shaped(dict(zip(("auc", "ap"), areas(sums), strict=True)))

    def _shaped(self, figures: Figures) -> Figures:
        """(M, K) as it is, and (M,) where K is 1."""
        return {name: value[:, 0] if self.channels == 1 else value for name, value in figures.items()}


def log_odds(logits: Tensor, index: int) -> Tensor:
    """Log-odds of a class against all others, float32 (H, W), of logits (K, H, W): z_k - log sum_j exp(z_j), j not k.

    A sigmoid of it is the softmax probability of the class. K = 1: the logit itself.
    """
    if len(logits) == 1:
        return logits[0].float()
    others = [other for other in range(len(logits)) if other != index]
    wide = logits.float()
    return wide[index] - wide[others].logsumexp(dim=0)
