"""Masks as float targets, in as few passes over the pixels as possible."""

import torch
from torch import Tensor

from segexp.spec import IGNORED


def foreground(mask: Tensor) -> Tensor:
    """1 at class 1, 0 at class 0 and at ignored pixels: uint8 (B, H, W) of 0, 1 and 255 -> float32.

    As int8 the ignored 255 is -1, and clamping is ten times faster on a CPU than comparing with 1.
    """
    return mask.byte().view(torch.int8).clamp(min=0).float()


def has_ignored(mask: Tensor) -> bool:
    """Tells whether a pixel of a uint8 mask may be 255; looked up on a CPU, where the largest value costs little.

    On a GPU the answer is True without a look, which would wait for all that is under way.
    """
    return mask.device.type != "cpu" or (mask.numel() > 0 and int(mask.amax()) == IGNORED)


def one_hot(mask: Tensor, num_classes: int) -> Tensor:
    """1 at the pixels of each class, 0 elsewhere: uint8 (B, H, W) -> float32 (B, K, H, W)."""
    classes = torch.arange(num_classes, device=mask.device, dtype=torch.uint8).view(1, -1, 1, 1)
    return (mask.unsqueeze(1) == classes).float()


def class_numbers(mask: Tensor) -> Tensor:
    """Class numbers to index with, 0 at ignored pixels: uint8 (B, H, W) -> int64."""
    return mask.masked_fill(mask == IGNORED, 0).long()
