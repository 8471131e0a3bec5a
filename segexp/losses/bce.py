"""BCE: binary cross-entropy of the foreground logit."""

from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.errors import ConfigError, MismatchError
from segexp.losses.activations import SURELY_BACKGROUND
from segexp.losses.base import AUTO, SegmentationLoss, describe_classes
from segexp.losses.class_weights import refuse_absent
from segexp.losses.targets import foreground, has_ignored
from segexp.spec import IGNORED, DataSpec
from segexp.types import PositiveFloat


class BCE(SegmentationLoss):
    """Mean over the valid pixels of -w t log s(x) - (1 - t) log(1 - s(x)), s the sigmoid, for two classes.

    Activation: sigmoid. An absent class needs no rule: pixels count, not classes. The mean divides by the
    number of valid pixels in the batch, also with ``pos_weight``.

    Args:
        pos_weight: w, the weight of foreground pixels; None is 1; ``auto``: background pixels over foreground
            pixels of all training images.
    """

    one_logit = True
    pos_weight: Tensor | None

    def __init__(self, pos_weight: PositiveFloat | Literal["auto"] | None = None) -> None:
        super().__init__()
        if isinstance(pos_weight, str):
            check_word("pos_weight", pos_weight, Literal["auto"])
        self._auto = pos_weight == AUTO
        weight = None if pos_weight is None or self._auto else torch.tensor(float(pos_weight))
        # A buffer to follow the device; not persistent, because it belongs to the config and not to the
        # weights.
        self.register_buffer("pos_weight", weight, persistent=False)

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss of logits (B, 1, H, W) and mask uint8 (B, H, W) of 0, 1 and 255 (ignored): float32 scalar."""
        if self._auto and self.pos_weight is None:
            raise ConfigError("loss.pos_weight=auto: call set_counts with the pixels per class before the first step")
        certain, valid = _without_ignored(logits[:, 0].float(), mask)
        total = F.binary_cross_entropy_with_logits(
            certain, foreground(mask), pos_weight=self.pos_weight, reduction="sum"
        )
        return total / valid.clamp(min=1)

    @property
    def needs_counts(self) -> bool:
        """True if ``pos_weight`` is ``auto``."""
        return self._auto

    def set_counts(self, counts: Tensor, spec: DataSpec) -> None:
        """Balances foreground and background if ``pos_weight`` is ``auto``; counts int64 (N, 2).

        Raises:
            MismatchError: One of them is absent from the training images.
        """
        if self._auto:
            refuse_absent(counts, spec, "pos_weight")
            negatives, positives = counts.sum(dim=0).double()
            self.pos_weight = (negatives / positives).float()

    def resolved(self) -> dict[str, Any]:
        """Gives the computed ``pos_weight``; empty unless it is ``auto``."""
        return {"pos_weight": self.pos_weight.item()} if self._auto and self.pos_weight is not None else {}

    def check(self, spec: DataSpec) -> None:
        """Checks that there are two classes with one logit.

        Raises:
            MismatchError: There are more or fewer, or two logits.
        """
        if not spec.is_binary:
            raise MismatchError(f"loss=bce needs two classes, the data has {describe_classes(spec)}: use loss=ce")
        if spec.out_channels != 1:
            raise MismatchError(
                "loss=bce takes one logit, task.two_logits=true gives two: set it to false, or use loss=ce"
            )


def _without_ignored(logits: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Logits with ignored pixels as certain background, and the number of the others.

    One pass, and no weight map in forward or backward; none of both where no pixel is ignored.
    """
    if not has_ignored(mask):
        return logits, torch.tensor(mask.numel())
    ignored = mask == IGNORED
    return torch.where(ignored, SURELY_BACKGROUND, logits), mask.numel() - ignored.count_nonzero()
