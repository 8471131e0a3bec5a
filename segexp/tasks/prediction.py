"""What a model says of one image, to be shown or written down, whatever its kind of task."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """Prediction for one image.

    Attributes:
        values: Numbers and words by name: the cells of the image's row in predictions.csv.
        image: uint8 (H, W) or (H, W, 3), saved as PNG under the name of the image; None: there is no picture.
    """

    values: Mapping[str, float | str] = field(default_factory=dict)
    image: NDArray[np.uint8] | None = None
