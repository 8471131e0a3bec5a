"""Mean and standard deviation of single images, for data whose light differs from image to image."""

import torch
from torch import Tensor

DARK = 0.1
"""Pixels whose brightest channel is below this share of the image's maximum are left out: a black surround says
nothing about the light inside a field of view. The rule looks at the image alone, so it holds at prediction too."""


def image_statistics(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per image and channel over all but the dark pixels.

    Args:
        image: any integer or float type (B, C, H, W), 0 or more.

    Returns:
        float32 (B, C) each, in units of the image; the deviation is at least 1.
    """
    values = image.float().flatten(2)
    brightest = values.amax(dim=1, keepdim=True)
    counted = (brightest >= DARK * brightest.amax(dim=2, keepdim=True)).float()
    number = counted.sum(dim=2)
    mean = (values * counted).sum(dim=2) / number
    variance = ((values - mean[..., None]).square() * counted).sum(dim=2) / number
    return mean, variance.sqrt().clamp(min=1.0)


def batch_statistics(image: Tensor) -> Tensor:
    """:func:`image_statistics` stacked: float32 (B, 2, C), the mean first."""
    return torch.stack(image_statistics(image), dim=1)
