"""The tasks of checkpoints, built for use: in evaluation mode, without loss and published weights."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from segexp.config.experiment import RunConfig
from segexp.config.schema import ObjectConfig
from segexp.errors import ConfigError, DataError, one_line
from segexp.inference.stored_network import load_network
from segexp.losses.base import SegmentationLoss
from segexp.runs.checkpoints import RunPath, Source, find_sources
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.speed import resolve_speed
from segexp.training.building.task import build_task, read_task
from segexp.training.hardware import device_type
from segexp.windows.settings import Inference

T_co = TypeVar("T_co", bound=BaseTask, covariant=True)


@dataclass(frozen=True)
class RunModel(Generic[T_co]):
    """One checkpoint: its origin, its config, its task, and the scale that an exported file was given."""

    source: Source
    config: RunConfig
    module: T_co
    scale: float | str | None = None


class NoTraining(nn.Module):
    """Stands where the loss of any task must be: a model that is used is not trained."""


class NoLoss(SegmentationLoss):
    """Stands where a loss must be: a model that is used is not trained."""

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Raises RuntimeError: a loaded model is not trained."""
        raise RuntimeError("a loaded model has no loss")

    def check(self, spec: DataSpec) -> None:
        """Accepts any classes."""


def load_members(
    run: RunPath | Sequence[RunPath], checkpoint: str, device: str, trust: Collection[str] = ()
) -> list[RunModel[BaseTask]]:
    """The checkpoints that are named, of any kind of task, on their device; at least one."""
    kind = device_type("gpu" if device == "cuda" else device, "device")
    members = [load_member(source, kind, trust) for source in find_sources(run, checkpoint)]
    for member in members:
        member.module.to(kind)
    return members


def load_member(source: Source, device: str = "cpu", trust: Collection[str] = ()) -> RunModel[BaseTask]:
    """Builds the task of one checkpoint, in evaluation mode; no published weights are read, no network is touched.

    Raises:
        DataError: It is no checkpoint of segexp, or from before there was ``inference``.
        StoredError: Its config asks for more than data may.
    """
    source, run, spec, model, kept = load_network(source, trust)
    try:
        # Compiling takes longer than most predictions.
        speed = resolve_speed(replace(run.speed, compile=False), device, allocator=False)
        task = _task(run.task, model, spec, speed=speed, inference=Inference(**vars(run.inference)))
        task.take_state(kept)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{source.checkpoint}: is no checkpoint of segexp ({one_line(error)})") from error
    return RunModel(source, run, task.eval(), kept.get("scale"))


def segmentations(members: Sequence[RunModel[BaseTask]]) -> list[RunModel[Segmentation]] | None:
    """The members as segmentations; None: the first one is of another kind."""
    return [only_segmentation(member) for member in members] if isinstance(members[0].module, Segmentation) else None


def only_segmentation(member: RunModel[BaseTask]) -> RunModel[Segmentation]:
    """The member as a segmentation.

    Raises:
        ConfigError: It is of another kind.
    """
    if not isinstance(member.module, Segmentation):
        raise ConfigError(
            f"run: {member.source.name} is of kind {member.module.spec.kind}, expected a segmentation; "
            "segexp.load_task loads any kind"
        )
    return RunModel(member.source, member.config, member.module, member.scale)


def _task(section: ObjectConfig, model: nn.Module, spec: DataSpec, **settings: Any) -> BaseTask:
    """The task of a run for use, without a loss."""
    block = read_task(section)
    loss = NoLoss() if issubclass(block.kind, Segmentation) else NoTraining()
    return build_task(block, model=model, loss=loss, spec=spec, optimizer=torch.optim.SGD, **settings)
