"""The formats: each writes a file, and reads it back as a function of raw images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from segexp.inference.export import onnx_file, safetensors_file, torch_export_file, torchscript_file
from segexp.inference.export.graph import Deployed
from segexp.inference.export.tensors import Run
from segexp.inference.model import Model


class Format(Protocol):
    """A module with these names."""

    SUFFIX: str

    def require(self) -> None:
        """Refuses if a package is not installed.

        Raises:
            MissingExtraError: One is not.
        """

    def write(self, model: Model, graph: Deployed, path: Path, facts: Mapping[str, Any]) -> None:
        """Writes one file (of some formats a second beside it)."""

    def read(self, path: Path) -> Run:
        """What the file computes, by the library that it is made for."""


FORMATS: dict[str, Format] = {
    "onnx": onnx_file,
    "torch_export": torch_export_file,
    "torchscript": torchscript_file,
    "safetensors": safetensors_file,
}
