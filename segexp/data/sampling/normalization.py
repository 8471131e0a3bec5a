"""What is subtracted from the channels and what they are divided by, for each way of scaling."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from segexp.data.checks.survey import Survey, mean_and_std
from segexp.errors import ConfigError
from segexp.spec import Measures

Normalize = Literal["dataset", "image", "imagenet", "unit"]

IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""Red, green and blue of ImageNet's training images, 0..255 (0.485, 0.456, 0.406 in torchvision)."""
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Their standard deviations (0.229, 0.224, 0.225 in torchvision)."""


def check_normalize(normalize: Normalize, channels: int, dtype: np.dtype[Any]) -> None:
    """Compares the way of scaling with the images.

    Raises:
        ConfigError: ImageNet's values are asked for, and the images are no 8-bit RGB.
    """
    if normalize == "imagenet" and (channels != len(IMAGENET_MEAN) or dtype != np.uint8):
        raise ConfigError(
            f"datamodule.normalize: found imagenet, which is for 8-bit RGB, but the images have {channels} "
            f"channels of {dtype}; use dataset"
        )


def constants(
    normalize: Normalize, surveys: Sequence[Survey], channels: int, dtype: np.dtype[Any]
) -> tuple[Measures, Measures]:
    """Mean and standard deviation per channel in units of the raw image; 0 and the largest number where none apply.

    Args:
        normalize: The way of scaling.
        surveys: Of the training images.
        channels: Of the images.
        dtype: Of the images.
    """
    if normalize == "dataset":
        return mean_and_std(surveys)
    if normalize == "imagenet":
        return IMAGENET_MEAN, IMAGENET_STD
    return (0.0,) * channels, (float(np.iinfo(dtype).max),) * channels
