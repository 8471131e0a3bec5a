"""AUC, average precision and threshold as segexp 0.1 made them: logits counted in bins."""

import torch
from torch import Tensor

LIMIT, PER_UNIT = 16, 2048
NUM_BINS = 2 * LIMIT * PER_UNIT
BLOCK = 1 << 22


class Binned:
    """Positives and negatives per logit bin of 1/2048; beyond +-16 everything is tied."""

    def __init__(self) -> None:
        self.counts = torch.zeros(2, NUM_BINS, dtype=torch.int64)

    def update(self, logits: Tensor, truth: Tensor) -> None:
        """Count a batch, as ``metrics.scores.histogram`` did."""
        flat, labels = logits.detach().reshape(-1), truth.reshape(-1)
        counts = torch.zeros(2 * NUM_BINS + 1, dtype=torch.int64)
        for part, known in zip(torch.split(flat, BLOCK), torch.split(labels, BLOCK), strict=True):
            counts += torch.bincount(_places(part, known), minlength=2 * NUM_BINS + 1)
        self.counts += counts[: 2 * NUM_BINS].view(2, NUM_BINS)

    def figures(self) -> tuple[float, float, float]:
        """AUC, average precision and threshold, as ``metrics.curves.ScoreCurve`` made them."""
        descending = self.counts.flip(1)
        used = descending.sum(dim=0) > 0
        bins = (NUM_BINS - 1 - used.nonzero().flatten()).tolist()
        false, true = descending[:, used].cumsum(dim=1).double()
        rates = [torch.cat((torch.zeros(1, dtype=torch.float64), side / side[-1])) for side in (true, false)]
        auc = float(torch.trapezoid(rates[0], rates[1]))
        precision = float((rates[0].diff() * (true / (true + false))).sum())
        dice = 2 * true / (true + false + true[-1])
        best = (dice == float(dice.max())).nonzero().flatten().tolist()
        edges = [_nearest_to_zero(bins[index + 1] + 1 if index + 1 < len(bins) else 0, bins[index]) for index in best]
        return auc, precision, min(edges, key=abs)


def _places(logits: Tensor, truth: Tensor) -> Tensor:
    scaled = logits.float() * PER_UNIT
    bins = scaled.floor_().clamp_(-LIMIT * PER_UNIT, LIMIT * PER_UNIT - 1).int().add_(LIMIT * PER_UNIT)
    return bins.add_(truth.int() * NUM_BINS).masked_fill_(truth == 255, 2 * NUM_BINS)


def _nearest_to_zero(lowest: int, highest: int) -> float:
    return (min(max(NUM_BINS // 2, lowest), highest) - NUM_BINS // 2) / PER_UNIT
