"""Scaling of raw images on the device: images travel as uint8, a quarter of the bytes."""

import torch
from torch import Tensor, nn

from segexp.image_statistics import batch_statistics
from segexp.spec import DataSpec


class Normalize(nn.Module):
    """(image - mean) / std per channel, with the numbers of the data spec or with each image's own."""

    mean: Tensor
    std: Tensor

    def __init__(self, spec: DataSpec, *, channels_last: bool) -> None:
        """Keeps mean and std as buffers; they are saved with the spec, not with the weights.

        Args:
            spec: Mean and standard deviation in units of the raw image.
            channels_last: Memory order of the result.
        """
        super().__init__()
        self.per_image = spec.scaling == "image"
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        for name in ("mean", "std"):
            values = torch.tensor(getattr(spec, name), dtype=torch.float32)[None]
            self.register_buffer(name, values, persistent=False)
        self._exact = spec.mean, spec.std

    def forward(self, image: Tensor, stats: Tensor | None = None) -> Tensor:
        """Scales a batch.

        Args:
            image: Raw (B, C, H, W) of any integer type.
            stats: float32 (B, 2, C), mean and deviation of the whole images that these are crops of; None: the
                images are whole.

        Returns:
            float32 (B, C, H, W).
        """
        mean, std = self.mean, self.std
        if mean.dtype in (torch.float16, torch.bfloat16):
            # With the weights, Lightning has shortened them to three digits.
            mean, std = (torch.tensor(values, device=image.device)[None] for values in self._exact)
        if self.per_image:
            stats = batch_statistics(image) if stats is None else stats
            mean, std = stats[:, 0], stats[:, 1]
        return _scaled(image, 1 / std, -mean / std).contiguous(memory_format=self.layout)


def _scaled(image: Tensor, factor: Tensor, offset: Tensor) -> Tensor:
    """``image * factor + offset`` per channel, factor and offset (1 or B, C).

    Works on whole rows of interleaved channels, which is how batches lie in memory: a channel axis of length 3 as the
    innermost one cannot be vectorised, and costs six times as much on a CPU.
    """
    batch, channels, height, width = image.shape
    rows = image.permute(0, 2, 3, 1).reshape(batch, height, width * channels).to(torch.float32)
    scaled = torch.addcmul(offset.repeat(1, width)[:, None], rows, factor.repeat(1, width)[:, None])
    return scaled.view(batch, height, width, channels).permute(0, 3, 1, 2)
