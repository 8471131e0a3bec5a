"""Reads the block ``task`` and builds the task of its parts."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from hydra.utils import instantiate

from segexp.config.schema import ObjectConfig
from segexp.errors import ConfigError
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.training.building.constructor_errors import naming_section


@dataclass(frozen=True)
class TaskBlock:
    """The block ``task``: its class, and its own keys without the parts that training gives."""

    kind: type[BaseTask]
    keys: Mapping[str, Any]

    def adapted(self, spec: DataSpec) -> DataSpec:
        """Gives the data's spec as a model is built for it.

        Raises:
            MismatchError: The data are for another task.
        """
        self.kind.check_target(spec)
        return self.kind.adapted(spec, **self.keys)


def read_task(section: ObjectConfig) -> TaskBlock:
    """Reads the block ``task``.

    Raises:
        ConfigError: It names no task.
    """
    with naming_section("task", section):
        made: Any = instantiate(section, _partial_=True, _convert_="all")
    if not (isinstance(made, partial) and isinstance(made.func, type) and issubclass(made.func, BaseTask)):
        raise ConfigError(f"task._target_: found {section.get('_target_')}, expected a segexp.tasks.base.BaseTask")
    return TaskBlock(made.func, made.keywords)


def build_task(block: TaskBlock, **parts: Any) -> BaseTask:
    """Builds the task of its parts: model, loss, spec, optimizer, and more that its class takes."""
    with naming_section("task"):
        return block.kind(**parts, **block.keys)
