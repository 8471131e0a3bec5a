"""A training as one frozen value, made once from its checked config and from how it was started."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from segexp.config.schema import InferenceConfig, ObjectConfig, SpeedConfig, TrainConfig, TrainerConfig, default_task
from segexp.config.sections import blocks, plain_block, structured
from segexp.config.signatures.plain_lightning import DATA, comes_from, is_plain, logged_direction
from segexp.config.signatures.task_figures import BASE, watched_direction
from segexp.config.trainer import in_force
from segexp.invocation import Invocation
from segexp.spec import Direction

Device = Literal["cpu", "cuda", "mps"]


@dataclass(frozen=True)
class Experiment(TrainConfig):
    """The config of a training, block by block as dataclasses, and the facts that are derived from it.

    What the data or a checkpoint decide later is put in with :func:`dataclasses.replace`.

    Attributes:
        invocation: How it was started.
        ranks: Processes that train together, those of other machines included; counted before torch is imported.
        device: Where it trains; "" until PyTorch was asked, see :mod:`segexp.training.hardware`.
        written: The plain config as it was given: its order, and keys that it lacks, are kept by :meth:`plain`.
    """

    invocation: Invocation = field(default_factory=Invocation)
    ranks: int = 1
    device: Device | Literal[""] = ""
    written: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], invocation: Invocation | None = None) -> "Experiment":
        """Makes an experiment of a checked and resolved config, or of one that a job or a run has stored.

        Raises:
            TypeError: A key is missing.
        """
        return cls(**blocks(TrainConfig, plain), invocation=invocation or Invocation(), written=plain)

    def plain(self) -> dict[str, Any]:
        """Gives the resolved config in plain types, for config.yaml, checkpoints, trackers and other processes."""
        return plain_block(self, TrainConfig, self.written)

    def recorded(self) -> dict[str, Any]:
        """Gives the plain config for files that last: that a run goes on in its own folder is no part of it."""
        plain = self.plain()
        return {**plain, "resume": self.invocation.origin} if self.invocation.goes_on else plain

    def value(self, key: str) -> Any:
        """Gives the plain value of a dotted key, such as ``optimizer.lr``."""
        found: Any = self.plain()
        for name in key.split("."):
            found = found[name]
        return found

    @cached_property
    def fitting(self) -> TrainerConfig:
        """The block ``trainer`` as it is in force, see :func:`segexp.config.trainer.in_force`."""
        return in_force(self.trainer)

    @property
    def direction(self) -> Direction:
        """True if ``monitor`` is better low ("min") or high ("max")."""
        return self.direction_of(self.monitor)

    def direction_of(self, name: str) -> Direction:
        """Better direction, "min" or "max", of what the task logs under a name.

        Raises:
            ConfigError: Nothing tells, or it logs nothing of that name.
        """
        if not comes_from(self.task_class, BASE):
            return logged_direction(name, self.task_class, self.monitor_mode if name == self.monitor else None)
        return watched_direction(name, self.task_class, self.metric)

    @property
    def plain_lightning(self) -> bool:
        """True if the LightningModule or the LightningDataModule is none of segexp's kind."""
        return is_plain({"task": self.task, "datamodule": self.datamodule})

    @property
    def task_class(self) -> str:
        """Dotted name of the class of the task."""
        return str(self.task["_target_"])

    @property
    def run_name(self) -> str:
        """``name``, or the options chosen for data, model and loss."""
        # Hydra says "None" of a group that a task has switched off.
        options = (self.invocation.choices.get(group) for group in ("datamodule", "model", "loss"))
        chosen = ("custom" if option in (None, "None") else str(option) for option in options)
        if self.plain_lightning:
            chosen = (str(section["_target_"]).rpartition(".")[2] for section in (self.datamodule, self.task))
        return self.name or "_".join(chosen)

    @property
    def data_name(self) -> str:
        """The option chosen for the data, which says so where its images are drawn in place of real ones."""
        if not comes_from(self.datamodule.get("_target_"), DATA):
            return str(self.datamodule["_target_"]).rpartition(".")[2]
        drawn = " (drawn)" if self.datamodule.get("generate") is True else ""
        return self.invocation.choices.get("datamodule", "data") + drawn

    @property
    def resumes(self) -> bool:
        """True if training goes on from a checkpoint."""
        return self.resume is not None


@dataclass(frozen=True)
class RunConfig:
    """The part of a finished run's config that is used again with its model.

    Attributes:
        deterministic: That of ``trainer``.
        written: All of the config, for what is exported.
    """

    seed: int
    tta: Literal["none", "flips", "d4"]
    model: ObjectConfig
    datamodule: ObjectConfig
    inference: InferenceConfig
    speed: SpeedConfig
    deterministic: bool | Literal["warn"]
    name: str | None = None
    metric: Mapping[str, ObjectConfig] = field(default_factory=dict)
    task: ObjectConfig = field(default_factory=default_task)
    written: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "RunConfig":
        """Makes it of the config that a checkpoint holds, brought up to date.

        Raises:
            KeyError: A key is missing.
            TypeError: A key of a block is missing.
        """
        own = {**plain, "deterministic": plain["trainer"]["deterministic"], "written": plain}
        return structured(cls, own)
