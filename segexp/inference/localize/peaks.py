"""Peaks of a map: the places where it is highest, none near a higher one."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.feature import peak_local_max

FloatMap = NDArray[np.float32]


class Peak(NamedTuple):
    """A place of a map.

    Attributes:
        x: Column, pixels.
        y: Row, pixels.
        score: Value of the map there.
    """

    x: float
    y: float
    score: float


def find_peaks(values: FloatMap, distance: int, most: int, floor: float) -> list[Peak]:
    """Finds the local maxima of a map, highest first; of two that are nearer than a distance the lower one is left out.

    Args:
        values: float32 (H, W).
        distance: Pixels that two peaks are apart, along the rows or the columns.
        most: How many are given at the most.
        floor: Share of the way from the map's lowest value to its highest that a peak reaches.

    Returns:
        Peaks; the first is the highest value of the map, always. A plateau has one, in its middle.
    """
    low, high = float(values.min()), float(values.max())
    # A flat top would give its first corner.
    tops = np.argwhere(values == high)
    first = tops[np.square(tops - tops.mean(axis=0)).sum(axis=1).argmin()]
    places = peak_local_max(
        values, min_distance=distance, threshold_abs=low + floor * (high - low), exclude_border=False, num_peaks=most
    )
    apart = places[np.abs(places - first).max(axis=1) > distance] if len(places) else places
    kept = [first, *apart][:most]
    return [Peak(float(x), float(y), float(values[y, x])) for y, x in kept]


def blur(values: FloatMap, sigma: float) -> FloatMap:
    """Blurs a map (H, W) with a Gaussian of so many pixels, mirrored at the border; 0: as it is."""
    if sigma == 0:
        return values
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REFLECT), np.float32)
