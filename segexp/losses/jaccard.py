"""Jaccard: one minus the soft intersection over union."""

from torch import Tensor

from segexp.losses.overlap import SoftCounts
from segexp.losses.regions import RegionLoss


class Jaccard(RegionLoss):
    """1 - (I + s) / (P + T - I + s) with I = sum of p t, P = sum of p, T = sum of t.

    The loss of Rahman & Wang 2016, section 3, with sums over the batch or the image.

    Activation: sigmoid for two classes (K = 1), p being that of the foreground alone; softmax for more (K > 1),
    and the loss is the mean over all K classes. Sums run over the valid pixels of the batch, or of each image.

    A class absent from the truth stays in the mean: its loss is 1 - s / (P + s), 0 when it is not predicted,
    and for s > 0 its gradient pushes a false prediction down (s = 0 leaves it at 1 without gradient, or 0 if
    P = 0).

    The keys are those of :class:`segexp.losses.regions.RegionLoss`: smoothing, mean of images, classes that take part
    and their weights, squares below the line, and -log in place of 1 minus the coefficient.
    """

    def ratio(self, sums: SoftCounts) -> tuple[Tensor, Tensor]:
        """Computes numerator and denominator, float32 (G, K) each, see the class."""
        return sums.intersection, sums.predicted + sums.truth - sums.intersection
