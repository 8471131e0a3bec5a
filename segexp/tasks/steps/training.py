"""The training of a task: the step on one or several ranks, what is logged of it, optimiser and schedule."""

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from segexp.data.sampling.samples import Batch
from segexp.losses.base import TOTAL
from segexp.models.auxiliary import Supervised
from segexp.tasks.distributed import SharedBatchNorm, all_gather_batch, all_gather_outputs
from segexp.tasks.log_names import named_terms
from segexp.tasks.param_groups import ParamGroups
from segexp.tasks.schedule import Schedule
from segexp.tasks.steps.forward import ForwardPass
from segexp.tasks.steps.planned import optimizer_steps, planned_epochs
from segexp.tasks.steps.trace import StepTrace


class TrainingSteps(ForwardPass):
    """A task as far as it is trained.

    Attributes:
        trace: What the last training step computed; None once it was judged.
    """

    _schedule: Schedule | None
    _param_groups: ParamGroups
    _shares: Callable[[int], Sequence[int]] | None
    _skips_nan: bool

    def __init__(self) -> None:
        """Has trained nothing yet."""
        super().__init__()
        self.trace: StepTrace | None = None
        self._epoch_start = 0.0
        self._rate = 0.0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Computes what is minimised, under bfloat16 autocast where that is on: loss and weighted auxiliary losses.

        ``train/loss`` is the loss of the model's own outputs, comparable with ``val/loss``; what auxiliary outputs add
        is logged as ``train/loss/auxiliary``.

        On several ranks each computes the loss of the whole batch, of which its own samples have a gradient; times
        their number, since gradients are averaged over ranks.
        """
        batch = self.taken(batch)
        # Read here: at the end of the epoch the schedule has moved on.
        self._rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        sizes = None if self._shares is None else self._shares(batch_idx)
        shared = contextlib.nullcontext() if sizes is None else SharedBatchNorm()
        with shared, self.autocast():
            outputs = self.outputs(batch["image"], batch.get("stats"))
        with torch.autocast(self.device.type, enabled=False):
            return self._trained_loss(outputs, self.target_of(batch), sizes)

    def _trained_loss(self, outputs: Tensor | Supervised, target: Tensor, sizes: Sequence[int] | None) -> Tensor:
        """What is minimised, in float32 whatever the network computes in."""
        if sizes is not None:
            outputs, target = all_gather_outputs(outputs, sizes), all_gather_batch(target, sizes)
        if isinstance(outputs, Supervised):
            loss = self._log_loss(outputs.logits, target) + self._log_auxiliary(outputs, target)
        else:
            loss = self._log_loss(outputs, target)
        return loss if sizes is None else loss * len(sizes)

    def _log_loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        terms = self.loss_terms(outputs, target)
        self.trace = StepTrace(outputs.detach(), {name: value.detach() for name, value in terms.items()})
        if self._leaves_out(terms[TOTAL]):
            return terms[TOTAL]
        named = named_terms("train", terms)
        self.log_dict(named, on_step=False, on_epoch=True, batch_size=len(target))
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined] # Trainer sets it
        if (self.global_step + 1) % every == 0:
            of_step = {f"{name}_step": value for name, value in named.items()}
            self.log_dict(of_step, on_step=True, on_epoch=False)
        return terms[TOTAL]

    def _log_auxiliary(self, outputs: Supervised, target: Tensor) -> Tensor:
        """Weighted sum of the losses of the auxiliary logits."""
        pairs = zip(outputs.weights, outputs.auxiliary, strict=True)
        total = torch.stack([weight * self.loss_terms(logits, target)[TOTAL] for weight, logits in pairs]).sum()
        if not self._leaves_out(total):
            self.log("train/loss/auxiliary", total.detach(), on_step=False, on_epoch=True, batch_size=len(target))
        return total

    def _leaves_out(self, loss: Tensor) -> bool:
        """Whether the step of this loss is left out, see ``trainer.on_nan``."""
        return self._skips_nan and not bool(loss.isfinite())

    def on_train_epoch_start(self) -> None:
        """Starts the clock of the epoch."""
        self._epoch_start = time.perf_counter()

    @property
    def epoch_seconds(self) -> float:
        """Seconds that the epoch has taken so far; set where a training goes on within one."""
        return time.perf_counter() - self._epoch_start

    @epoch_seconds.setter
    def epoch_seconds(self, seconds: float) -> None:
        self._epoch_start = time.perf_counter() - seconds

    def on_train_epoch_end(self) -> None:
        """Logs the learning rate of the last batch and the seconds of the epoch; moves a plateau schedule."""
        if self._schedule is not None:
            self._schedule.watch(self.lr_schedulers(), self.current_epoch, self.trainer.callback_metrics)
        self.log_dict({"lr": self._rate, "seconds": self.epoch_seconds})

    def make_optimizer(self) -> Optimizer:
        """The optimiser of all weights that are trained."""
        if not self._param_groups.plain:
            others = [p for name, p in self.named_parameters() if not name.startswith("model.") and p.requires_grad]
            return self._param_groups.optimizer(self._optimizer, self.model, others)
        made: Optimizer = self._optimizer([p for p in self.parameters() if p.requires_grad])
        return made

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule as Lightning wants them."""
        optimizer = self.make_optimizer()
        if self._schedule is None:
            return optimizer
        steps = optimizer_steps(self.trainer)
        epochs = planned_epochs(self.trainer, steps)
        # Without an end in steps, a schedule that is as long as the run was refused.
        scheduler = self._schedule.build(optimizer, steps=1 if math.isinf(steps) else int(steps), epochs=epochs)
        return {"optimizer": optimizer, "lr_scheduler": self._schedule.for_lightning(scheduler)}

    @property
    def schedule(self) -> Schedule | None:
        """Learning-rate schedule; None: a constant rate."""
        return self._schedule
