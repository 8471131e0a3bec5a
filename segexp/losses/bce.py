"""BCE: binary cross-entropy of the foreground logit."""

import torch
from torch import Tensor
from torch.nn import functional as F

from segexp.errors import MismatchError
from segexp.losses.base import SegmentationLoss, describe_classes
from segexp.losses.targets import foreground
from segexp.spec import IGNORED, DataSpec
from segexp.types import PositiveFloat

_SURELY_BACKGROUND = -1e4
"""A logit whose loss against background, and its gradient, are exactly 0 in float32."""


class BCE(SegmentationLoss):
    """Mean over the valid pixels of -w t log s(x) - (1 - t) log(1 - s(x)), s the sigmoid, for two classes.

    An absent class needs no rule: pixels count, not classes. The mean divides by the number of valid pixels
    in the batch, also with ``pos_weight``.

    Args:
        pos_weight: w, the weight of foreground pixels; None is 1.
    """

    pos_weight: Tensor | None

    def __init__(self, pos_weight: PositiveFloat | None = None) -> None:
        super().__init__()
        weight = None if pos_weight is None else torch.tensor(float(pos_weight))
        # A buffer to follow the device; not persistent, because it belongs to the config and not to the
        # weights.
        self.register_buffer("pos_weight", weight, persistent=False)

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss of logits (B, 1, H, W) and mask uint8 (B, H, W) of 0, 1 and 255 (ignored): float32 scalar."""
        ignored = mask == IGNORED
        # Ignored pixels become certain background: one pass, and no weight map in forward or backward.
        certain = torch.where(ignored, _SURELY_BACKGROUND, logits[:, 0].float())
        total = F.binary_cross_entropy_with_logits(
            certain, foreground(mask), pos_weight=self.pos_weight, reduction="sum"
        )
        return total / (mask.numel() - ignored.sum()).clamp(min=1)

    def check(self, spec: DataSpec) -> None:
        """Needs two classes.

        Raises:
            MismatchError: There are more or fewer.
        """
        if not spec.is_binary:
            raise MismatchError(f"loss=bce needs two classes, the data has {describe_classes(spec)}: use loss=ce")
