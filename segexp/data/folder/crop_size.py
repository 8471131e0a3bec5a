"""Side and number of the training crops where the config leaves them to the images."""

from collections.abc import Sequence
from statistics import median

LARGEST = 256
"""Side that is enough for most textures and still quick on a processor."""
STEP = 32
"""Sides are multiples of this, so that no network has to pad."""
FEWEST = 200
"""Samples an epoch below which validation would take more time than training."""
MOST = 16
"""Crops of one image an epoch, unless there are few images."""


def choose_crop_side(sizes: Sequence[tuple[int, int]], *, grid: bool) -> int:
    """Side of the crops for images of these sizes (H, W).

    The short side of the middle one, up to a multiple of 32 and to 256 at the most. Windows of a grid have to lie
    inside all images.
    """
    if grid:
        return min(LARGEST, *(min(size) for size in sizes))
    middle = median(min(size) for size in sizes)
    return min(LARGEST, -(-int(middle) // STEP) * STEP)


def choose_crop_count(sizes: Sequence[tuple[int, int]], side: int | None) -> int:
    """Crops of each image an epoch: about as many as cover it, 16 at the most; more where images are few."""
    covering = [1.0 if side is None else height * width / side**2 for height, width in sizes]
    wanted = min(MOST, max(1, round(sum(covering) / len(covering))))
    return max(wanted, -(-FEWEST // len(sizes)))
