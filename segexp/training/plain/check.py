"""What a training of any LightningModule would refuse, all at once; nothing is written."""

from dataclasses import replace

import lightning.pytorch as pl

from segexp.config.experiment import Experiment
from segexp.data.base import ImageDataModule
from segexp.data.checks.problems import Problem
from segexp.data.sampling.batches import check_batches
from segexp.training.callbacks.checks import check_finders
from segexp.training.checks.attempts import Attempts
from segexp.training.distributed.plan import check_plain_ranks, count_ranks
from segexp.training.hardware import device_type
from segexp.training.plain.build import build_data, build_module
from segexp.training.plain.resume import check_plain_resume
from segexp.training.resuming.source import checkpoint_of


def find_problems(experiment: Experiment) -> list[Problem]:
    """Builds the module, its parts and the data as a training does, without reading data of the user's own."""
    tries = Attempts(traces=experiment.debug)
    tries.attempt(lambda: check_plain_ranks(experiment))
    ranks = tries.attempt(lambda: count_ranks(experiment.trainer)) or 1
    device = tries.attempt(lambda: device_type(experiment.trainer.accelerator)) or "cpu"
    experiment = replace(experiment, ranks=ranks, device=device)
    callbacks = tries.attempt_surroundings(experiment)
    datamodule = tries.attempt(lambda: build_data(experiment))
    if datamodule is None:
        return tries.problems
    if isinstance(images := datamodule, ImageDataModule):
        tries.attempt(lambda: check_batches(images.samples_per_epoch, images.loader, experiment.ranks))
    module = tries.attempt(lambda: build_module(experiment, datamodule))
    if isinstance(module, pl.LightningModule):
        tries.attempt(lambda: check_finders(callbacks, module, datamodule))
        resumed = replace(experiment, resume=tries.attempt(lambda: checkpoint_of(experiment.resume)))
        tries.attempt(lambda: check_plain_resume(resumed, module))
    return tries.problems
