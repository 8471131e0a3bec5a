"""Running statistics as they were before a step, to be put back where the step is left out."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class StepBuffers:
    """Values of the buffers of a module at the begin of a step."""

    def __init__(self) -> None:
        """Holds none yet."""
        self._kept: list[Tensor] = []
        self._of: list[int] = []

    def keep(self, module: nn.Module) -> None:
        """Copies the values of now, in place of those before."""
        buffers = list(module.buffers())
        if [id(buffer) for buffer in buffers] != self._of:
            self._kept, self._of = [buffer.detach().clone() for buffer in buffers], [id(buffer) for buffer in buffers]
            return
        for buffer, before in zip(buffers, self._kept, strict=True):
            before.copy_(buffer)

    @torch.no_grad()
    def put_back(self, module: nn.Module) -> None:
        """Gives the module the values that were kept."""
        for buffer, before in zip(module.buffers(), self._kept, strict=False):
            buffer.copy_(before)

    def state(self) -> list[Tensor]:
        """The values, for a checkpoint that is written within a step of several batches."""
        return [value.clone() for value in self._kept]

    def load(self, values: Sequence[Tensor]) -> None:
        """Takes over the values of such a checkpoint."""
        self._kept, self._of = list(values), []
