"""safetensors: the weights alone, with all that is needed to build the model again in the header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from segexp.errors import ConfigError
from segexp.inference.export.extra import require as require_packages
from segexp.inference.export.facts import as_text
from segexp.inference.export.graph import Deployed
from segexp.inference.export.tensors import Run, on_arrays
from segexp.inference.model import Model
from segexp.inference.safetensors_reader import RECORD
from segexp.tasks.ensemble import EnsembleModule

SUFFIX = ".safetensors"


def require() -> None:
    """See :class:`segexp.inference.export.formats.Format`."""
    require_packages("safetensors", "safetensors")


def write(model: Model, graph: Deployed, path: Path, facts: Mapping[str, Any]) -> None:
    """Weights under the names of the plain network; the config of the run beside them as YAML.

    Raises:
        ConfigError: Several runs were given.
    """
    if isinstance(model.module, EnsembleModule):
        raise ConfigError("format=safetensors: found several runs; it holds the weights of one, export them one by one")
    from safetensors.torch import save_file

    weights = {key: value.contiguous() for key, value in model.module.model.state_dict().items()}
    config = dict(model.config.written)
    record = {"config": config, "spec": model.spec.to_dict(), "threshold_logit": model.module.threshold}
    save_file(weights, path, metadata={**as_text(facts), RECORD: json.dumps(record), "format": "pt"})
    beside(path).write_text(yaml.safe_dump(config, sort_keys=False, allow_unicode=True), encoding="utf-8")


def beside(path: Path) -> Path:
    """The config of the run beside a file of weights."""
    return path.with_suffix(".yaml")


def read(path: Path) -> Run:
    """Built again as :func:`segexp.load` does it."""
    from segexp.inference.load import load

    return on_arrays(Deployed(load(path, tta="none", device="cpu").module))
