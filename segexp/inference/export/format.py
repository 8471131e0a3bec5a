"""Base of the export formats: each writes a file, and reads it back as a function of raw images."""

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from numpy.typing import NDArray

from segexp.errors import MissingExtraError
from segexp.inference.export.graph import Deployed
from segexp.inference.export.task_graph import DeployedTask
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel

ExportedCall = Callable[[NDArray[Any]], tuple[NDArray[Any], ...]]
"""From raw images (B, C, H, W) to the outputs of the file: of a segmentation probabilities (B, K, H, W) and classes
(B, H, W), of another task the one that it names."""


class ExportFormat(ABC):
    """A format of exported files.

    Attributes:
        suffix: Ending of its files, with the dot.
        packages: Python packages that writing and reading need beside PyTorch.
    """

    suffix: ClassVar[str]
    packages: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def write(
        self, model: Model | TaskModel, graph: Deployed | DeployedTask, path: Path, facts: Mapping[str, Any]
    ) -> None:
        """Writes one file (safetensors: a second beside it).

        Args:
            model: The model as segexp uses it.
            graph: The same model as a graph with scaling inside.
            path: File to write.
            facts: Metadata that the file shall hold, see :mod:`segexp.inference.export.facts`.
        """

    @abstractmethod
    def read(self, path: Path) -> ExportedCall:
        """Opens a file with the library that it is made for."""


def require_packages(form: str, *packages: str) -> None:
    """Checks that the packages of a format are installed.

    Args:
        form: Name of the format, as in the config.
        packages: Names by which they are imported.

    Raises:
        MissingExtraError: Names those that are not, and what to install.
    """
    missing = [package for package in packages if importlib.util.find_spec(package) is None]
    if missing:
        raise MissingExtraError(
            f"format={form}: {', '.join(missing)} not installed; pip install 'segexp[export]', in a checkout "
            "pip install -c constraints.txt '.[export]'"
        )


def run_on_arrays(module: Callable[[Any], Any]) -> ExportedCall:
    """Wraps a torch module as a function of arrays: raw images (B, C, H, W) to its outputs."""

    @torch.inference_mode()
    def run(images: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        return tuple(output.numpy() for output in module(torch.from_numpy(images)))

    return run
