"""Loggers of a user's own, as Lightning's documentation shows one; they know nothing of segexp."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.loggers import Logger

from tests.training.loggers.stub_services import NeptuneRun


class Remember(Logger):
    """Keeps what it is told."""

    name, version = "remember", "0"

    def __init__(self, log_dir: str = "mine") -> None:
        super().__init__()
        self.place = log_dir
        self.figures: list[tuple[int | None, dict[str, float]]] = []
        self.params: dict[str, Any] = {}
        self.status: list[str] = []

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.figures.append((step, dict(metrics)))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        self.params |= params

    def finalize(self, status: str) -> None:
        self.status.append(status)


class NeptuneLogger(Remember):
    """With a run of Neptune as its experiment."""

    def __init__(self) -> None:
        super().__init__()
        self._run = NeptuneRun()

    @property
    def experiment(self) -> NeptuneRun:
        return self._run


class Broken(Remember):
    """Raises whatever it is told."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        raise OSError("disk full")
