"""Tries every transform on made-up pixels of the kind at hand: what it cannot do is said at the start."""

import copy
import inspect
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.data.checks.problems import Problem, problem_of
from segexp.errors import MismatchError
from segexp.spec import IGNORED

LABELS = (3, 200)
"""Two classes far from each other and from 0: what is mixed or filled in shows."""
TRIES, BUDGET = 8, 2_000_000
"""Draws of each transform, fewer where they would take more pixels than that."""


def transforms_fit(
    transforms: Sequence[Any], channels: int, dtype: np.dtype[Any], shape: tuple[int, int]
) -> Iterator[Problem]:
    """Applies each transform by itself, always, to an image and a mask.

    Args:
        transforms: albumentations transforms, also nested (``OneOf``).
        channels: Of the images.
        dtype: uint8 or uint16.
        shape: Height and width of the training samples.
    """
    image, mask = _pixels(channels, dtype, shape)
    tries = max(2, min(TRIES, BUDGET // mask.size))
    for index, transform in enumerate(transforms):
        for leaf in single_transforms(transform):
            name = f"augment.transforms[{index}] ({type(leaf).__name__})"
            for text, fatal in _faults(leaf, image, mask, tries):
                yield problem_of(MismatchError(f"{name}: {text}"), fatal=fatal, kind="augmentation")


def _pixels(channels: int, dtype: np.dtype[Any], shape: tuple[int, int]) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Noise between a quarter and nine tenths of the range, and patches of two classes."""
    rng = np.random.default_rng(0)
    top = int(np.iinfo(dtype).max)
    image = rng.integers(top // 4, top * 9 // 10, (*shape, channels)).astype(dtype)
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    mask = np.where((rows // 7 + columns // 7) % 2 == 0, *LABELS).astype(np.uint8)
    return image, mask


def single_transforms(transform: Any) -> Iterator[Any]:
    """The transforms inside ``OneOf`` and the like; any other by itself.

    By their class: a transform may have a list ``transforms`` of its own functions, as ``ColorJitter`` has.
    """
    import albumentations

    whole = not isinstance(transform, albumentations.BaseCompose)
    # What is inside of this one sees some of the channels only.
    if whole or isinstance(transform, albumentations.SelectiveChannelTransform):
        yield transform
        return
    for part in transform.transforms:
        yield from single_transforms(part)


def _faults(transform: Any, image: NDArray[Any], mask: NDArray[np.uint8], tries: int) -> Iterator[tuple[str, bool]]:
    """The first thing that is wrong with what a transform does, in words, and whether training is refused for it."""
    import albumentations

    kind = f"{image.shape[2]} channel{'s' * (image.shape[2] > 1)} of {image.dtype}"
    compose: Any = None
    for seed in range(tries):
        try:
            if compose is None:
                always = copy.deepcopy(transform)
                always.p = 1.0
                compose = albumentations.Compose([always])
            compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
            changed = compose(image=image.copy(), mask=mask.copy())
        except Exception as error:
            cause = ": ".join(part for part in (type(error).__name__, " ".join(str(error).split())[:160]) if part)
            yield f"cannot change images of {kind} ({cause}); leave it out, or choose augment=d4", True
            return
        fault = _pixel_fault(image, changed["image"], kind) or _mask_fault(mask, changed["mask"])
        if fault is not None:
            yield fault, True
            return
        if (changed["mask"] == 0).any():
            yield _filling(transform), False
            return


def _filling(transform: Any) -> str:
    """What to do about a mask that is filled with 0; some transforms have no key for it."""
    settable = "fill_mask" in inspect.signature(type(transform).__init__).parameters
    way = (
        f"add fill_mask: {IGNORED}, or turn and zoom with augment.rotate and augment.scale"
        if settable
        else f"take a transform that has fill_mask: {IGNORED}, such as XYMasking or CoarseDropout"
    )
    return f"fills the mask with 0, a class, where it takes the image away; {IGNORED} counts nowhere: {way}"


def _pixel_fault(before: NDArray[Any], after: NDArray[Any], kind: str) -> str | None:
    if after.ndim != 3 or after.shape[2] != before.shape[2] or after.dtype != before.dtype:
        channels = after.shape[2] if after.ndim == 3 else 1
        return (
            f"turns images of {kind} into {channels} of {after.dtype}, expected the same kind; leave it out (the model "
            "scales images by itself)"
        )
    if before.dtype == np.uint16 and int(after.max()) <= 2 * 255:
        return f"squeezes images of {kind} into 8 bits; leave it out, or choose augment=d4"
    return None


def _mask_fault(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> str | None:
    if after.shape != before.shape:
        was, now = ("x".join(map(str, mask.shape)) for mask in (before, after))
        return (
            f"turned a sample of {was} into {now}, which cannot be batched; set a square datamodule.crop_size, or "
            "choose augment=flips"
        )
    strange = sorted(set(np.unique(after).tolist()) - {*LABELS, 0, IGNORED})
    if strange:
        return (
            f"makes labels that were not there ({strange[:5]} of {list(LABELS)}): it mixes neighbours in the mask; add "
            "mask_interpolation: 0 (nearest)"
        )
    return None
