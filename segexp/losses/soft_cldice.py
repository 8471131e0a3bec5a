"""SoftClDice: overlap of centre lines, for thin and connected structures."""

from types import MappingProxyType

import torch
from torch import Tensor

from segexp.losses.activations import probabilities
from segexp.losses.base import SegmentationLoss
from segexp.losses.overlap import group_mean, group_sum, has_valid
from segexp.losses.skeleton import soft_skeleton
from segexp.losses.targets import foreground, one_hot
from segexp.spec import IGNORED, DataSpec
from segexp.types import NonNegativeInt, PositiveFloat


class SoftClDice(SegmentationLoss):
    """1 - 2 Q R / (Q + R), with the share Q of the predicted skeleton in the truth and R of the true one in p.

    Q = (sum of S(p) t + s) / (sum of S(p) + s), R = (sum of S(t) p + s) / (sum of S(t) + s), S the soft skeleton.
    Shit et al. 2021, section 3 and algorithm 2. Ignored pixels are as the world beyond the border of the image. A
    map of one constant value has no skeleton, so Q says nothing about it: beside Dice or a cross-entropy it works
    better than alone, as in the paper.

    Activation: sigmoid (K = 1), of the foreground; softmax (K > 1), and the loss is the mean over the classes but
    the first. Sums run over the valid pixels of the batch, or of each image.

    A class absent from the truth stays in the mean: R is 1 there, and Q falls with the skeleton that is predicted.

    Args:
        iterations: Erosions; at least the radius of the widest structure in pixels. Each costs as much again.
        smooth: s, in pixels.
        include_background: Whether class 0 takes part too; without effect for two classes.
        per_image: Mean of each image's own loss instead of one loss of the whole batch; images without a
            valid pixel are left out.
    """

    exceptions = MappingProxyType(
        {
            "pixel_order": "it looks at the shape",
            "every_pixel": "only skeletons and what they touch have a part in the loss",
            "absent_class": "only skeletons have a part in the loss",
        }
    )

    def __init__(
        self,
        iterations: NonNegativeInt = 5,
        smooth: PositiveFloat = 1.0,
        include_background: bool = False,
        per_image: bool = False,
    ) -> None:
        super().__init__()
        self.iterations, self.smooth = iterations, float(smooth)
        self.include_background, self.per_image = include_background, per_image

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss in [0, 1] of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        channels = logits.shape[1]
        first = 0 if channels == 1 or self.include_background else 1
        outside = (mask == IGNORED).unsqueeze(1)
        predicted = probabilities(logits, outside)[:, first:]
        truth = foreground(mask).unsqueeze(1) if channels == 1 else one_hot(mask, channels)[:, first:]
        with torch.no_grad():
            lines = soft_skeleton(truth, outside, self.iterations)
        precision = self._share(soft_skeleton(predicted, outside, self.iterations), truth)
        recall = self._share(lines, predicted)
        losses = 1.0 - 2.0 * precision * recall / (precision + recall)
        return group_mean(losses, has_valid(outside, self.per_image))

    def _share(self, skeleton: Tensor, region: Tensor) -> Tensor:
        """Share of a skeleton that lies in a region, float32 (G, C) in (0, 1]."""
        inside = group_sum(skeleton * region, self.per_image)
        return (inside + self.smooth) / (group_sum(skeleton, self.per_image) + self.smooth)

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes."""
