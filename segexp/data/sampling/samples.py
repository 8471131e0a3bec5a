"""Map-style datasets over decoded items, and the sampler that keys their randomness by (seed, epoch, index)."""

from collections.abc import Iterator, Sequence
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from segexp.data.items.item import Image, Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.crop_locations import CropLocations
from segexp.data.sampling.worker_errors import naming
from segexp.moved import renamed

Key = tuple[int, int]
"""(epoch, index): what a sampler hands to a dataset, so that workers need no shared state."""

# numpy pads keys with zeros, so (seed, epoch) and (seed, epoch, 0) would be one stream: a last number tells them apart.
CROP_STREAM, ORDER_STREAM = 1, 2


SPARE = -1
"""In place of an epoch, and then of a sample's number: an image that counts nowhere, for a rank that has no other."""


class Sample(TypedDict):
    """One sample before batching: uint8 or uint16 (H, W, C), its target (a mask: uint8 (H, W)) and its number.

    Where each image is scaled by itself, crops also carry mean and deviation of their whole image, float32 (2, C).
    """

    image: Image
    target: NDArray[Any]
    index: int
    stats: NotRequired[NDArray[np.float32]]


class Batch(dict[str, Tensor]):
    """Samples together: ``image``, ``target``, ``index`` and, where each image is scaled by itself, ``stats`` of crops.

    ``image``: raw (B, C, H, W) in channels-last memory. ``target``: of masks uint8 (B, H, W), of images (B, C, H, W),
    else (B, ...). ``index``: int64 (B,). ``stats``: float32 (B, 2, C).
    """

    def __missing__(self, key: str) -> Tensor:
        """``mask``, as the target was called in version 0.1."""
        if key != "mask":
            raise KeyError(key)
        renamed('batch["mask"]', 'batch["target"]')
        return self["target"]


class RandomCrops(Dataset[Sample]):
    """Training samples: where each is cut is drawn by :class:`CropLocations`, how it is changed by :class:`Augment`."""

    def __init__(
        self,
        places: CropLocations,
        size: int | None,
        augment: Augment,
        seed: int,
        *,
        redraw: bool,
        stats: bool = False,
    ) -> None:
        """Keeps the settings.

        Args:
            places: Which image each sample comes from, and where in it.
            size: Side of the crops; None: whole images.
            augment: Crops and changes.
            seed: First part of the key of all randomness.
            redraw: Other crops each epoch; False: the crops of epoch 0 again and again.
            stats: Whether samples carry mean and deviation of their whole image.
        """
        self.places = places
        self.size = size
        self.augment = augment
        self.seed = seed
        self.redraw = redraw
        self.stats = stats

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, key: Key) -> Sample:
        epoch, index = key
        rng = self.generator(epoch, index)
        with naming(f"training sample {index} of epoch {epoch + 1}") as making:
            item, place = self.places.draw(index, rng)
            making.image = item.name
            image, target = self.augment(item, self.size, rng, place)
            sample: Sample = {"image": image, "target": target, "index": index}
            if self.stats:
                sample["stats"] = item.stats
        return sample

    def generator(self, epoch: int, index: int) -> np.random.Generator:
        """Source of all randomness of a sample, in the state before its first draw."""
        return np.random.default_rng((self.seed, epoch if self.redraw else 0, index, CROP_STREAM))


class WholeImages(Dataset[Sample]):
    """Every image once, whole and unchanged, for validation and test."""

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: Key) -> Sample:
        item = self.items[key[1]]
        with naming("the whole image", item.name):
            return {"image": item.image, "target": item.target, "index": SPARE if key[0] == SPARE else key[1]}


class KeyedSampler(Sampler[Key]):
    """Yields (epoch, index) in a random or natural order."""

    def __init__(self, length: int, seed: int, *, shuffle: bool, repeats: bool = False) -> None:
        """Keeps the settings.

        Args:
            length: Number of samples.
            seed: First part of the key of the order.
            shuffle: A random order.
            repeats: The order and the crops of the first epoch in all of them.
        """
        self.length = length
        self.seed = seed
        self.shuffle = shuffle
        self.repeats = repeats
        self.epoch = self.training_epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, also after a resume."""
        self.training_epoch = epoch
        self.epoch = 0 if self.repeats else epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[Key]:
        order = np.arange(self.length)
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch, 0, ORDER_STREAM)).shuffle(order)
        return iter([(self.epoch, int(index)) for index in order])


def collate(samples: list[Sample]) -> Batch:
    """Stacks samples; the channel axis moves by a view, so the batch lies in channels-last memory at no cost."""
    images = torch.from_numpy(np.stack([sample["image"] for sample in samples]))
    targets = torch.from_numpy(np.stack([sample["target"] for sample in samples]))
    batch = Batch(
        image=images.permute(0, 3, 1, 2),
        target=targets.permute(0, 3, 1, 2) if targets.ndim == 4 else targets,
        index=torch.tensor([sample["index"] for sample in samples]),
    )
    if "stats" in samples[0]:
        batch["stats"] = torch.from_numpy(np.stack([sample["stats"] for sample in samples]))
    return batch
