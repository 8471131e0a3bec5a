"""A torch module as a function of arrays."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

Run = Callable[[NDArray[Any]], tuple[NDArray[np.float32], NDArray[np.uint8]]]
"""From raw images (B, C, H, W) to probabilities (B, K, H, W) and classes (B, H, W)."""


def run_on_arrays(module: Callable[[Any], Any]) -> Run:
    """Raw images (B, C, H, W) to probabilities and classes."""

    @torch.inference_mode()
    def run(images: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        probabilities, mask = module(torch.from_numpy(images))
        return probabilities.numpy(), mask.numpy()

    return run
