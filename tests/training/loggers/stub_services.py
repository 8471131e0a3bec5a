"""Stand-ins for the packages comet_ml and neptune, as far as loggers touch them; neither is installed here."""

import importlib.machinery
from collections import defaultdict
from types import ModuleType
from typing import Any

import numpy as np


class CometExperiment:
    """What ``comet_ml.start`` gives."""

    def __init__(self, **asked: Any) -> None:
        self.project_name = asked["project"]
        self.logged: list[tuple[dict[str, float], int | None]] = []
        self.parameters: dict[str, Any] = {}
        self.pictures: list[tuple[str, int, tuple[int, ...]]] = []
        self.ended = False

    def get_key(self) -> str:
        return "key"

    def log_other(self, *_: Any) -> None:
        pass

    def __internal_api__log_metrics__(self, metrics: dict[str, float], step: int | None, **_: Any) -> None:
        self.logged.append((metrics, step))

    def __internal_api__log_parameters__(self, parameters: dict[str, Any], **_: Any) -> None:
        self.parameters |= parameters

    def __internal_api__set_model_graph__(self, **_: Any) -> None:
        pass

    def log_image(self, image_data: np.ndarray, name: str, step: int) -> None:
        self.pictures.append((name, step, image_data.shape))

    def flush(self) -> None:
        pass

    def end(self) -> None:
        self.ended = True


CometExperiment.__module__ = "comet_ml.stub"


class NeptuneRun:
    """A run of Neptune: ``run[key].append(value, step=...)``."""

    def __init__(self) -> None:
        self.series: dict[str, list[tuple[Any, int]]] = defaultdict(list)
        self.stopped = False

    def __getitem__(self, key: str) -> "NeptuneSeries":
        return NeptuneSeries(self.series[key])

    def stop(self) -> None:
        self.stopped = True


NeptuneRun.__module__ = "neptune.stub"


class NeptuneSeries:
    def __init__(self, values: list[tuple[Any, int]]) -> None:
        self._values = values

    def append(self, value: Any, step: int) -> None:
        self._values.append((value, step))


class File:
    """``neptune.types.File``."""

    @staticmethod
    def as_image(pixels: np.ndarray) -> np.ndarray:
        assert pixels.min() >= 0
        assert pixels.max() <= 1
        return pixels


def comet() -> dict[str, ModuleType]:
    """The modules of comet_ml by name."""
    module = _module("comet_ml")
    module.ExperimentConfig = lambda **given: type("Config", (), {"offline_directory": None, **given})()  # type: ignore[attr-defined]
    module.start = CometExperiment  # type: ignore[attr-defined]
    return {"comet_ml": module}


def neptune() -> dict[str, ModuleType]:
    """The modules of neptune by name."""
    types = _module("neptune.types")
    types.File = File  # type: ignore[attr-defined]
    return {"neptune": _module("neptune"), "neptune.types": types}


def _module(name: str) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)
    return module
