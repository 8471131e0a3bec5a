"""Quotients of sums, undefined (nan) where there is nothing to divide by."""

import numpy as np
from numpy.typing import NDArray

Figures = NDArray[np.float64]


def quotient(part: Figures, whole: Figures) -> Figures:
    """Quotient of sums, nan where ``whole`` is 0: float64 of any one shape."""
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole != 0)


def share(part: Figures, whole: Figures, absent: NDArray[np.bool_]) -> Figures:
    """Quotient of sums under THE RULE of :mod:`segexp.metrics.measures`.

    nan where the class is ``absent`` from truth and prediction, 0 where one that is there leaves 0 / 0.
    """
    return np.where(absent, np.nan, part / np.maximum(whole, 1.0))
