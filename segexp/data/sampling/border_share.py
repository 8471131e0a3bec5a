"""How much of turned and zoomed samples lies beyond the border of their images, where nothing counts."""

from collections.abc import Iterator

import numpy as np

from segexp.data.sampling.crops import random_crop
from segexp.data.sampling.drawn_samples import spread_indices
from segexp.data.sampling.footprint import Blank
from segexp.data.sampling.samples import CROP_STREAM, RandomCrops
from segexp.spec import IGNORED

SAMPLES, FEWEST, BUDGET = 64, 8, 8_000_000
"""Samples that are looked at, fewer where they would have more pixels than the budget."""
MUCH = 0.2
"""Share that is worth a note: so much of the computing trains nothing."""


def beyond_notes(crops: RandomCrops) -> Iterator[str]:
    """A note with advice where much is lost."""
    lost = share_beyond(crops, crops.size)
    if lost < MUCH:
        return
    message = f"{lost:.0%} of the pixels of training samples lie beyond the border of their images and count nowhere"
    keys = f"augment.rotate={crops.augment.rotate:g}, augment.scale={crops.augment.scale:g}"
    none = "augment=d4 turns by quarters and loses none"
    if crops.size is None:
        yield f"{message} (whole images with {keys}): {none}; augment.rotate=10 loses less"
        return
    smaller = crops.size // 2
    yield (
        f"{message} (crops of {crops.size} pixels with {keys}): datamodule.crop_size={smaller} loses "
        f"{share_beyond(crops, smaller):.0%}; {none}"
    )


def share_beyond(crops: RandomCrops, size: int | None) -> float:
    """Share of pixels beyond the border in samples of the first epoch, were they of this size.

    Only rotation and zoom of ``augment`` are looked at, and no image that is smaller than the crops: it is mirrored
    around in any case.
    """
    augment = crops.augment
    if not (augment.rotate or augment.scale):
        return 0.0
    first = crops.places.draw(0, np.random.default_rng(0))[0].shape
    pixels = size**2 if size is not None else first[0] * first[1]
    shares = []
    for index in spread_indices(len(crops), max(FEWEST, min(SAMPLES, BUDGET // pixels))):
        rng = np.random.default_rng((crops.seed, 0, index, CROP_STREAM))
        item, place = crops.places.draw(index, rng)
        if size is None or min(item.shape) >= size:
            mask = random_crop(Blank(item), size, augment.rotate, augment.scale, rng, place)[1]
            shares.append(float((mask == IGNORED).mean()))
    return float(np.mean(shares)) if shares else 0.0
