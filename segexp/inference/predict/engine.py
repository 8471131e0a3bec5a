"""Where files are predicted: the small interface behind ``engine``, and this machine."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Protocol

from segexp.config.command_schema import PredictConfig
from segexp.inference.model import Model
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.order import worker_of
from segexp.inference.predict.worker import Outcome

BARS: dict[str, bool | None] = {"auto": None, "bar": True, "none": False}
"""What ``progress`` means; None: on a terminal."""


class Engine(Protocol):
    """Predicts files; summary and exit code are not its business."""

    def run(self, files: Sequence[Input]) -> Iterator[Outcome]:
        """What became of each file, as soon as it is known, in any order.

        Raises:
            SegexpError: The engine itself cannot go on.
        """
        ...

    def close(self) -> None:
        """Frees what the engine holds, also in the middle of its work."""
        ...


class LocalEngine:
    """This process, one file after the other."""

    def __init__(self, config: PredictConfig, model: Model) -> None:
        """Takes the model as it is."""
        self._worker = worker_of(config, model, bars=BARS[config.progress])
        self._anew = config.overwrite

    def run(self, files: Sequence[Input]) -> Iterator[Outcome]:
        """In the order given."""
        return (self._worker(file, anew=self._anew) for file in files)

    def close(self) -> None:
        """Nothing."""


def make_engine(config: PredictConfig, model: Model) -> Engine:
    """The engine that the config asks for.

    Args:
        config: Checked and resolved.
        model: On the device of ``config`` for the local engine; of others only its facts count.

    Raises:
        UserError: It cannot be had.
    """
    if config.engine == "local":
        return LocalEngine(config, model)
    engine: Engine = import_module("segexp.inference.predict.ray_engine").RayEngine(config, model)
    return engine
