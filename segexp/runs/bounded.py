"""JSON and YAML of files that anybody may have written: what is read of them is small, and no deeper than ours.

Parsers take hundreds of bytes for some of text, and one call of their own for each level.
"""

import json
from pathlib import Path
from typing import Any

import yaml

JSON_BYTES, YAML_BYTES = 32_000_000, 1_000_000
"""Of a file. A split.json with the names of a million images has some 30 MB; a config.yaml has some kB."""
MOST_PARTS = 1_000_000
"""Objects and lists of a JSON file."""


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no JSON, too large or too deep.
    """
    text = _text(path, JSON_BYTES)
    if text.count("[") + text.count("{") > MOST_PARTS:
        raise ValueError(f"found more than {MOST_PARTS} lists and objects")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def read_yaml(path: Path) -> Any:
    """The content of a YAML file: plain values, no objects.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no YAML, too large or too deep.
    """
    return parse_yaml(_text(path, YAML_BYTES))


def parse_yaml(text: str) -> Any:
    """The content of a YAML text.

    Raises:
        ValueError: As :func:`read_yaml`.
    """
    if len(text) > YAML_BYTES:
        raise ValueError(_too_large(len(text), YAML_BYTES))
    try:
        return yaml.safe_load(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


def _text(path: Path, most: int) -> str:
    # Not by its size alone: a file may grow, or be a device.
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(_too_large(path.stat().st_size, most))
    return content.decode("utf-8")


def _too_large(found: int, most: int) -> str:
    return f"found {found / 1e6:,.1f} MB, expected at most {most / 1e6:,.0f} MB"
