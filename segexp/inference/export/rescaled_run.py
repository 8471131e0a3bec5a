"""Runs an exported file at the scale that its metadata tell."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from segexp.inference.export.format import ExportedCall
from segexp.trained_sizes import TrainedSizes
from segexp.windows.resampling import resample, resample_image
from segexp.windows.rescale import read_scale


class RescaledRun:
    """An exported file as a function of raw images, which are resampled before it and probabilities after it.

    Attributes:
        threshold: Probability at and above which a pixel is of the second of two classes; None: the most probable one.
        rescale: The scale that the metadata tell; None: images are given as they are.
    """

    def __init__(self, run: ExportedCall, facts: Mapping[str, Any], pixel_size: float | None = None) -> None:
        """Reads the scale.

        Args:
            run: The file, see :meth:`segexp.inference.export.format.ExportFormat.read`.
            facts: Its metadata: ``scale``, ``trained_on``, ``pixel_size``, ``threshold``.
            pixel_size: Side of the pixels of the images in metres; None: unknown.

        Raises:
            ConfigError: They tell no scale that can be.
        """
        trained = facts.get("trained_on")
        sizes = None if trained is None else TrainedSizes.from_dict(trained)
        found = read_scale(facts.get("scale"), sizes, facts.get("pixel_size"))
        self.run = run
        self.rescale = None if found is None else found.at(pixel_size)
        self.threshold: float | None = facts.get("threshold")

    def __call__(self, images: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Runs raw images (B, C, H, W): probabilities float32 (B, K, H, W) and classes uint8 (B, H, W)."""
        height, width = images.shape[-2:]
        seen = (height, width) if self.rescale is None else self.rescale.shape_for(height, width)
        if seen == (height, width):
            return self.run(images)
        smaller = resample_image(torch.from_numpy(images), *seen).numpy()
        probabilities = resample(torch.from_numpy(self.run(smaller)[0]), height, width).numpy()
        if self.threshold is None:
            return probabilities, probabilities.argmax(axis=1).astype(np.uint8)
        return probabilities, (probabilities[:, 0] >= self.threshold).astype(np.uint8)
