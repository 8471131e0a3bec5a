"""The command inspect: what a file of weights or a run folder holds and would need, read as data."""

import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from segexp.config.composed import checked
from segexp.config.stored.trust import packages
from segexp.errors import ConfigError
from segexp.inspection.file_contents.contents import read_contents
from segexp.inspection.file_contents.facts import file_contents_facts, tensor_rows
from segexp.inspection.file_contents.run_folder import run_folder_facts
from segexp.inspection.file_contents.text import format_facts
from segexp.invocation import Invocation


def run_inspect(config: Any, invocation: Invocation) -> None:
    """Prints what files and run folders hold."""
    from segexp.config.command_schema import InspectConfig

    asked = checked(config, InspectConfig)
    files = [asked.file] if isinstance(asked.file, str) else asked.file
    if not files:
        raise ConfigError("file: found none; write for example inspect outputs/<name>/<run>/checkpoints/best.ckpt")
    trust = packages(asked.trust)
    facts = [inspect_path(Path(file).expanduser(), tensors=asked.tensors, trust=trust) for file in files]
    if asked.format == "json":
        text = json.dumps({"files": _finite(facts)}, indent=2)
    else:
        text = "\n\n".join(map(format_facts, facts))
    print(text)  # noqa: T201 - the command's answer


def inspect_path(path: Path, *, tensors: bool = False, trust: Collection[str] = ()) -> dict[str, Any]:
    """Gives what a file of weights or a run folder holds, without torch, and without running anything of it.

    Args:
        path: A checkpoint, a state dict, a .safetensors, an exported model, or a run folder.
        tensors: Whether each weight is listed.
        trust: Packages beside segexp's own whose classes it may name.

    Raises:
        DataError: It is none of these, or damaged.
    """
    if path.is_dir():
        return run_folder_facts(path, trust)
    contents = read_contents(path)
    rows = {"tensors": tensor_rows(contents.weights)} if tensors else {}
    return {**file_contents_facts(contents, trust), **rows}


def _finite(value: Any) -> Any:
    """JSON has no number for nan and infinity."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
