"""TorchScript, for libtorch (C++, mobile), made of the exported program.

A trace would fix every decision that a model takes by the size of its image, such as the padding of an odd side; the
operations that torch.export has recorded are free of the size, and TorchScript knows all of them.
"""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import fx
from torch._ops import OpOverload

from segexp.inference.export.format import ExportedCall, ExportFormat, run_on_arrays
from segexp.inference.export.graph import Deployed
from segexp.inference.export.task_graph import DeployedTask
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel

FACTS = "segexp.json"
"""Name of the metadata inside the file, for ``_extra_files``."""


class TorchScriptFormat(ExportFormat):
    """TorchScript, which libtorch runs without Python."""

    suffix = ".torchscript"

    def write(
        self, model: Model | TaskModel, graph: Deployed | DeployedTask, path: Path, facts: Mapping[str, Any]
    ) -> None:
        """Writes one file; ``facts`` are in its ``_extra_files`` as ``segexp.json``."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # TorchScript is no longer developed, and says so
            scripted = torch.jit.script(_scriptable(graph.program()).eval())
            torch.jit.save(scripted, path, _extra_files={FACTS: json.dumps(facts).encode()})

    def read(self, path: Path) -> ExportedCall:
        """Opens a file with ``torch.jit``."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return run_on_arrays(torch.jit.load(path))  # type: ignore[no-untyped-call]


def _scriptable(program: torch.export.ExportedProgram) -> fx.GraphModule:
    """The program in words that TorchScript knows: no guards, and operators without the name of their overload."""
    module = program.module()
    graph: fx.Graph = module.graph
    for node in list(graph.nodes):
        if node.op == "call_module" or "_assert_" in str(node.target):
            graph.erase_node(node)
        elif isinstance(node.target, OpOverload):
            is_size = node.target is torch.ops.aten.sym_size.int
            node.target = torch.ops.aten.size if is_size else node.target.overloadpacket
    graph.set_codegen(fx.graph.CodeGen())
    return fx.GraphModule(module, graph)
