"""Test-time augmentation: the mean of the logits over flips and quarter turns of the image."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Tta = Literal["none", "flips", "d4"]
Precision = Literal["float32", "bfloat16"]
TURNS: dict[str, tuple[int, ...]] = {"none": (0,), "flips": (0, 2), "d4": (0, 1, 2, 3)}
"""Quarter turns; each is also taken mirrored, but for ``none``. A mirrored half turn is the other flip."""


def augmented(forward: Callable[[Tensor], Tensor], image: Tensor, tta: Tta) -> Tensor:
    """Mean logits over the views of an image, each turned back before the mean.

    Args:
        forward: (B, C, h, w) to logits (B, K, h, w).
        image: (B, C, H, W), not square either.
        tta: ``none``: the image itself; ``flips``: its 4 flips; ``d4``: these and their quarter turns, 8 views.

    Returns:
        float32 logits (B, K, H, W).
    """
    if tta == "none":
        return forward(image).float()
    views = []
    # PyTorch cannot flip 16 bits without a sign; the bits are the same with one.
    bits = image.view(torch.int16) if image.dtype == torch.uint16 else image
    for turns in TURNS[tta]:
        turned = torch.rot90(bits, turns, (-2, -1))
        for mirrored in (False, True):
            view = forward((turned.flip(-1) if mirrored else turned).view(image.dtype)).float()
            views.append(torch.rot90(view.flip(-1) if mirrored else view, -turns, (-2, -1)))
    return torch.stack(views).mean(dim=0)
