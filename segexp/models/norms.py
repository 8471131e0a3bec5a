"""Normalisation between convolution and activation, chosen by name."""

from typing import Literal

from torch import nn

from segexp.config.checks.built_words import check_word

Norm = Literal["none", "batch", "group", "instance"]


def make_norm(name: Norm, channels: int) -> list[nn.Module]:
    """The layer for a feature map (B, channels, H, W), as a list that is empty for ``none``.

    Raises:
        ConfigError: The name is unknown.
    """
    check_word("norm", name, Norm)
    match name:
        case "none":
            return []
        case "batch":
            return [nn.BatchNorm2d(channels)]
        case "group":
            return [nn.GroupNorm(group_count(channels), channels)]
        case "instance":
            return [nn.InstanceNorm2d(channels, affine=True)]


def group_count(channels: int) -> int:
    """Most groups that divide the channels, at most 32 and of at least 4 channels each.

    32 is the default of Wu & He 2018; 4 channels a group keep narrow ones from
    becoming instance norm.
    """
    return next(count for count in range(min(32, max(channels // 4, 1)), 0, -1) if channels % count == 0)
