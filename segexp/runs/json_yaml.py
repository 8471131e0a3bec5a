"""JSON and YAML of files that anybody may have written: what is read of them is small, and no deeper than ours.

Parsers take hundreds of bytes for some of text, and one call of their own for each level.
"""

import io
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from segexp.errors import DataError
from segexp.runs.text import utf8

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
    return parse_json(_text(path, JSON_BYTES))


def parse_json(text: str) -> Any:
    """The content of a JSON text.

    Raises:
        ValueError: It is no JSON, too large or too deep.
    """
    if len(text) > JSON_BYTES:
        raise ValueError(_too_large(len(text), JSON_BYTES))
    if text.count("[") + text.count("{") > MOST_PARTS:
        raise ValueError(f"found more than {MOST_PARTS} lists and objects")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def read_json_lines(path: Path, parse: Callable[[str], Any] = parse_json) -> Iterator[Any]:
    """The values of a file with a JSON text in each line; a last line that is none was cut short, and is left out.

    Args:
        path: The file.
        parse: Gives the value of a line.

    Raises:
        OSError: It cannot be read.
        ValueError: Another line is no JSON, or the file is too large.
    """
    content = _content(path, JSON_BYTES)
    if content.count(b"[") + content.count(b"{") > MOST_PARTS:
        raise ValueError(f"found more than {MOST_PARTS} lists and objects")
    lines = io.BytesIO(content)
    for number, line in enumerate(lines, 1):
        try:
            value = parse(line.decode("utf-8"))
        except ValueError as error:
            if lines.tell() == len(content):
                return
            raise ValueError(f"line {number}: {error}") from error
        yield value


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
        ValueError: It is no YAML, too large or too deep.
    """
    if len(text) > YAML_BYTES:
        raise ValueError(_too_large(len(text), YAML_BYTES))
    try:
        return yaml.safe_load(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error


PIECE = 2**16
"""Bytes that are read at a time beyond the size of a file."""


def _text(path: Path, most: int) -> str:
    return _content(path, most).decode("utf-8")


def _content(path: Path, most: int) -> bytes:
    # Not by its size alone: a file may grow, or be a device. Nor the most at once: a read takes memory for all of it.
    with path.open("rb") as file:
        content = file.read(min(os.fstat(file.fileno()).st_size, most) + 1)
        while len(content) <= most and (more := file.read(PIECE)):
            content += more
    if len(content) > most:
        raise ValueError(_too_large(path.stat().st_size, most))
    return content


def _too_large(found: int, most: int) -> str:
    return f"found {found / 1e6:,.1f} MB, expected at most {most / 1e6:,.0f} MB"


DEEPEST = 40
"""Objects and lists within each other; ours have eight."""
DIGITS = 300
"""Of a whole number; with more it is no float."""


def read_object(path: Path) -> Mapping[str, Any]:
    """The object in a file; empty where there is no file.

    Numbers that are not finite are null, texts that are no UTF-8 are escaped as in our tables.

    Raises:
        DataError: It is too large or too deep, no JSON, or no object.
    """
    if not path.is_file():
        return {}
    size = path.stat().st_size
    if size > JSON_BYTES:
        raise DataError(
            f"{path}: found {size / 1e6:,.0f} MB, expected at most {JSON_BYTES / 1e6:.0f} MB; is it one of segexp?"
        )
    try:
        text = path.read_text(encoding="utf-8")
        if text.count("[") + text.count("{") > MOST_PARTS:
            raise DataError(f"{path}: found more than {MOST_PARTS} lists and objects; is it one of segexp?")
        content = _plain(text)
    except RecursionError as error:
        raise DataError(f"{path}: is nested deeper than {DEEPEST} levels; it is no file of segexp") from error
    except ValueError as error:
        raise DataError(f"{path} is no valid JSON: {error}. Was it edited or cut short?") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}; expected an object with named entries.")
    return content


def parse_plain(text: str) -> Any:
    """The content of a JSON text with the numbers and texts of :func:`read_object`.

    Raises:
        ValueError: It is no JSON, or too deep.
    """
    try:
        return _plain(text)
    except RecursionError as error:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from error


def _plain(text: str) -> Any:
    content = json.loads(text, parse_constant=lambda _: None, parse_float=_float, parse_int=_int)
    return _checked(content, DEEPEST, escaped="\\ud" in text.lower())


def _float(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


def _int(text: str) -> int | None:
    return int(text) if len(text) <= DIGITS else None


def _checked(tree: Any, depth: int, *, escaped: bool) -> Any:
    """Counts levels, and where the text may hold half characters, escapes them."""
    if depth < 0:
        raise RecursionError
    if isinstance(tree, dict):
        return {_escaped(k, escaped): _checked(v, depth - 1, escaped=escaped) for k, v in tree.items()}
    if isinstance(tree, list):
        return [_checked(value, depth - 1, escaped=escaped) for value in tree]
    return _escaped(tree, escaped) if isinstance(tree, str) else tree


def _escaped(text: str, escaped: bool) -> str:
    return utf8(text).decode("utf-8") if escaped else text
