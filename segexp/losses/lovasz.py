"""Lovasz: the surface that holds the Jaccard loss of hard decisions at its corners."""

from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from segexp.config.checks.built_words import check_word
from segexp.losses.base import SegmentationLoss
from segexp.losses.overlap import has_valid
from segexp.losses.targets import class_numbers
from segexp.spec import IGNORED, DataSpec


class Lovasz(SegmentationLoss):
    """Lovász extension of the Jaccard loss at the errors of the pixels (Berman et al. 2018).

    The errors e of the valid pixels are sorted, largest first; each is multiplied by the rise of 1 - IoU when the
    pixels up to it are counted as wrong, and the products are summed (equations 8 and 9).

    Activation: none for two classes (K = 1), the Lovász hinge of the foreground: e = max(0, 1 - x s) with s = 1 in
    the foreground, else -1 (equation 11); softmax for more (K > 1), the Lovász softmax: e = |t - p| for each class,
    and the mean over classes (equation 13).

    A class absent from the truth: with ``classes=present`` it is left out of the mean; with ``all``, and for the
    foreground of two classes, its loss is the largest error alone.

    Args:
        per_image: Mean of each image's own loss instead of one loss of the whole batch; images without a
            valid pixel are left out.
        classes: For K > 1, the mean over the classes ``present`` in the truth (of the image or batch), or over
            ``all``.
    """

    exceptions = MappingProxyType(
        {
            "every_pixel": "a hinge is flat where a pixel is right by a margin of 1 or more",
            "absent_class": "only the largest error counts where the truth has no foreground",
        }
    )

    def __init__(self, per_image: bool = False, classes: Literal["present", "all"] = "present") -> None:
        super().__init__()
        check_word("classes", classes, Literal["present", "all"])
        self.per_image, self.only_present = per_image, classes == "present"

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss of 0 or more of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        ignored = (mask == IGNORED).unsqueeze(1)
        errors, truth = _errors(logits, mask, ignored)
        if not self.per_image:
            errors, truth = (x.transpose(0, 1).flatten(1).unsqueeze(0) for x in (errors, truth))
        # Stable, so that the gradient of equal errors is the same on every device.
        ordered, order = errors.sort(dim=2, descending=True, stable=True)
        losses = (ordered.relu() * jaccard_steps(truth.gather(2, order))).sum(dim=2)
        taken = truth.any(dim=2) if self.only_present and logits.shape[1] > 1 else torch.ones_like(losses).bool()
        mean = (losses * taken).sum(dim=1) / taken.sum(dim=1).clamp(min=1)
        counts = has_valid(ignored, self.per_image)
        return mean.masked_fill(~counts, 0.0).sum() / counts.sum().clamp(min=1)

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes."""


def _errors(logits: Tensor, mask: Tensor, ignored: Tensor) -> tuple[Tensor, Tensor]:
    """Errors float32 and truth bool, both (B, K, P); an ignored pixel is no member and comes after all others."""
    filled = logits.float().masked_fill(ignored, 0.0)
    channels = logits.shape[1]
    if channels == 1:
        truth = (mask == 1).unsqueeze(1)
        errors = 1.0 - filled * (2.0 * truth.float() - 1.0)
    else:
        classes = torch.arange(channels, device=mask.device).view(1, -1, 1, 1)
        truth = (class_numbers(mask).unsqueeze(1) == classes) & ~ignored
        errors = (truth.float() - torch.softmax(filled, dim=1)).abs()
    # Lower than any error: a hinge can be far below 0.
    return errors.masked_fill(ignored, torch.finfo(torch.float32).min).flatten(2), truth.flatten(2)


def jaccard_steps(truth: Tensor) -> Tensor:
    """Rise of 1 - IoU as pixels are counted as wrong, one after the other.

    After a missed pixel of the class the intersection is smaller by one, after a false one the union is larger by
    one. The rises come from these counts directly: differences of neighbouring quotients would lose most digits.

    Args:
        truth: bool (..., P): whether a pixel is of the class, in the order of falling errors.

    Returns:
        float32 (..., P), 0 or more.
    """
    # Integers: exact, and a running sum of floats has no deterministic kernel on CUDA.
    missed = truth.cumsum(-1, dtype=torch.int32)
    size = missed[..., -1:]
    false_before = torch.arange(truth.shape[-1], device=truth.device, dtype=torch.int32) - missed + truth.int()
    union = (size + false_before).float()
    left = (size - missed).float()
    step = torch.where(truth, 1.0, left / (union + 1.0)) / union.clamp(min=1.0)
    # Nothing is there and nothing was found so far: the first false pixel takes 1 - IoU from 0 to 1.
    return torch.where(union == 0, 1.0, step)
