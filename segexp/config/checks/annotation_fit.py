"""Whether a plain value of the config fits an annotation, what the annotation asks for in words, and what was meant."""

import dataclasses
import math
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from segexp.config.checks.foreign_names import FOREIGN_VALUES
from segexp.config.checks.suggest import nearest_choice
from segexp.config.overrides.quoting import printed
from segexp.config.signatures.signature import UNKNOWN
from segexp.types import Pattern, Range, Word


def matches(value: Any, annotation: Any) -> bool:
    """Tells whether a plain value fits an annotation (whole numbers fit float; true and false fit only bool)."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation is Any or annotation is UNKNOWN:
        return True
    if origin is Annotated:
        if any(isinstance(m, Word) and value == m.word for m in annotation.__metadata__):
            return True
        ranges = [m for m in annotation.__metadata__ if isinstance(m, Range | Pattern)]
        return matches(value, args[0]) and all(r.allows(value) for r in ranges)
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in args)
    if origin in (typing.Union, types.UnionType):
        return any(matches(value, member) for member in args)
    if origin is list:
        return isinstance(value, list) and all(matches(item, args[0]) for item in value)
    if origin is dict:
        return isinstance(value, Mapping) and all(matches(k, args[0]) and matches(v, args[1]) for k, v in value.items())
    return _is_plain(value, annotation)


_LARGEST = 2**63 - 1
"""Whole numbers that torch and numpy can hold."""


def _is_plain(value: Any, annotation: Any) -> bool:
    if dataclasses.is_dataclass(annotation):
        return isinstance(value, Mapping)
    if isinstance(value, bool):
        return annotation is bool or not isinstance(annotation, type) or annotation is object
    if annotation is float:
        whole = isinstance(value, int) and abs(value) <= _LARGEST
        return whole or (isinstance(value, float) and not math.isnan(value))
    if annotation is int:
        return isinstance(value, int) and abs(value) <= _LARGEST
    if annotation in (tuple, set, frozenset):
        return isinstance(value, list)
    return not isinstance(annotation, type) or isinstance(value, annotation)


def describe(annotation: Any) -> str:
    """An annotation in words."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        ranges = [str(m) for m in annotation.__metadata__ if isinstance(m, Range | Pattern)]
        instead = [str(m) for m in annotation.__metadata__ if isinstance(m, Word)]
        return " | ".join([", ".join([describe(args[0]), *ranges]), *instead])
    if origin is Literal:
        return " | ".join(str(choice) for choice in args)
    if origin in (typing.Union, types.UnionType):
        return " | ".join(dict.fromkeys(describe(member) for member in args))
    if origin is list:
        return f"a list of {describe(args[0])}"
    if origin is dict and Any not in args:
        return f"a block of {describe(args[0])}: {describe(args[1])}"
    if origin is dict or dataclasses.is_dataclass(annotation):
        return "a block of keys"
    words = {int: "a whole number", float: "a number", str: "text", bool: "true | false", type(None): "null"}
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))


def hint(path: str, value: Any, annotation: Any) -> str:
    """Proposes what was meant by a value that does not fit: the nearest choice, or the value as a list.

    Args:
        path: Dotted key.
        value: Value that does not fit.
        annotation: Annotation of the key.

    Returns:
        A sentence with a space before it; empty: nothing is known.
    """
    if isinstance(value, str) and (ends := _RANGE.fullmatch(value)) is not None and _KEY.fullmatch(path):
        return f" For a sweep write -m '{path}=range({ends[1]},{int(ends[2]) + 1})'."
    choices = [str(c) for c in _choices(annotation)]
    wrong = [str(item) for item in (value if isinstance(value, list) else [value]) if str(item) not in choices]
    if wrong and wrong[0] in FOREIGN_VALUES and "ddp" in choices:
        return f" {FOREIGN_VALUES[wrong[0]]}."
    found = nearest_choice(wrong[0], choices) if wrong else None
    if found is not None:
        return f" Did you mean '{found}'?"
    meant = next((each for each in _as_lists(value, annotation) if matches(each, annotation)), None)
    return f" Write {printed(path, meant)}." if meant is not None and _can_be_typed(path, meant) else ""


_RANGE = re.compile(r"(\d{1,9})(?:\.\.\.?|-|:)(\d{1,9})")
"""``1..5``, as a range of whole numbers is written elsewhere."""
_KEY = re.compile(r"\w[\w.-]*", re.ASCII)
"""Dotted keys that stand in a command line: no items of lists."""
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Halves of letters beyond 16 bits; those between stand for bytes of names that are no text."""


def _can_be_typed(path: str, items: Sequence[object]) -> bool:
    """Whether a line can hold the key and the list; half a letter, which a file may hold, is no text of a shell."""
    return _KEY.fullmatch(path) is not None and not _HALVES.search("".join(map(str, items)))


def _as_lists(value: Any, annotation: Any) -> Iterator[list[Any]]:
    """Lists that a value may stand for: of it alone, of its items as text, the empty one for null."""
    if value is None:
        # Where something else may stand in place of a list, nobody knows what was meant.
        yield from [[]] if get_origin(annotation) is list else []
        return
    members = get_args(annotation) if get_origin(annotation) in (typing.Union, types.UnionType) else ()
    if any(type(value) is (get_args(member)[0] if get_origin(member) is Annotated else member) for member in members):
        return  # one is taken, but not this one
    items = value if isinstance(value, list) else [value]
    yield items
    yield [str(item) if isinstance(item, int | float) and not isinstance(item, bool) else item for item in items]


def _choices(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Literal:
        yield from get_args(annotation)
    elif isinstance(annotation, Word):
        yield annotation.word
    elif get_origin(annotation) is not None:
        for member in get_args(annotation):
            yield from _choices(member)
