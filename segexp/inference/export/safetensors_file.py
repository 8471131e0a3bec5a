"""safetensors: the weights alone, with all that is needed to build the model again in the header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from segexp.errors import ConfigError
from segexp.inference.export.facts import encode_metadata
from segexp.inference.export.format import ExportedCall, ExportFormat, run_on_arrays
from segexp.inference.export.graph import Deployed
from segexp.inference.export.task_graph import DeployedTask
from segexp.inference.model import Model
from segexp.inference.safetensors_reader import RECORD
from segexp.inference.task_model import TaskModel
from segexp.runs.checkpoint_format import STAMP
from segexp.tasks.ensemble import EnsembleModule
from segexp.tasks.segmentation import Segmentation


class SafetensorsFormat(ExportFormat):
    """safetensors: weights, and in the header all that is needed to build the model again."""

    suffix = ".safetensors"
    packages = ("safetensors",)

    def write(
        self, model: Model | TaskModel, graph: Deployed | DeployedTask, path: Path, facts: Mapping[str, Any]
    ) -> None:
        """Writes weights under the names of the plain network; the config of the run beside them as YAML.

        Raises:
            ConfigError: Several runs were given.
        """
        if isinstance(model.module, EnsembleModule):
            raise ConfigError(
                "format=safetensors: found several runs; it holds the weights of one, export them one by one"
            )
        from safetensors.torch import save_file

        weights = {key: value.contiguous() for key, value in model.module.model.state_dict().items()}
        config = dict(model.config.written)
        record = {"config": config, "spec": model.spec.to_dict(), **model.module.state()}
        record |= {"scale": facts.get("scale"), **STAMP}
        save_file(weights, path, metadata={**encode_metadata(facts), RECORD: json.dumps(record), "format": "pt"})
        text = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        path.with_suffix(".yaml").write_text(text, encoding="utf-8")

    def read(self, path: Path) -> ExportedCall:
        """Builds the model again as :func:`segexp.load` and :func:`segexp.load_task` do it."""
        from segexp.inference.members import load_members

        (member,) = load_members(path, "best", "cpu")
        module = member.module.eval().requires_grad_(requires_grad=False)
        return run_on_arrays(Deployed(module) if isinstance(module, Segmentation) else DeployedTask(module))
