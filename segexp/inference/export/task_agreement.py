"""Compares an exported file with PyTorch: the output of a task that is no segmentation."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from segexp.inference.export.agreement import TOLERANCE, AnyAgreement, ExportFailed
from segexp.inference.export.format import ExportedCall
from segexp.inference.task_model import TaskModel

NUMBERS = (1, 3)
"""Images of the drawn batches; the traced one has two."""


@dataclass
class TaskAgreement(AnyAgreement):
    """Result for the output of any task.

    Attributes:
        images: Number compared.
        values: Number compared.
        largest: Largest difference of a value.
        extent: Largest value, without its sign: of outputs far from 1 the difference may be as much larger.
    """

    images: int = 0
    values: int = 0
    largest: float = 0.0
    extent: float = 0.0

    @property
    def agrees(self) -> bool:
        """True if all differences are within 1e-4, of values beyond 1 within that share of them; nan is not."""
        return self.largest <= TOLERANCE * max(1.0, self.extent)

    def add(self, expected: NDArray[Any], found: NDArray[Any]) -> None:
        """Counts a batch (B, K, ...) of PyTorch and of the file."""
        if found.shape != expected.shape:
            raise ExportFailed(f"the exported file gives {found.shape}, PyTorch {expected.shape}")
        # Unlike max(), numpy's keeps a nan.
        self.largest = float(np.maximum(self.largest, np.abs(found - expected).max()))
        self.extent = max(self.extent, float(np.abs(expected).max()))
        self.images += len(expected)
        self.values += expected.size

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.images + other.images,
            self.values + other.values,
            float(np.maximum(self.largest, other.largest)),
            max(self.extent, other.extent),
        )

    def facts(self) -> dict[str, float]:
        """Plain values for the JSON beside the file."""
        return asdict(self)

    def words(self) -> str:
        """Describes the result in one line."""
        return f"{self.images} images, {self.values:,} values: they differ by at most {self.largest:.1e}"


def compare_task(model: TaskModel, run: ExportedCall, batches: Iterable[NDArray[Any]]) -> TaskAgreement:
    """Runs PyTorch and the exported file on raw batches (B, C, H, W), and counts where they differ.

    Args:
        model: Sees images whole and in one view, as the file does.
        run: The file.
        batches: Raw images.
    """
    agreement = TaskAgreement()
    for images in batches:
        agreement.add(run_task(model, images), run(images)[0])
    return agreement


@torch.inference_mode()
def run_task(model: TaskModel, images: NDArray[Any]) -> NDArray[Any]:
    """Computes what a file of the task gives, of outputs as evaluation and prediction have them."""
    task = model.module
    found: NDArray[Any] = task.deployed(task.evaluated(torch.from_numpy(images).to(model.device))).cpu().numpy()
    return found


def noise_of_side(channels: int, side: tuple[int, int], dtype: np.dtype[Any]) -> list[NDArray[Any]]:
    """Draws batches of noise of one height and width, integers (B, C, H, W)."""
    rng = np.random.default_rng(0)
    most = np.iinfo(dtype).max
    return [rng.integers(0, most, (number, channels, *side), dtype, endpoint=True) for number in NUMBERS]
