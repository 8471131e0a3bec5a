"""Where files are predicted: the small interface behind ``engine``, and this machine."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol

from segexp.inference.model import Model
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.settings import make_worker
from segexp.inference.predict.worker import FileResult

PROGRESS_BARS: dict[str, bool | None] = {"auto": None, "bar": True, "none": False}
"""What ``progress`` means; None: on a terminal."""


class PredictionEngine(Protocol):
    """Predicts files; summary and exit code are not its business."""

    def run(self, files: Sequence[Input]) -> Iterator[FileResult]:
        """What became of each file, as soon as it is known, in any order.

        Raises:
            SegexpError: The engine itself cannot go on.
        """
        ...

    def close(self) -> None:
        """Frees what the engine holds, also in the middle of its work."""
        ...


class LocalPredictionEngine:
    """This process, one file after the other."""

    def __init__(self, config: dict[str, Any], model: Model) -> None:
        """Takes the model as it is."""
        self._worker = make_worker(config, model, bars=PROGRESS_BARS[config["progress"]])
        self._anew = config["overwrite"]

    def run(self, files: Sequence[Input]) -> Iterator[FileResult]:
        """In the order given."""
        return (self._worker(file, anew=self._anew) for file in files)

    def close(self) -> None:
        """Nothing."""


def make_prediction_engine(config: dict[str, Any], model: Model) -> PredictionEngine:
    """The engine that the config asks for.

    Args:
        config: Checked and resolved.
        model: On the device of ``config`` for the local engine; of others only its facts count.

    Raises:
        UserError: It cannot be had.
    """
    if config["engine"] == "local":
        return LocalPredictionEngine(config, model)
    engine: PredictionEngine = import_module("segexp.inference.predict.engines.ray").RayPredictionEngine(config, model)
    return engine
