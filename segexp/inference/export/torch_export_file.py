"""torch.export: a program that PyTorch runs without the code of the model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from segexp.inference.export.graph import Deployed, export_program
from segexp.inference.export.tensors import Run, run_on_arrays
from segexp.inference.model import Model

SUFFIX = ".pt2"
FACTS = "segexp.json"
"""Name of the metadata inside the file, for ``extra_files``."""


def require() -> None:
    """PyTorch is enough."""


def write(model: Model, graph: Deployed, path: Path, facts: Mapping[str, Any]) -> None:
    """One file; ``facts`` are in its ``extra_files`` as ``segexp.json``."""
    torch.export.save(export_program(graph), path, extra_files={FACTS: json.dumps(facts)})


def read(path: Path) -> Run:
    """See :class:`segexp.inference.export.formats.Format`."""
    return run_on_arrays(torch.export.load(path).module())
