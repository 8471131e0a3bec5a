"""torch.export: a program that PyTorch runs without the code of the model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from segexp.inference.export.format import ExportedCall, ExportFormat, run_on_arrays
from segexp.inference.export.graph import Deployed
from segexp.inference.export.task_graph import DeployedTask
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel

FACTS = "segexp.json"
"""Name of the metadata inside the file, for ``extra_files``."""


class TorchExportFormat(ExportFormat):
    """A program of ``torch.export``, which PyTorch runs without the code of the model."""

    suffix = ".pt2"

    def write(
        self, model: Model | TaskModel, graph: Deployed | DeployedTask, path: Path, facts: Mapping[str, Any]
    ) -> None:
        """Writes one file; ``facts`` are in its ``extra_files`` as ``segexp.json``."""
        torch.export.save(graph.program(), path, extra_files={FACTS: json.dumps(facts)})

    def read(self, path: Path) -> ExportedCall:
        """Opens a file with ``torch.export``."""
        return run_on_arrays(torch.export.load(path).module())
