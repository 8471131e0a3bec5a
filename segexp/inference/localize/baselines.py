"""Maps that nothing was learnt for: how blue a place is, and how near the middle."""

import numpy as np
from numpy.typing import NDArray

from segexp.inference.localize.peaks import FloatMap, blur

COLOUR, CENTRE = "blue - green", "centre"


def colour_map(image: NDArray[np.generic], sigma: float) -> FloatMap:
    """Blue less green, blurred: dyed nuclei are violet, red cells and background are not.

    Args:
        image: uint8 or uint16 (H, W, 3) RGB.
        sigma: Standard deviation of the blur, pixels.

    Returns:
        float32 (H, W), in units of the image.
    """
    return blur(image[..., 2].astype(np.float32) - image[..., 1].astype(np.float32), sigma)


def centre_map(height: int, width: int) -> FloatMap:
    """Minus the distance (H, W) to the middle of the image, pixels: its only peak."""
    y, x = np.ogrid[:height, :width]
    return -np.hypot(y - (height - 1) / 2, x - (width - 1) / 2).astype(np.float32)
