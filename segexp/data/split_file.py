"""A split that is given: the split.json of a run, or a file written by hand."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segexp.config.suggest import nearest
from segexp.data.splits import PHASES, Split
from segexp.errors import DataError

KEY = "datamodule.split_file"


def read_split(path: Path, names: Sequence[str]) -> Split:
    """Reads lists of image names under ``train``, ``val`` and ``test``; images that stand in none are not used.

    Args:
        path: JSON.
        names: Images that there are.

    Raises:
        DataError: The file is missing or no such JSON, names an image that is not there, or one in two parts.
    """
    content = _content(path)
    problems = []
    seen: dict[str, str] = {}
    for phase in PHASES:
        for name in content[phase]:
            if name not in names:
                best = nearest(name, names)
                problems.append(
                    f"{KEY}: {path} names {name}, which is not there" + (f"; is it {best}?" if best else "")
                )
            if name in seen:
                problems.append(f"{KEY}: {path} names {name} twice, under {seen[name]} and {phase}")
            seen[name] = phase
    if problems:
        raise DataError("\n".join(problems))
    return {phase: list(content[phase]) for phase in PHASES}


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise DataError(f"{KEY}: no file {path}")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{KEY}: {path} is no valid JSON: {error}") from error
    for phase in PHASES:
        listed = content.get(phase) if isinstance(content, dict) else None
        if not isinstance(listed, list) or not listed or not all(isinstance(name, str) for name in listed):
            raise DataError(
                f'{KEY}: {path} has no list of image names under "{phase}"; expected '
                '{"train": [...], "val": [...], "test": [...]}, as split.json of a run'
            )
    return dict(content)
