"""The exported graph of a task that is no segmentation: raw pixels in, what the task gives of its outputs out."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from segexp.inference.export.graph import TraceableNormalize, pixel_type, plain_copy
from segexp.tasks.base import BaseTask
from segexp.tasks.dense import DenseTask

FREE: Mapping[int, Any] = {0: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.AUTO, 3: torch.export.Dim.AUTO}
"""Any number of images; of any height and width where the network is free of them."""


class DeployedTask(nn.Module):
    """A task without training, windows and views: its ``forward``, scaling inside, then its ``deployed``.

    Attributes:
        output_names: The one output.
        axes: Which axes of its input may have another length than the traced one.
        spec: Target and channels.
        side: Height and width, in pixels, of the images that it is traced with.
    """

    def __init__(self, task: BaseTask, side: tuple[int, int] = (64, 64)) -> None:
        """Copies the network; that of ``task`` stays as it is."""
        super().__init__()
        self.task = task.twin()
        self.task.model = plain_copy(task.model)
        self.task.scale = TraceableNormalize(task.scale)  # type: ignore[assignment] # scales as the other one
        self.output_names, self.axes = (task.output_name,), FREE
        self.spec, self.side = task.spec, side
        self.eval()

    def forward(self, image: Tensor) -> tuple[Tensor]:
        """Computes what the task gives of raw images.

        Args:
            image: Raw pixels as they are in a file, integers (B, C, H, W).

        Returns:
            float32 (B, K, ...).
        """
        outputs = self.task(image.to(torch.float32)).float()
        if isinstance(self.task, DenseTask):
            outputs = self.task.judged(outputs)
        return (self.task.deployed(outputs),)

    def networks(self) -> list[nn.Module]:
        """The network of the task."""
        return [self.task.model]

    def example(self) -> Tensor:
        """Gives a batch of zeros to trace with, (2, C, H, W)."""
        return torch.zeros((2, self.spec.in_channels, *self.side), dtype=pixel_type(self.spec))

    def program(self) -> torch.export.ExportedProgram:
        """Exports the graph with ``torch.export``."""
        with torch.no_grad():
            return torch.export.export(self, (self.example(),), dynamic_shapes={"image": dict(FREE)}, strict=False)
