"""Finetuning: a part of the network is frozen at first, or for good, while the rest learns."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import BaseFinetuning
from torch import nn
from torch.optim import Optimizer

from segexp.errors import ConfigError
from segexp.models.parts import find_part
from segexp.runs.console import LOG
from segexp.types import PositiveInt

_KEY = "callbacks.finetuning"


class Finetuning(BaseFinetuning):
    """Freezes a part of the network until an epoch: its weights and running statistics stay bit for bit.

    Lightning's ``BaseFinetuning`` adds the weights to the optimiser when they thaw; schedules that are laid over the
    run (one cycle) know nothing of a group that comes late. Here the optimiser holds all weights from the start, and
    those that are frozen get no gradient: it passes them over, their decay too. What is frozen follows from the epoch
    alone, so a run that goes on needs no state.
    """

    def __init__(self, part: str = "encoder", unfreeze_epoch: PositiveInt | None = None) -> None:
        """Stores the settings.

        Args:
            part: Dotted name of a part of the network; ``encoder`` finds that of every network that has one.
            unfreeze_epoch: Epoch, from 0, from which on the part is trained; None: never.
        """
        super().__init__()
        self.part = part
        self.unfreeze_epoch = unfreeze_epoch
        self._frozen: bool | None = None

    def check(self, model: nn.Module, epochs: int | None) -> None:
        """Compares the settings with a network and the length of a run, before anything is written.

        ``epochs`` of None or -1: the run ends otherwise.

        Raises:
            ConfigError: They do not go together.
        """
        name, part = find_part(model, self.part, f"{_KEY}.part")
        if not any(weight.requires_grad for weight in part.parameters()):
            raise ConfigError(
                f"{_KEY}.part: found {self.part}, but no weight of {name} is trained anyway; leave out this callback, "
                "or model.freeze_encoder"
            )
        inside = {id(weight) for weight in part.parameters()}
        if not any(weight.requires_grad and id(weight) not in inside for weight in model.parameters()):
            raise ConfigError(f"{_KEY}.part: found {self.part}, but {name} holds all weights: none would be trained")
        if self.unfreeze_epoch is not None and 0 < (epochs or -1) <= self.unfreeze_epoch:
            raise ConfigError(
                f"{_KEY}.unfreeze_epoch: found {self.unfreeze_epoch}, but the run has {epochs} epochs, from 0; use a "
                "smaller one, or null: never"
            )

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Does nothing: what is frozen before the optimiser is made would never be in it."""

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Forgets an earlier fit; Lightning would put groups back with the learning rate of the first epoch."""
        self._frozen = None

    def state_dict(self) -> dict[str, Any]:
        """Gives nothing: the epoch says all."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes nothing."""

    def freeze_before_training(self, pl_module: pl.LightningModule) -> None:
        """Freezes the part."""
        self._set(pl_module, frozen=True)

    def finetune_function(self, pl_module: pl.LightningModule, epoch: int, optimizer: Optimizer) -> None:
        """Freezes or thaws the part at the start of an epoch."""
        frozen = self.unfreeze_epoch is None or epoch < self.unfreeze_epoch
        if frozen == self._frozen:
            return
        if frozen:
            self.freeze_before_training(pl_module)
        else:
            self._set(pl_module, frozen=False)
            LOG.info(f"{self.part} is trained from epoch {epoch + 1} on")

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Takes away the gradients of several ranks, which gather those of all weights that they began with."""
        if self._frozen:
            for weight in self._found(pl_module).parameters():
                weight.grad = None

    def _set(self, pl_module: pl.LightningModule, *, frozen: bool) -> None:
        """Sets gradients, and of batch norms and dropout the mode."""
        self._frozen = frozen
        part = self._found(pl_module).train(not frozen)
        if pl_module.trainer.world_size == 1:  # several ranks would wait for gradients that do not come
            part.requires_grad_(not frozen)

    def _found(self, pl_module: pl.LightningModule) -> nn.Module:
        model: Any = pl_module.model
        return find_part(model, self.part, f"{_KEY}.part")[1]
