"""Masks made of maps, to train a segmentation on: high values are the class, those near the threshold count nowhere."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segexp.errors import ConfigError
from segexp.inference.localize.peaks import FloatMap
from segexp.spec import IGNORED


@dataclass(frozen=True)
class MaskRule:
    """Rule by which a map becomes a mask.

    Attributes:
        threshold: Share of the map's highest value from which on a pixel is of the class (Zhou et al. 2016, section
            3.2, take .2 for boxes).
        band: Shares nearer than that to the threshold count nowhere.
    """

    threshold: float = 0.4
    band: float = 0.1

    def __post_init__(self) -> None:
        """Checks both together.

        Raises:
            ConfigError: The band leaves nothing on one side.
        """
        if not self.band < self.threshold < 1 - self.band:
            raise ConfigError(
                f"mask: found threshold {self.threshold:g} and band {self.band:g}, expected band < threshold < 1 - band"
            )


def pseudo_mask(values: FloatMap, rule: MaskRule, *, present: bool) -> NDArray[np.uint8]:
    """Makes a mask of a map.

    Args:
        values: float32 (H, W).
        rule: Threshold and band.
        present: Whether the classifier says that the image shows the class; if not, all of it is background.

    Returns:
        uint8 (H, W): 0 background, 1 the class, 255 counts nowhere.
    """
    mask = np.zeros(values.shape, np.uint8)
    top = float(values.max())
    if not present or top <= 0:
        return mask
    share = values / top
    mask[share >= rule.threshold] = 1
    mask[np.abs(share - rule.threshold) < rule.band] = IGNORED
    return mask
