"""Mean and standard deviation of single images, for data whose light differs from image to image."""

import torch
from torch import Tensor

DARK = 0.1
"""Pixels whose brightest channel is below this share of the image's maximum are left out: a black surround says
nothing about the light inside a field of view. The rule looks at the image alone, so it holds at prediction too."""

BLOCK = 1 << 20
"""Pixels looked at together: as float32, all of a large tile would take a gigabyte."""


def image_statistics(image: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation per image and channel over all but the dark pixels.

    Args:
        image: any integer or float type (B, C, H, W), 0 or more.

    Returns:
        float32 (B, C) each, in units of the image; the deviation is at least 1.
    """
    blocks = torch.split(image.flatten(2), BLOCK, dim=2)
    most = torch.stack([_brightest(block).amax(dim=2) for block in blocks]).amax(dim=0)
    counted = [_brightest(block) >= DARK * most[:, None] for block in blocks]
    number = torch.stack([mask.sum(dim=2) for mask in counted]).sum(dim=0)
    pairs = list(zip(blocks, counted, strict=True))
    mean = torch.stack([(block.float() * mask).sum(dim=2) for block, mask in pairs]).sum(dim=0) / number
    squares = [((block.float() - mean[..., None]).square() * mask).sum(dim=2) for block, mask in pairs]
    return mean, (torch.stack(squares).sum(dim=0) / number).sqrt().clamp(min=1.0)


def _brightest(block: Tensor) -> Tensor:
    """The brightest channel of each pixel, float32 (B, 1, pixels)."""
    return block.float().amax(dim=1, keepdim=True)


def batch_statistics(image: Tensor) -> Tensor:
    """:func:`image_statistics` stacked: float32 (B, 2, C), the mean first."""
    return torch.stack(image_statistics(image), dim=1)
