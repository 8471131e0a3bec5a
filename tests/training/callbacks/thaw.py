"""A callback below Lightning's BaseFinetuning, as its documentation shows one."""

from typing import Any

from lightning.pytorch.callbacks import BaseFinetuning
from torch.optim import Optimizer


class Thaw(BaseFinetuning):
    """Freezes the first layers until an epoch, then adds them to the optimiser."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch
        self.groups: list[int] = []

    def freeze_before_training(self, pl_module: Any) -> None:
        self.freeze(pl_module.model.encoder)

    def finetune_function(self, pl_module: Any, epoch: int, optimizer: Optimizer) -> None:
        if epoch == self.epoch:
            self.unfreeze_and_add_param_group(pl_module.model.encoder, optimizer)
        self.groups.append(len(optimizer.param_groups))
