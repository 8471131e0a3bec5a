"""The callback that finds steps whose loss or gradient is not finite, and stops there or leaves them out."""

from collections.abc import Mapping, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, distributed
from torch.optim import Optimizer

from segexp.config.experiment import Experiment
from segexp.data.sampling.batches import rank_of
from segexp.errors import DivergedError
from segexp.runs.console import LOG
from segexp.runs.files import replace_file
from segexp.runs.folder import RunFolder
from segexp.tasks.base import BaseTask
from segexp.tasks.distributed import all_objects
from segexp.tasks.speed import Speed
from segexp.tasks.steps.trace import value_range
from segexp.training.nonfinite.buffers import StepBuffers
from segexp.training.nonfinite.causes import Setting, likely_cause
from segexp.training.nonfinite.evidence import SeenBatch, packed, plain_number, recorded
from segexp.training.nonfinite.gradients import all_finite, drop_gradients, gradient_norms, gradients_of, norms_by_part
from segexp.training.nonfinite.step import Step, losses_bad

FOLDER = "not_finite"
"""Folder in the run folder that keeps such steps."""
IN_A_ROW = 10
"""Steps left out one after the other after which training ends all the same."""
KEPT = 20
"""Steps of a run whose batches are kept; those after them are counted and told."""
MANUAL = 64
"""Losses after which a LightningModule that optimizes by itself is taken to step by an optimizer of its own."""


