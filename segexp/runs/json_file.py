"""JSON that may come from anybody: what is read is small enough, no deeper than ours, and holds finite numbers only."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segexp.errors import DataError
from segexp.runs.bounded import JSON_BYTES, MOST_PARTS
from segexp.runs.text import utf8

LARGEST = JSON_BYTES
"""Bytes of a file; ours have a few hundred thousand."""
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
    if size > LARGEST:
        raise DataError(
            f"{path}: found {size / 1e6:,.0f} MB, expected at most {LARGEST / 1e6:.0f} MB; is it one of segexp?"
        )
    try:
        text = path.read_text(encoding="utf-8")
        if text.count("[") + text.count("{") > MOST_PARTS:
            raise DataError(f"{path}: found more than {MOST_PARTS} lists and objects; is it one of segexp?")
        content = json.loads(text, parse_constant=lambda _: None, parse_float=_float, parse_int=_int)
        content = _checked(content, DEEPEST, escaped="\\ud" in text.lower())
    except RecursionError as error:
        raise DataError(f"{path}: is nested deeper than {DEEPEST} levels; it is no file of segexp") from error
    except ValueError as error:
        raise DataError(f"{path} is no valid JSON: {error}. Was it edited or cut short?") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}; expected an object with named entries.")
    return content


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
        return {_text(k, escaped): _checked(v, depth - 1, escaped=escaped) for k, v in tree.items()}
    if isinstance(tree, list):
        return [_checked(value, depth - 1, escaped=escaped) for value in tree]
    return _text(tree, escaped) if isinstance(tree, str) else tree


def _text(text: str, escaped: bool) -> str:
    return utf8(text).decode("utf-8") if escaped else text
