"""A task whose weights, gradients and optimiser state are divided between ranks (FSDP)."""

import copy

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor

from segexp.tasks.base import BaseTask

LARGE = 1_000_000
"""Weights from which on a part of the model is gathered by itself; smaller ones come with the part around them."""


class ShardedTask(BaseTask):
    """Each rank holds its part of every weight; a part of the model is gathered while it computes (Zhao et al. 2023).

    While it validates, each rank holds the whole model: ranks see different numbers of images and windows, and could
    not gather together. The test is done by one process with an ordinary model.
    """

    sharded = True

    def configure_model(self) -> None:
        """Divides the weights; called by Lightning when all ranks are there, before the optimiser is made."""
        if not self.sharded or isinstance(self.model, FSDPModule):
            return
        mesh: DeviceMesh = self.device_mesh["data_parallel"]  # type: ignore[index] # set by the strategy
        self._whole = [copy.deepcopy(self.model)] if self.global_rank == 0 else []
        shard(self.model, mesh)

    def on_validation_epoch_start(self) -> None:
        """Gathers all weights."""
        super().on_validation_epoch_start()
        for part in self._parts():
            part.set_reshard_after_forward(False, recurse=False)
            part.unshard()

    def on_validation_epoch_end(self) -> None:
        """Logs, and gives the weights of other ranks back."""
        super().on_validation_epoch_end()
        for part in self._parts():
            part.reshard()
            part.set_reshard_after_forward(True, recurse=False)

    def _parts(self) -> list[FSDPModule]:
        return [part for part in self.model.modules() if isinstance(part, FSDPModule)]

    def gather_weights(self) -> None:
        """After fitting, on rank 0: an ordinary model again, with the weights of the start; best ones are read next."""
        (self.model,) = self._whole
        self._whole = []
        self.sharded = False


def sharded_class(task: type[BaseTask]) -> type[BaseTask]:
    """Makes a subclass of a task whose weights are divided between ranks."""
    return type(f"Sharded{task.__name__}", (ShardedTask, task), {})


def shard(model: nn.Module, mesh: DeviceMesh) -> None:
    """Divides a model: large parts each by themselves, from the inside out, then what is left as one."""
    for part in reversed(list(model.modules())):
        left = sum(weight.numel() for weight in part.parameters() if not isinstance(weight, DTensor))
        # A list of layers computes nothing: nobody would gather it.
        callable_part = not isinstance(part, nn.ModuleList | nn.ModuleDict)
        if part is model or (callable_part and left >= LARGE):
            fully_shard(part, mesh=mesh)
