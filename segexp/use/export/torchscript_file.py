"""TorchScript by tracing, for libtorch (C++, mobile)."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from segexp.use.export.graph import Deployed, example
from segexp.use.export.tensors import Run, on_arrays
from segexp.use.model import Model

SUFFIX = ".torchscript"
FACTS = "segexp.json"
"""Name of the metadata inside the file, for ``_extra_files``."""


def require() -> None:
    """PyTorch is enough."""


def write(model: Model, graph: Deployed, path: Path, facts: Mapping[str, Any]) -> None:
    """One file; ``facts`` are in its ``_extra_files`` as ``segexp.json``.

    What a trace has fixed that should be free shows in the comparison at other sizes.
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # TorchScript is no longer developed, and says so; a trace warns of each branch
        traced = torch.jit.trace(graph, example(graph.spec), check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, path, _extra_files={FACTS: json.dumps(facts).encode()})


def read(path: Path) -> Run:
    """See :class:`segexp.use.export.formats.Format`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return on_arrays(torch.jit.load(path))  # type: ignore[no-untyped-call]
