"""What the loggers beside metrics.csv are told about a run, and the little that all of them can do."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from lightning.pytorch.loggers import Logger

from segexp.errors import one_line
from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_report import TestReport
from segexp.runs.console import LOG
from segexp.training.loggers.other_loggers import OtherLogger

L = TypeVar("L", bound=Logger)


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
        goes_on_from: Folder of the run whose ``last.ckpt`` this one goes on from; None: it starts anew.
    """

    folder: Path
    output_dir: Path
    name: str | None
    group: str | None
    config: Mapping[str, Any]
    monitor: str
    direction: Literal["min", "max"]
    summary: Mapping[str, str | int | float | None]
    goes_on_from: Path | None = None


class Tracked(Logger, ABC):
    """A Lightning logger that opens with its job and ends with it."""

    @abstractmethod
    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Shows pictures under a name, after this many steps."""

    @abstractmethod
    def tested(self, report: TestReport) -> None:
        """Shows what there is beside the figures of a test."""

    def flush(self) -> None:
        """Waits until what was logged is safe, before a checkpoint is written; not for ever."""

    @abstractmethod
    def end(self, *, ok: bool) -> None:
        """Writes out what is buffered and closes the run; ``ok``: it came to its end without an error."""


class Tracker(Protocol):
    """A logger as the rest of the training sees it: one of segexp's own, or any other behind an adapter."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> Any:
        """Logs figures."""

    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Shows pictures."""

    def tested(self, report: TestReport) -> None:
        """Shows what a test gives."""

    def end(self, *, ok: bool) -> None:
        """Closes the run."""


def tracker_of(logger: object) -> Tracker | None:
    """A logger of segexp's own as it is, any other of Lightning's behind an adapter; None for what is no logger."""
    if isinstance(logger, Tracked):
        return logger
    return OtherLogger(logger) if isinstance(logger, Logger) else None


def tell(loggers: Iterable[object], what: Callable[[Tracker], None]) -> None:
    """Tells every logger; where one fails, a line says so and the run goes on."""
    for logger in loggers:
        if (tracker := tracker_of(logger)) is not None:
            try:
                what(tracker)
            except Exception as error:
                LOG.warning(f"{type(logger).__name__}: not everything is shown there ({type(error).__name__}: {error})")


Told = set[tuple[str, int]]
"""Names of what a tracker has been told, with the steps."""


def once_each(logger: L) -> L:
    """The logger itself; a figure of a step that it has been told is not told again.

    A run that was killed goes on from its last checkpoint, and what it does once more its trackers know already.
    """
    told: Told = vars(logger).setdefault("told", set())
    log: Callable[..., None] = logger.log_metrics

    def made(metrics: Mapping[str, float], step: int | None = None) -> None:
        new = {name: value for name, value in metrics.items() if (name, step) not in told}
        if new.keys() - {"epoch"}:
            log(new, step)

    vars(logger)["log_metrics"] = made
    return logger


def tell_early(loggers: Iterable[Logger], metrics: Mapping[str, float], epoch: int, step: int) -> None:
    """Tells the figures of an epoch before its checkpoint is written, which Lightning does before it logs them.

    A kill in between would leave a checkpoint whose last epoch no tracker knows.

    Args:
        loggers: Of a trainer; the table of epochs is none of them.
        metrics: Of the epoch.
        epoch: From 0.
        step: Under which Lightning logs them.
    """
    for logger in loggers:
        told: Told | None = vars(logger).get("told")
        if told is not None:
            logger.log_metrics({**metrics, "epoch": epoch}, step)
            told |= {(name, step) for name in (*metrics, "epoch")}
            if isinstance(logger, Tracked):
                logger.flush()


CALLED_BY_LIGHTNING = ("log_hyperparams", "log_metrics", "log_graph", "save", "finalize", "after_save_checkpoint")


def kept_quiet(logger: L) -> L:
    """The logger itself; what Lightning calls on it no longer raises: a line says once that something is missing."""
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
