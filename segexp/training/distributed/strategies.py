"""How Lightning spreads a training over the ranks that are there."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np
import torch
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.strategies import DDPStrategy, ModelParallelStrategy, Strategy
from torch.nn.parallel import DistributedDataParallel

from segexp.config.experiment import Experiment
from segexp.config.schema import TrainerConfig
from segexp.config.signatures.plain_lightning import has_own_data
from segexp.config.trainer import handed_on
from segexp.data.base import ImageDataModule
from segexp.data.items.item import Image
from segexp.errors import ConfigError
from segexp.evaluation.tester import ALONE
from segexp.models.auxiliary import Supervised
from segexp.tasks.base import BaseTask
from segexp.training.distributed.plan import own_device, started
from segexp.training.trainer_parts import build_strategy


def one_process(section: TrainerConfig) -> Mapping[str, Any]:
    """Gives the arguments of a trainer of a single process, devices and strategy, with the block ``trainer``."""
    own = {"strategy": build_strategy(section.strategy, 1)} if isinstance(section.strategy, dict) else {}
    return {"devices": own_device(section), **own}


def check_ranks(experiment: Experiment) -> None:
    """Checks what would fail only when the ranks train.

    Raises:
        ConfigError: A setting does not go with several ranks.
    """
    ranks = experiment.ranks
    if ranks > 1 and experiment.speed.compile:
        raise ConfigError(
            f"speed.compile: found true with {ranks} ranks; a compiled model cannot exchange the statistics of batch "
            "norm, use speed.compile=false"
        )
    averaged = "weight_average" in experiment.callbacks
    if ranks > 1 and averaged and experiment.trainer.strategy == "fsdp":
        raise ConfigError(
            "callbacks.weight_average.decay: averaged weights need the whole model on each rank; use trainer=ddp, or "
            "callbacks.weight_average=null"
        )


def strategy_arguments(section: TrainerConfig, module: BaseTask, datamodule: ImageDataModule) -> Mapping[str, Any]:
    """Arguments of the trainer for fitting: devices, nodes, strategy; ``section`` is the block ``trainer``."""
    place = started()
    if place is None or place.count == 1:
        return one_process(section)
    strategy: Strategy
    if isinstance(section.strategy, dict):
        strategy = build_strategy(section.strategy, place.count)
    elif module.sharded:
        # One file with the whole model, as every other command reads it.
        strategy = ModelParallelStrategy(place.count, 1, save_distributed_checkpoint=False)
    else:
        strategy = _ddp(bool(unused(module, datamodule.train_samples()[0, 0]["image"])))
    return {"devices": place.here, "num_nodes": place.nodes, "strategy": strategy}


def plain_strategy_arguments(experiment: Experiment) -> Mapping[str, Any]:
    """Arguments of the trainer for a LightningModule of the user's own: Lightning's DDP as it is, unless it is said.

    Loaders of the user's own are divided by Lightning; segexp's data sets divide their batches themselves.
    """
    section, place = experiment.trainer, started()
    if place is None or place.count == 1:
        return one_process(section)
    asked = section.strategy
    strategy = build_strategy(asked, place.count) if isinstance(asked, dict) else DDPStrategy()
    divides = has_own_data(experiment.datamodule)
    sampler = handed_on(experiment.plain()["trainer"]).get("use_distributed_sampler", divides)
    return {
        "devices": place.here,
        "num_nodes": place.nodes,
        "strategy": strategy,
        "use_distributed_sampler": sampler,
    }


def trainer_plugins() -> list[Any]:
    """Plugins by which Lightning knows that all processes are there already."""
    place = started()
    return [ALONE()] if place is None or place.count == 1 else [TorchElasticEnvironment()]


def gather_weights(module: BaseTask) -> None:
    """After fitting: a model whose weights were divided is an ordinary one again on rank 0, without them so far."""
    if module.sharded and module.global_rank == 0:
        from segexp.training.distributed.sharded import ShardedTask

        if isinstance(module, ShardedTask):
            module.gather_weights()


_BUFFERS = (
    "forward_sync_buffers"
    if "forward_sync_buffers" in signature(DistributedDataParallel).parameters
    else "broadcast_buffers"
)
"""What DDP calls the sending around of buffers; renamed in PyTorch 2.13."""


def _ddp(unused: bool) -> DDPStrategy:
    """Each rank holds the model; gradients are averaged while they are computed.

    Buffers are not sent around: statistics of batch norm are those of the whole batch on all ranks already.
    """
    buffers: dict[str, Any] = {_BUFFERS: False}
    return DDPStrategy(gradient_as_bucket_view=True, find_unused_parameters=unused, **buffers)


def unused(module: BaseTask, image: Image) -> list[str]:
    """Trained weights that no output depends on; DDP waits for their gradients unless it is told.

    The parts of the model compute what they do in training, auxiliary outputs among it, but its layers (those that hold
    no others) what they do in evaluation: a probe must leave running statistics and random numbers alone.
    """
    wanted = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
    # Two of them: some models refuse to train on one alone.
    images = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].repeat(2, 1, 1, 1)
    modes = {part: part.training for part in module.modules()}
    for part in modes:
        part.training = next(part.children(), None) is not None
    with torch.random.fork_rng(devices=[]):
        outputs = module.outputs(images)
    for part, mode in modes.items():
        part.training = mode
    logits = [outputs.logits, *outputs.auxiliary] if isinstance(outputs, Supervised) else [outputs]
    total = torch.stack([each.sum() for each in logits]).sum()
    found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    return [name for name, gradient in zip(wanted, found, strict=True) if gradient is None]
