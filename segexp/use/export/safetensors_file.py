"""safetensors: the weights alone, with all that is needed to build the model again in the header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from segexp.errors import ConfigError, DataError
from segexp.modules.ensemble import EnsembleModule
from segexp.run.bounded import JSON_BYTES
from segexp.use.export.extra import require as require_packages
from segexp.use.export.facts import as_text
from segexp.use.export.graph import Deployed
from segexp.use.export.tensors import Run, on_arrays
from segexp.use.model import Model

SUFFIX = ".safetensors"
RECORD = "record"
"""Key of the header that holds config, spec and threshold as a checkpoint has them."""


def require() -> None:
    """See :class:`segexp.use.export.formats.Format`."""
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
    record = {"config": model.config, "spec": model.spec.to_dict(), "threshold_logit": model.module.threshold}
    save_file(weights, path, metadata={**as_text(facts), RECORD: json.dumps(record), "format": "pt"})
    beside(path).write_text(yaml.safe_dump(model.config, sort_keys=False, allow_unicode=True), encoding="utf-8")


def beside(path: Path) -> Path:
    """The config of the run beside a file of weights."""
    return path.with_suffix(".yaml")


def read(path: Path) -> Run:
    """Built again as :func:`segexp.load` does it."""
    from segexp.use.load import load

    return on_arrays(Deployed(load(path, tta="none", device="cpu").module))


def content(path: Path) -> dict[str, Any]:
    """What torch.load gives of a checkpoint: ``segexp`` and ``state_dict``.

    Raises:
        DataError: It is no such file.
    """
    require()
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
        if len(header.get(RECORD, "")) > JSON_BYTES:
            raise DataError(f"{path}: its header is too large for one of segexp")
        if RECORD not in header:
            raise DataError(f"{path}: its header has no {RECORD}; segexp export format=safetensors writes one")
        weights = {f"model.{key}": file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    return {"segexp": json.loads(header[RECORD]), "state_dict": weights}
