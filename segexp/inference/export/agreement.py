"""Compares an exported file with PyTorch: probabilities and classes of the same images."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from segexp.errors import SegexpError
from segexp.inference.export.format import ExportedCall
from segexp.inference.model import Model
from segexp.spec import DataSpec

TOLERANCE = 1e-4
"""How far probabilities may differ: float32 sums in another order."""

UNDECIDED = 1e-5
"""Pixels may be of another class where the two sides are so close that rounding decides."""

SIZES = ((1, 96, 72), (3, 75, 107))
"""Drawn batches (images, height, width); other sizes than the one that is traced, one of them odd."""


class ExportFailed(SegexpError):
    """The exported file does not compute what the model does, or could not be made."""


class AnyAgreement(ABC):
    """Result of comparing an exported file with PyTorch.

    Attributes:
        largest: Largest difference of an output.
    """

    largest: float

    @property
    @abstractmethod
    def agrees(self) -> bool:
        """True if all differences are within the tolerances; nan is not."""

    @abstractmethod
    def words(self) -> str:
        """Describes the result in one line."""

    @abstractmethod
    def facts(self) -> dict[str, float]:
        """Plain values for the JSON beside the file."""

    @abstractmethod
    def __add__(self, other: Self) -> Self:
        """Both together."""


@dataclass
class Agreement(AnyAgreement):
    """Result for a segmentation.

    Attributes:
        images: Number compared.
        pixels: Number compared.
        largest: Largest difference of a probability.
        other_class: Pixels of another class, though not within :data:`UNDECIDED` of the border.
        undecided: Pixels of another class within it.
    """

    images: int = 0
    pixels: int = 0
    largest: float = 0.0
    other_class: int = 0
    undecided: int = 0

    @property
    def agrees(self) -> bool:
        """True if all differences are within the tolerances; nan is not."""
        return self.largest <= TOLERANCE and self.other_class == 0

    def add(self, expected: tuple[NDArray[Any], ...], found: tuple[NDArray[Any], ...], margin: NDArray[Any]) -> None:
        """Counts a batch.

        Args:
            expected: Probabilities (B, K, H, W) and classes (B, H, W) of PyTorch.
            found: Those of the file.
            margin: How far each pixel's probability is from another class, (B, H, W).
        """
        shapes = [part.shape for part in found], [part.shape for part in expected]
        if shapes[0] != shapes[1]:
            raise ExportFailed(f"the exported file gives {shapes[0]}, PyTorch {shapes[1]}")
        # Unlike max(), numpy's keeps a nan.
        self.largest = float(np.maximum(self.largest, np.abs(found[0] - expected[0]).max()))
        other = found[1] != expected[1]
        self.images += len(other)
        self.pixels += other.size
        self.undecided += int((other & (margin <= UNDECIDED)).sum())
        self.other_class += int((other & (margin > UNDECIDED)).sum())

    def __add__(self, other: Self) -> Self:
        largest = float(np.maximum(self.largest, other.largest))
        sums = [getattr(self, name) + getattr(other, name) for name in ("images", "pixels", "other_class", "undecided")]
        return type(self)(sums[0], sums[1], largest, sums[2], sums[3])

    def facts(self) -> dict[str, float]:
        """Plain values for the JSON beside the file."""
        return asdict(self)

    def words(self) -> str:
        """Describes the result in one line."""
        text = f"{self.images} images, {self.pixels:,} pixels: probabilities differ by at most {self.largest:.1e}"
        text += f", {self.other_class} pixels of another class"
        return text + (f" and {self.undecided} within {UNDECIDED} of the border" if self.undecided else "")


def compare_with_pytorch(model: Model, run: ExportedCall, batches: Iterable[NDArray[Any]]) -> Agreement:
    """Runs PyTorch and the exported file on raw batches (B, C, H, W), and counts where they differ.

    Args:
        model: Sees images whole and in one view, as the file does.
        run: The file.
        batches: Raw images.
    """
    agreement = Agreement()
    for images in batches:
        expected = run_pytorch(model, images)
        agreement.add(expected, run(images), margin(expected[0], model))
    return agreement


@torch.inference_mode()
def run_pytorch(model: Model, images: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Computes probabilities (B, K, H, W) and classes (B, H, W) as evaluation and prediction do."""
    module = model.module
    logits = module.evaluated(torch.from_numpy(images).to(model.device))
    return module.probabilities(logits).cpu().numpy(), module.classify(logits, module.threshold).cpu().numpy()


def margin(probabilities: NDArray[Any], model: Model) -> NDArray[Any]:
    """Measures the distance to the threshold, or between the two most probable classes: (B, H, W)."""
    if model.threshold is not None:
        return np.asarray(np.abs(probabilities[:, 0] - model.threshold))
    most = np.sort(probabilities, axis=1)
    return np.asarray(most[:, -1] - most[:, -2])


def noise_batches(spec: DataSpec, dtype: np.dtype[Any]) -> list[NDArray[Any]]:
    """Draws batches of noise in the sizes of :data:`SIZES`, integers (B, C, H, W)."""
    rng = np.random.default_rng(0)
    return [
        rng.integers(0, np.iinfo(dtype).max, (number, spec.in_channels, *size), dtype, endpoint=True)
        for number, *size in SIZES
    ]
