"""Where the decision threshold of two classes is chosen: the highest Dice of the second class on validation images."""

from segexp.metrics.curves import within
from segexp.metrics.scores import ScoreHistogram
from segexp.runs.console import LOG


class ThresholdChoice(ScoreHistogram):
    """Collects the scores of all validation pixels, of all ranks, and chooses the threshold from them."""

    _bound_logged = False

    def choose(self, *, log: bool) -> tuple[float, dict[str, float | None]]:
        """Chooses the threshold, and forgets the scores.

        Args:
            log: Whether this rank says how exact the figures are; they are rounded for large sets, which is said once.

        Returns:
            The threshold, a score, with the highest Dice of the second class (see
            :meth:`segexp.metrics.curves.ScoreCurve.best_threshold`), 0 (probability 0.5) where one of the two classes
            is absent; and ``auc`` and ``ap`` of the same scores, 0..1.
        """
        curve = self.compute()
        if curve.bound and log and not self._bound_logged:
            LOG.info(f"val/auc, val/ap and the threshold are of {curve.pixels} pixels, {within(curve.bound)}")
            self._bound_logged = True
        best = curve.best_threshold()
        figures = {"auc": curve.auc(), "ap": curve.average_precision()}
        self.reset()
        return best.logit if best is not None else 0.0, figures
