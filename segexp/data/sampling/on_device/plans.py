"""Training samples as four numbers each, from which a device takes the pixels: the draws are the loader's."""

from collections.abc import Sequence
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.crops import crop_corner
from segexp.data.sampling.samples import Batch, Key, RandomCrops
from segexp.data.sampling.worker_errors import naming
from segexp.errors import MismatchError

Plan = NDArray[np.int64]
"""(4,): number of the image, pixel of the set at which the sample begins, steps to its next row and column."""

PROBE = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
"""Four pixels that are their own numbers: where they come to lie shows how a sample is turned."""


class PlannedSample(TypedDict):
    """One sample before batching: where its pixels lie, and its number."""

    plan: Plan
    index: int


class CropPlans(Dataset[PlannedSample]):
    """The samples of :class:`RandomCrops` without their pixels.

    Pixels of all images are counted through, row by row and image after image. A sample of h rows and w columns that is
    cut, mirrored and turned by quarter turns is then made of the pixels ``first + down * row + across * column``.
    """

    def __init__(self, crops: RandomCrops, items: Sequence[Item]) -> None:
        """Counts the pixels.

        Args:
            crops: The samples; without rotation and zoom, their transforms move whole pixels, see
                :mod:`segexp.data.sampling.on_device.checks`.
            items: All images that they are cut from, in the order in which they lie on the device.
        """
        self.crops = crops
        self._numbers = {item.name: number for number, item in enumerate(items)}
        sizes = [height * width for height, width in (item.shape for item in items)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        self._fixed: dict[int, Plan] = {}

    @property
    def seed(self) -> int:
        """First part of the key of all randomness."""
        return self.crops.seed

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, key: Key) -> PlannedSample:
        epoch, index = key
        if (known := self._fixed.get(index)) is not None:
            return {"plan": known, "index": index}
        with naming(f"training sample {index} of epoch {epoch + 1}"):
            plan = self._draw(epoch, index)
        if not self.crops.redraw:
            self._fixed[index] = plan
        return {"plan": plan, "index": index}

    def _draw(self, epoch: int, index: int) -> Plan:
        """Draws what :class:`RandomCrops` draws, in the same order."""
        size, rng = self.crops.size, self.crops.generator(epoch, index)
        item, place = self.crops.places.draw(index, rng)
        top, left = (0, 0) if size is None else crop_corner(item, size, rng, place)
        shape = item.shape if size is None else (size, size)
        number, stride = self._numbers[item.name], item.shape[1]
        origin, down, across = draw_turn(self.crops.augment, rng, shape)
        begin = self._starts[number] + (top + origin[0]) * stride + left + origin[1]
        return np.array([number, begin, *(step[0] * stride + step[1] for step in (down, across))], dtype=np.int64)


Step = tuple[int, int]
"""Rows and columns."""


def draw_turn(augment: Augment, rng: np.random.Generator, shape: tuple[int, int]) -> tuple[Step, Step, Step]:
    """Turn of a sample by its transforms: which of its pixels comes first, and the steps to the next row and column.

    Args:
        augment: Its transforms move whole pixels.
        rng: As the sample draws from it.
        shape: Height and width of the sample.

    Raises:
        MismatchError: A sample that is no square is turned by a quarter.
    """
    if augment.compose is None:
        return (0, 0), (1, 0), (0, 1)
    augment.draw_from(rng)
    turned: NDArray[Any] = augment.compose(image=PROBE)["image"]
    first, right, below = (divmod(int(turned[place]), 2) for place in ((0, 0, 0), (0, 1, 0), (1, 0, 0)))
    across, down = (_step(first, other) for other in (right, below))
    if across[0] != 0 and shape[0] != shape[1]:
        raise MismatchError(
            f"augment: a transform turned a sample of {shape[0]}x{shape[1]} into {shape[1]}x{shape[0]}, which cannot "
            "be batched; set a square datamodule.crop_size, or choose augment=flips"
        )
    return (first[0] * (shape[0] - 1), first[1] * (shape[1] - 1)), down, across


def _step(one: Step, other: Step) -> Step:
    return other[0] - one[0], other[1] - one[1]


def collate_plans(samples: list[PlannedSample]) -> Batch:
    """Stacks plans to int64 (B, 4) under ``plan``, and the numbers of the samples (B,) under ``index``."""
    plans = torch.from_numpy(np.stack([sample["plan"] for sample in samples]))
    return Batch(plan=plans, index=torch.tensor([sample["index"] for sample in samples]))