class NonFiniteGuard(Callback):
    """Looks at the loss and the gradient of each step before weights are changed by it.

    With ``stop`` training ends there; with ``skip`` the optimizer step is left out: its gradients are dropped, and
    running statistics that its batches moved are put back. The schedule of the learning rate and the count of steps go
    on, so that the run ends where it would have. Gradients that overflow at the present scale of 16-mixed are the
    scaler's business, which leaves the step out and halves the scale; only at a scale of 1 or less, or with a loss that
    is not finite, they are one of these. On several ranks all leave out a step, or none.

    On a GPU, ``stop`` learns of a step while the next one is computed, so that it is not waited for.

    Attributes:
        skipped: Steps left out so far, before a resume too.
    """

    def __init__(self, folder: RunFolder, setting: Setting) -> None:
        """Keeps what it finds below ``folder``; ``setting`` is of the run."""
        self._folder = folder
        self._setting = setting
        self.skipped = 0
        self._in_a_row = 0
        self._batch: tuple[int, Any] = (0, None)
        self._batches: list[SeenBatch] = []
        self._buffers = StepBuffers()
        self._waiting: tuple[Step, Tensor, torch.cuda.Event] | None = None

    @property
    def leaves_out(self) -> bool:
        """True if steps that are not finite are left out."""
        return self._setting.skips

    # ---- of a checkpoint

    def state_dict(self) -> dict[str, Any]:
        """Gives counts of steps left out, and the facts of a step that is under way; empty where there is neither."""
        counts = {"skipped": self.skipped, "in_a_row": self._in_a_row} if self.skipped else {}
        if not (self._setting.skips and self._batches):
            return counts
        begun = [[seen.number, float(seen.loss)] for seen in self._batches]
        return {**counts, "begun": begun, "buffers": self._buffers.state()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on counting, and in the step that was under way."""
        self.skipped, self._in_a_row = int(state_dict.get("skipped", 0)), int(state_dict.get("in_a_row", 0))
        self._batches = [SeenBatch.earlier(int(number), float(loss)) for number, loss in state_dict.get("begun", [])]
        self._buffers.load(state_dict.get("buffers", []))

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: Any) -> None:
        """Lets no weights be kept that a step has spoiled which is not judged yet."""
        self._judge_waiting(trainer, pl_module)

    # ---- of a step

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Notes the batch, and at the first of a step the running statistics."""
        self._batch = (batch_idx, batch)
        if self._setting.skips and not self._batches:
            self._buffers.keep(pl_module)

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        """Notes the loss."""
        more = getattr(trainer, "accumulate_grad_batches", 1) > 1
        if self._batches:
            self._let_go()
        self._batches.append(SeenBatch.of(*self._batch, loss, getattr(pl_module, "trace", None), more=more))

    def _let_go(self) -> None:
        """Keeps of the batches of a step the last alone, and the first whose loss is not finite."""
        self._batches[-1].let_go()
        if self._batches[-1].batch is not None and any(each.batch is not None for each in self._batches[:-1]):
            self._batches[-1].batch = None

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Forgets what a LightningModule computes whose optimizer Lightning does not know: its steps never come."""
        self._batch = (0, None)
        if len(self._batches) >= MANUAL and not pl_module.automatic_optimization:
            self._batches = []

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: Optimizer
    ) -> None:
        """Judges the step.

        Raises:
            DivergedError: It is not finite, and training stops, or so many were left out one after the other.
        """
        self._judge_waiting(trainer, pl_module)
        if not self._batches:
            return  # a LightningModule that calls backward by itself
        weights, gradients = gradients_of(optimizer)
        scaler = getattr(trainer.precision_plugin, "scaler", None)
        scale = None if scaler is None else float(scaler.get_scale())
        norms = gradient_norms(gradients)
        step = Step(
            trainer.current_epoch, trainer.global_step, [float(g["lr"]) for g in optimizer.param_groups], scale,
            self._batches, weights, norms,
        )  # fmt: skip
        bad = losses_bad(self._batches)
        if gradients and (scale is None or scale <= 1):
            bad = bad | ~all_finite(gradients, norms).to(bad.device)
        self._batches = []
        self._decide(trainer, pl_module, optimizer, step, bad)
        if isinstance(pl_module, BaseTask):
            pl_module.trace = None

    def _decide(
        self, trainer: pl.Trainer, module: pl.LightningModule, optimizer: Optimizer, step: Step, bad: Tensor
    ) -> None:
        """Leaves the step out, ends training, or lets it pass."""
        flag = bad.to(torch.int32)
        if distributed.is_available() and distributed.is_initialized():
            distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        if flag.is_cuda and not self._setting.skips:
            self._waiting = (step, flag.to("cpu", non_blocking=True), recorded())
            return
        if not int(flag):
            self._in_a_row = 0
            return
        if not self._setting.skips:
            raise DivergedError(self._told(trainer, module, step, optimizer))
        self._leave_out(trainer, module, optimizer, step)

    def _judge_waiting(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self._waiting is None:
            return
        (step, flag, event), self._waiting = self._waiting, None
        event.synchronize()
        if int(flag):
            raise DivergedError(self._told(trainer, module, step, None))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Judges the last step."""
        self._judge_waiting(trainer, pl_module)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Judges the last step: weights that it spoiled are not worth a validation."""
        self._judge_waiting(trainer, pl_module)

    # ---- of a step that is not finite

    def _leave_out(self, trainer: pl.Trainer, module: pl.LightningModule, optimizer: Optimizer, step: Step) -> None:
        self.skipped += 1
        self._in_a_row += 1
        message = self._told(trainer, module, step, optimizer)
        if self._in_a_row >= IN_A_ROW:
            raise DivergedError(f"{self._in_a_row} steps in a row were not finite; the last: {message}")
        LOG.warning(f"left out ({self.skipped} so far): {message}")
        drop_gradients(optimizer, scaled=step.scale is not None)
        self._buffers.put_back(module)

    def _told(self, trainer: pl.Trainer, module: pl.LightningModule, step: Step, optimizer: Optimizer | None) -> str:
        """Keeps what is known of a step, and says it in a line; ``optimizer`` None: the step was taken already."""
        seen = next((each for each in step.batches if not bool(each.loss.isfinite())), step.batches[-1])
        trace = getattr(module, "trace", None) if optimizer is not None and seen is step.batches[-1] else None
        if trace is not None:
            seen.ranges = value_range(trace.outputs)
        facts = self._facts(trainer, module, step, seen, taken=optimizer is None)
        cause = likely_cause(facts, self._setting)
        what = "the loss is" if isinstance(facts["loss"], str) else "the gradient is not finite though the loss is"
        facts = {"found": f"{what} {facts['loss']}", "cause": cause.words, "advice": cause.advice, **facts}
        path = self._keep(facts, seen)
        images = _names([sample["image"] for sample in facts["samples"]])
        skip = "" if self._setting.skips else "; trainer.on_nan=skip leaves such steps out"
        kept = f"; {'its' if seen.batch is None else 'the batch and its'} figures: {path}" if path else ""
        return (
            f"{facts['found']} in batch {seen.number + 1} of epoch {step.epoch + 1}{images}: {cause.words}. "
            f"{cause.advice[:1].upper()}{cause.advice[1:]}{skip}{kept}"
        )

    def _facts(
        self, trainer: pl.Trainer, module: pl.LightningModule, step: Step, seen: SeenBatch, *, taken: bool
    ) -> dict[str, Any]:
        """Plain values of a step, of all ranks."""
        own = seen.facts(getattr(trainer, "datamodule", None), step.epoch)
        own["bad_inputs"] = seen.bad_inputs(own["samples"])
        parts = all_objects(own)
        known = {id(weight): name for name, weight in module.named_parameters()}
        names = [known.get(id(weight), "?") for weight in step.weights]
        norms = norms_by_part(names, step.norms.tolist())
        finite = None if taken else all(bool(weight.isfinite().all()) for weight in module.parameters())
        return {
            "epoch": step.epoch,
            "epochs_counted_from": 0,
            "step": step.number,
            "learning_rates": step.rates,
            "precision": self._setting.precision,
            "loss_scale": step.scale,
            **parts[0],
            "samples": [sample for part in parts for sample in part["samples"]],
            "bad_inputs": [name for part in parts for name in part["bad_inputs"]],
            "weights_finite": finite,
            "gradient_norms": {part: plain_number(norm) for part, norm in norms.items()},
        }

    def _keep(self, facts: Mapping[str, Any], seen: SeenBatch) -> str:
        """Writes the facts and the inputs of rank 0; gives the path of the facts, empty where nothing was written."""
        if rank_of()[0] or self.skipped > KEPT:
            return ""
        name = f"{FOLDER}/step_{facts['step']:06d}"
        try:
            if seen.batch is not None:
                replace_file(self._folder.path / f"{name}.npz", packed(seen.arrays()))
            inputs = None if seen.batch is None else f"{name}.npz"
            self._folder.write_json(f"{name}.json", {**facts, "inputs": inputs})
        except OSError as error:
            return f"not kept ({error.strerror})"
        return str(self._folder.path / f"{name}.json")


def guard_steps(experiment: Experiment, folder: RunFolder, speed: Speed | None = None) -> NonFiniteGuard:
    """The guard of a run.

    Args:
        experiment: Of the training.
        folder: Where it keeps what it finds.
        speed: Settings in force; None: of a LightningModule of the user's own.
    """
    section = experiment.trainer
    own = "bfloat16" if speed is not None and speed.bfloat16 else "32-true"
    setting = Setting(
        precision=section.precision or own,
        lr_key="optimizer.lr" if speed is not None else "",
        loss=str(experiment.loss.get("_target_", "")).rpartition(".")[2],
        clipped=section.gradient_clip_val is not None,
        skips=section.on_nan == "skip",
    )
    return NonFiniteGuard(folder, setting)


def skipped_steps(trainer: pl.Trainer) -> dict[str, Any]:
    """Counts the steps left out, for run.json and results.json; empty where training stops at the first."""
    guards = [each for each in trainer.callbacks if isinstance(each, NonFiniteGuard)]  # type: ignore[attr-defined] # Trainer sets it
    return {"skipped_steps": guards[0].skipped} if guards and (guards[0].leaves_out or guards[0].skipped) else {}


def _names(images: Sequence[str]) -> str:
    known = list(dict.fromkeys(images))
    return f" ({', '.join(known[:4])}{', ...' if len(known) > 4 else ''})" if known else ""
