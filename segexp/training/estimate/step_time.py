"""Seconds of a training step: forward, loss, backward and optimiser on a batch that is there already."""

import time

import torch
from torch import Tensor

from segexp.data.sampling.samples import Batch
from segexp.losses.base import TOTAL
from segexp.models.auxiliary import Supervised
from segexp.tasks.base import BaseTask

MIXED = {"16-mixed": torch.float16, "bf16-mixed": torch.bfloat16}
WARM_UP = 2
"""Steps before the clock starts: the first ones take memory and choose algorithms."""


def seconds_per_step(
    module: BaseTask,
    batch: Batch,
    device: str,
    seconds: float,
    precision: str | None = None,
    *,
    warm_up: int = WARM_UP,
    least: int = 3,
) -> float:
    """The mean over about ``seconds``; the weights of the module are trained by it.

    Args:
        module: Built as for a training.
        batch: Raw images and masks.
        device: ``cpu``, ``cuda`` or ``mps``.
        seconds: How long to measure.
        precision: ``trainer.precision``; of a mixed one the network alone computes in it, as when training.
        warm_up: Steps before.
        least: Steps that are measured in any case.
    """
    numbers = MIXED.get(precision or "", torch.bfloat16 if module.speed.bfloat16 else None)
    module.to(device).train()
    image, target = batch["image"].to(device), module.target_of(batch).to(device)
    stats = batch["stats"].to(device) if "stats" in batch else None
    optimizer = module.make_optimizer()
    for _ in range(warm_up):
        _step(module, optimizer, image, target, stats, numbers)
    begin, steps = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds or steps < least:
        _step(module, optimizer, image, target, stats, numbers)
        steps += 1
    return (time.perf_counter() - begin) / steps


def train_once(module: BaseTask, batch: Batch, device: str, precision: str | None = None) -> None:
    """Does a single step; the weights of the module are trained by it.

    Args:
        module: Built as for a training.
        batch: Raw images and masks.
        device: ``cpu``, ``cuda`` or ``mps``.
        precision: ``trainer.precision``.
    """
    seconds_per_step(module, batch, device, 0.0, precision, warm_up=0, least=1)


def _step(
    module: BaseTask,
    optimizer: torch.optim.Optimizer,
    image: Tensor,
    target: Tensor,
    stats: Tensor | None,
    numbers: torch.dtype | None,
) -> None:
    with torch.autocast(image.device.type, dtype=numbers, enabled=numbers is not None):
        outputs = module.outputs(image, stats)
    logits = outputs.logits if isinstance(outputs, Supervised) else outputs
    loss = module.loss_terms(logits, target)[TOTAL]
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call] # torch's own
    optimizer.step(loss.item)  # some, such as LBFGS, ask for the loss
    # Waits for the device, or only the time to ask for the step would be measured.
    loss.item()
