"""Prediction engines: the small interface behind the key ``engine``, and the engine of this machine."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Protocol

from segexp.config.command_schema import PredictConfig
from segexp.inference.model import Model
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.settings import make_worker
from segexp.inference.predict.worker import FileResult

PROGRESS_BARS: dict[str, bool | None] = {"auto": None, "bar": True, "none": False}
"""What ``progress`` means; None: on a terminal."""


class PredictionEngine(Protocol):
    """Engine that predicts files; summary and exit code are not its business."""

    def run(self, files: Sequence[Input]) -> Iterator[FileResult]:
        """Predicts files and yields the result of each as soon as it is known, in any order.

        Raises:
            SegexpError: The engine itself cannot go on.
        """
        ...

    def close(self) -> None:
        """Frees what the engine holds, also in the middle of its work."""
        ...


class LocalPredictionEngine:
    """Engine that predicts in this process, one file after the other."""

    def __init__(self, config: PredictConfig, model: Model) -> None:
        """Takes the model as it is."""
        self._worker = make_worker(config, model, bars=PROGRESS_BARS[config.progress])
        self._overwrite = config.overwrite

    def run(self, files: Sequence[Input]) -> Iterator[FileResult]:
        """Predicts files in the order given, each when its result is asked for."""
        return (self._worker(file, overwrite=self._overwrite) for file in files)

    def close(self) -> None:
        """Does nothing: the engine holds nothing."""


def make_prediction_engine(config: PredictConfig, model: Model) -> PredictionEngine:
    """Makes the engine that the config asks for.

    Args:
        config: Checked and resolved.
        model: On the device of ``config`` for the local engine; of others only its facts count.

    Raises:
        UserError: It cannot be had.
    """
    if config.engine == "local":
        return LocalPredictionEngine(config, model)
    engine: PredictionEngine = import_module("segexp.inference.predict.engines.ray").RayPredictionEngine(config, model)
    return engine
