"""What the loggers beside metrics.csv are told about a run, and the little that all of them can do."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import Logger

from segexp.errors import one_line
from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_report import TestReport
from segexp.runs.console import LOG


@dataclass(frozen=True)
class RunFacts:
    """A run as a tracker shows it.

    Attributes:
        folder: The run folder.
        output_dir: Where run folders are made; local stores of all runs lie there.
        name: What the run is called: its overrides.
        group: Sweep that it belongs to, or None.
        config: The whole resolved config.
        monitor: Measure that marks the best epoch.
        direction: Whether it is better low or high.
        summary: Facts beside the figures: size of the model, commit.
    """

    folder: Path
    output_dir: Path
    name: str | None
    group: str | None
    config: Mapping[str, Any]
    monitor: str
    direction: Literal["min", "max"]
    summary: Mapping[str, str | int | float | None]


class Tracked(Logger, ABC):
    """A Lightning logger that opens with its job and ends with it."""

    @abstractmethod
    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Shows pictures under a name, after this many steps."""

    @abstractmethod
    def tested(self, report: TestReport) -> None:
        """Shows what there is beside the figures of a test."""

    @abstractmethod
    def end(self, *, ok: bool) -> None:
        """Writes out what is buffered and closes the run; ``ok``: it came to its end without an error."""


def tell(loggers: Iterable[object], what: Callable[[Tracked], None]) -> None:
    """Tells every tracker among loggers; where one fails, a line says so and the run goes on."""
    for logger in loggers:
        if isinstance(logger, Tracked):
            try:
                what(logger)
            except Exception as error:
                LOG.warning(f"{type(logger).__name__}: not everything is shown there ({type(error).__name__}: {error})")


CALLED_BY_LIGHTNING = ("log_hyperparams", "log_metrics", "log_graph", "save", "finalize", "after_save_checkpoint")


def kept_quiet(logger: Tracked) -> Tracked:
    """The tracker itself; what Lightning calls on it no longer raises: a line says once that something is missing."""
    lines: list[str] = []
    for name in CALLED_BY_LIGHTNING:
        setattr(logger, name, _quiet(getattr(logger, name), type(logger).__name__, lines))
    return logger


def _quiet(call: Callable[..., Any], name: str, message: list[str]) -> Callable[..., None]:
    @functools.wraps(call)
    def made(*args: Any, **kwargs: Any) -> None:
        try:
            call(*args, **kwargs)
        except Exception as error:  # a tracker must not end a training
            if not message:
                message.append(name)
                LOG.warning(f"{name}: not everything is logged there ({one_line(error)}); metrics.csv has it all")

    return made
