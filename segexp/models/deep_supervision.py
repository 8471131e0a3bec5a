"""Deep supervision: logits of the coarse decoder stages, for a loss of their own (Lee et al. 2015)."""

from collections.abc import Sequence
from itertools import count

from torch import Tensor, nn
from torch.nn import functional as F

from segexp.errors import ConfigError
from segexp.models.auxiliary import Supervised


class DeepSupervision(nn.Module):
    """One 1x1 convolution per decoder stage below the finest, its logits resized to those of the model.

    nnU-Net (Isensee et al. 2021) weighs them 0.5, 0.25, ... from the finest down.

    Args:
        channels: Channels of each such stage, from the finest down.
        classes: K.
        weights: One weight per stage, in the same order.

    Raises:
        ConfigError: There are not as many weights as stages.
    """

    def __init__(self, channels: Sequence[int], classes: int, weights: Sequence[float]) -> None:
        super().__init__()
        if len(weights) != len(channels):
            raise ConfigError(
                f"auxiliary_weights={[*weights]}: found {len(weights)} weights, expected {len(channels)}, one for each "
                "decoder stage below the finest, from the finest down; null turns them off"
            )
        self.weights = tuple(float(weight) for weight in weights)
        self.heads = nn.ModuleList(nn.Conv2d(width, classes, kernel_size=1) for width in channels)

    def forward(self, stages: Sequence[Tensor], logits: Tensor, *, padded: bool = True) -> Supervised:
        """The model's logits with those of its coarse stages.

        Args:
            stages: float (B, C, h, w) with 1/2, 1/4, ... of the logits' resolution.
            logits: (B, K, H, W).
            padded: Whether all stages show the same part of the image; if not, the coarse ones show more.
        """
        coarse = [head(stage) for head, stage in zip(self.heads, stages, strict=True)]
        if padded:
            size = (logits.shape[-2], logits.shape[-1])
            resized = [F.interpolate(each, size=size, mode="bilinear", align_corners=False) for each in coarse]
        else:
            resized = [_centre(each, 2**level, logits) for level, each in zip(count(1), coarse, strict=False)]
        return Supervised(logits, tuple(resized), self.weights)


def _centre(coarse: Tensor, scale: int, logits: Tensor) -> Tensor:
    """Enlarge by ``scale`` and cut the middle: unpadded convolutions lose as much at the left as at the right."""
    enlarged = F.interpolate(coarse, scale_factor=scale, mode="bilinear", align_corners=False)
    height, width = logits.shape[-2:]
    top, left = (enlarged.shape[-2] - height) // 2, (enlarged.shape[-1] - width) // 2
    return enlarged[..., top : top + height, left : left + width]
