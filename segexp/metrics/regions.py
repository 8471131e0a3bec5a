"""Regions: where one class lies in the prediction and in the truth, with ignored pixels apart."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.metrics.base import ImagePrediction
from segexp.spec import IGNORED

Mask = NDArray[np.bool_]


class Regions(NamedTuple):
    """Masks bool (H, W) of one class; no pixel is in ``ignored`` and in another one."""

    prediction: Mask
    truth: Mask
    ignored: Mask


def regions(image: ImagePrediction, index: int) -> Regions:
    """Masks of where class ``index`` is predicted and where it is true, ignored pixels left out of both."""
    ignored = image.truth == IGNORED
    return Regions((image.prediction == index) & ~ignored, image.truth == index, ignored)


def crop(found: Regions, margin: int) -> Regions:
    """The smallest window that holds the class in prediction and truth, with ``margin`` pixels around it.

    Large images are mostly something else, and the time of a measure goes with the window. At the image's border
    the margin is narrower. Of a class that is nowhere, an empty window.
    """
    left, top, width, height = cv2.boundingRect((found.prediction | found.truth).view(np.uint8))
    if width == 0:
        return Regions(*(mask[:0, :0] for mask in found))
    rows = slice(max(top - margin, 0), top + height + margin)
    columns = slice(max(left - margin, 0), left + width + margin)
    return Regions(*(mask[rows, columns] for mask in found))
