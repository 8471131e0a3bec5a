"""ONNX: the file that onnxruntime, OpenVINO, TensorRT and others read."""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from segexp.inference.export.facts import encode_metadata
from segexp.inference.export.format import ExportFormat
from segexp.inference.export.graph import Deployed
from segexp.inference.export.task_graph import DeployedTask
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel


class OnnxFormat(ExportFormat):
    """ONNX: one file with graph and weights, for any number of images."""

    suffix = ".onnx"
    packages = ("onnx", "onnxscript", "onnxruntime")

    def write(
        self, model: Model | TaskModel, graph: Deployed | DeployedTask, path: Path, facts: Mapping[str, Any]
    ) -> None:
        """Writes one file with its weights inside; ``facts`` are its ``metadata_props``, each as JSON."""
        with _quiet_exporter(), torch.no_grad():
            program = torch.onnx.export(
                graph, (graph.example(),), dynamo=True, dynamic_shapes={"image": graph.axes}, input_names=["image"],
                output_names=list(graph.output_names), verbose=False,
            )  # fmt: skip
            if program is None:
                raise RuntimeError("torch.onnx.export gave no program")
            program.model.metadata_props.update(encode_metadata(facts))
            program.save(str(path), external_data=False)

    def read(self, path: Path) -> "OnnxRun":
        """Opens a file in onnxruntime, on the processor."""
        return OnnxRun(path)


class OnnxRun:
    """An ONNX file in onnxruntime, on the processor, with as many threads as PyTorch has."""

    def __init__(self, path: Path) -> None:
        """Opens a file."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def __call__(self, images: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        """Runs raw images (B, C, H, W): all outputs, in the order of the file."""
        return tuple(self.session.run(None, {"image": images}))


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Silences the exporter, which speaks of packages it does not need and of what will change in later versions."""
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)
