"""Codes of the images of a test: of which class their neighbours are, and the plane in which they are shown."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from segexp.data.base import ImageDataModule
from segexp.data.items.item import Item
from segexp.metrics.figures import Array
from segexp.metrics.neighbours import nearest_class
from segexp.spec import LabelTarget
from segexp.tasks.reconstruction import Reconstruction

SHOWN = 500
"""Test images in the plane; of more, so many evenly over all."""
TOGETHER = 1 << 18
"""Pixels that are encoded together."""


@dataclass(frozen=True)
class LatentPlane:
    """A plane through the codes: their own two numbers, or the two directions in which codes differ most.

    Attributes:
        mean: (L,), the code at its origin.
        axes: (2, L), its directions, of length 1; the second is 0 where codes have one number.
        share: Of the variance of the codes, (2,); None: the plane holds all of it.
    """

    mean: Array
    axes: Array
    share: Array | None = None

    @classmethod
    def of_codes(cls, codes: Array) -> "LatentPlane":
        """The plane of codes (N, L): for L above 2 their first two principal components (Pearson 1901)."""
        numbers = codes.shape[1]
        if numbers <= 2:
            return cls(np.zeros(numbers), np.eye(2, numbers))
        mean = codes.mean(axis=0)
        _, deviations, directions = np.linalg.svd(codes - mean, full_matrices=False)
        axes = np.zeros((2, numbers))
        axes[: min(2, len(directions))] = directions[:2]
        # Either sign would do; the same one on every machine: the largest entry is positive.
        axes *= np.where(np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1) < 0, -1.0, 1.0)
        variance = np.zeros(2)
        variance[: min(2, len(deviations))] = deviations[:2] ** 2
        return cls(mean, axes, variance / max(float((deviations**2).sum()), np.finfo(float).tiny))

    def project(self, codes: Array) -> Array:
        """Places (N, 2) of codes (N, L)."""
        return np.asarray((codes - self.mean) @ self.axes.T)

    def lift(self, places: Array) -> Array:
        """Codes (N, L) at places (N, 2) of the plane."""
        return np.asarray(self.mean + places @ self.axes)

    @property
    def names(self) -> tuple[str, str]:
        """Names of the two axes of the plane."""
        if self.share is None:
            return "first number of the code", "second number of the code" if self.axes.shape[1] > 1 else ""
        first, second = (f"{100 * share:.0f} % of the variance" for share in self.share)
        return f"first principal component of the codes, {first}", f"second one, {second}"


class Latents:
    """Codes of the test images, and of the training images where classes are known."""

    def __init__(self, task: Reconstruction, datamodule: ImageDataModule) -> None:
        """Keeps both; nothing is encoded yet.

        Args:
            task: With an autoencoder, in its best weights.
            datamodule: Set up.
        """
        self.task = task
        self.datamodule = datamodule
        # Of images that are evaluated the classes stand in their data set: the model was taught without them.
        target = datamodule.origin.target()
        self._labels: tuple[str, ...] | None = target.classes if isinstance(target, LabelTarget) else None
        self.trained = datamodule.trained_items()

    @cached_property
    def alike(self) -> bool:
        """True if all images have one size, so that their codes have one length."""
        return len({item.shape for item in self._items()}) == 1

    @cached_property
    def shown(self) -> list[int]:
        """Numbers of the test images that are shown in the plane."""
        count = len(self.datamodule.items("test"))
        chosen = np.unique(np.linspace(0, count - 1, min(SHOWN, count)).round().astype(int))
        return [int(number) for number in chosen]

    @cached_property
    def classes(self) -> list[str] | None:
        """Names of the classes, or of the groups, that all images are of; None: there are none, or there is one."""
        names = {self.class_of(item) for item in self._items()}
        known = [name for name in names if name is not None]
        if len(known) != len(names) or len(known) < 2:
            return None
        order = {name: number for number, name in enumerate(self._labels or ())}
        return sorted(known, key=lambda name: (order.get(name, len(order)), name))

    def _items(self) -> list[Item]:
        return [*self.trained, *self.datamodule.items("test")]

    @property
    def compares(self) -> bool:
        """True if the nearest training codes say of which class a test image is."""
        return self.classes is not None and bool(self.trained)

    def class_of(self, item: Item) -> str | None:
        """The class of an image, where the data has classes of images; else its group."""
        return item.group if self._labels is None else self._labels[int(item.target)]

    @cached_property
    def test(self) -> Array:
        """Codes (N, L) of the test images that are shown; of all, where classes are known."""
        items = self.datamodule.items("test")
        return encode_items(self.task, items if self.classes else [items[number] for number in self.shown])

    @cached_property
    def codes(self) -> Array:
        """Codes (S, L) of the test images that are shown."""
        return self.test[self.shown] if self.classes else self.test

    @cached_property
    def code_shape(self) -> tuple[int, int, int]:
        """(D, h, w) of a code, h = w = 1 unless the images are larger than the model's smallest."""
        image = torch.from_numpy(np.ascontiguousarray(self.datamodule.items("test")[0].image)).permute(2, 0, 1)[None]
        with torch.inference_mode():
            found = self.task.encode(image.to(self.task.device)).shape[1:]
        return int(found[0]), int(found[1]), int(found[2])

    @cached_property
    def plane(self) -> LatentPlane:
        """The plane in which they are shown."""
        return LatentPlane.of_codes(self.codes)

    def right(self) -> Array:
        """1 or 0 for each test image: whether most of the nearest training codes are of its class, (N,).

        Raises:
            ValueError: No classes, or no training images are known.
        """
        if not self.compares:
            raise ValueError("no classes, or no training images are known")
        train = torch.from_numpy(encode_items(self.task, self.trained))
        found = nearest_class(train, self._numbers(self.trained), torch.from_numpy(self.test), self.task.neighbours)
        return np.asarray((found == self._numbers(self.datamodule.items("test"))).double().numpy())

    def _numbers(self, items: Sequence[Item]) -> Tensor:
        place = {name: number for number, name in enumerate(self.classes or ())}
        return torch.tensor([place[str(self.class_of(item))] for item in items])


def encode_items(task: Reconstruction, items: Sequence[Item]) -> Array:
    """Codes float64 (N, L) of images, the numbers of a code in a row; images of one size are encoded together."""
    task.eval()
    found = []
    with torch.inference_mode():
        for some in _batches(items):
            images = torch.from_numpy(np.stack([item.image for item in some])).permute(0, 3, 1, 2)
            found.append(task.encode(images.to(task.device)).flatten(1).double().cpu().numpy())
    return np.concatenate(found)


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
    for shape, run in groupby(items, key=lambda item: item.shape):
        together, alike = max(1, TOGETHER // (shape[0] * shape[1])), list(run)
        for start in range(0, len(alike), together):
            yield alike[start : start + together]


def decode_codes(task: Reconstruction, codes: Array, shape: tuple[int, int, int] | None = None) -> Array:
    """Images float32 (N, H, W, K), 1 is white, of codes.

    Args:
        task: With an autoencoder.
        codes: (N, L).
        shape: (D, h, w) of a map of codes, L = D*h*w; None: one code each, L = D.
    """
    task.eval()
    numbers = torch.from_numpy(np.ascontiguousarray(codes)).float().reshape(len(codes), *(shape or (-1, 1, 1)))
    with torch.inference_mode():
        images = [task.decode(some.to(task.device)).cpu() for some in torch.split(numbers, 64)]
    return np.asarray(torch.cat(images).permute(0, 2, 3, 1).numpy())
