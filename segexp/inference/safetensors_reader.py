"""Reads the weights that ``export format=safetensors`` writes, as torch.load reads a checkpoint."""

from pathlib import Path
from typing import Any

from segexp.errors import DataError
from segexp.inference.export.format import require_packages
from segexp.runs.json_yaml import JSON_BYTES, parse_json

RECORD = "record"
"""Key of the header that holds config, spec and threshold as a checkpoint has them."""


def read_safetensors(path: Path) -> dict[str, Any]:
    """Reads an exported file as ``torch.load`` reads a checkpoint: ``segexp`` and ``state_dict``.

    Raises:
        DataError: It is no such file.
    """
    require_packages("safetensors", "safetensors")
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        header = file.metadata() or {}
        if len(header.get(RECORD, "")) > JSON_BYTES:
            raise DataError(f"{path}: its header is too large for one of segexp")
        if RECORD not in header:
            raise DataError(f"{path}: its header has no {RECORD}; segexp export format=safetensors writes one")
        weights = {f"model.{key}": file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no mapping
    return {"segexp": parse_json(header[RECORD]), "state_dict": weights}
