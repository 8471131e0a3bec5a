"""The outputs of raw images: scaling, the network, and the numbers it computes in."""

import contextlib
from typing import Any

import torch
from torch import Tensor, nn

from segexp.models.auxiliary import Supervised
from segexp.models.sizes import same_size
from segexp.tasks.hooks import TaskHooks
from segexp.tasks.normalize import Normalize
from segexp.tasks.speed import Speed

WEIGHT_TYPES = (torch.float16, torch.bfloat16, torch.float64)
"""Numbers that weights have beside float32, as ``trainer.precision`` asks for."""


class ForwardPass(TaskHooks):
    """A task as far as its network goes.

    Attributes:
        model: Float image (B, C, H, W) to outputs with K channels.
        scale: Makes of raw images what the model takes.
        speed: Faster settings in force.
    """

    model: nn.Module
    scale: Normalize
    speed: Speed

    def forward(self, image: Tensor, stats: Tensor | None = None) -> Tensor:
        """Outputs of raw images.

        Args:
            image: uint8 or uint16 (B, C, H, W).
            stats: float32 (B, 2, C) of the whole images, for crops of them; see :class:`Normalize`.

        Returns:
            float (B, K, ...), of dense outputs (B, K, H, W) of the image's size.
        """
        outputs = self.outputs(image, stats)
        return outputs.logits if isinstance(outputs, Supervised) else outputs

    def outputs(self, image: Tensor, stats: Tensor | None = None) -> Tensor | Supervised:
        """Runs the model like :meth:`forward`, but gives the auxiliary logits of training mode too."""
        scaled = self.scale(image, stats)
        own = next((weight.dtype for weight in self.model.parameters()), scaled.dtype)
        return same_size(self.model, scaled.to(own) if own in WEIGHT_TYPES else scaled)

    def evaluated(self, image: Tensor) -> Tensor:
        """Outputs of whole images as they are judged, the same in validation, test and prediction, float32.

        Mixed precision is for training: the network sees them in the numbers of its weights.
        """
        with torch.autocast(image.device.type, enabled=False):
            outputs: Tensor = self(image).float()
        return outputs

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Context of training in bfloat16; what ``trainer.precision`` asks for Lightning has put around it."""
        if not self.speed.bfloat16:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)
