"""Values of config keys, drawn from their annotations: most of them allowed, some not."""

import dataclasses
import math
import random
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

from segexp.config.checks.tree import dataclass_of, fields_of
from segexp.config.schema import Supplied, TrainConfig
from segexp.config.signatures.signature import UNKNOWN, signature
from segexp.types import Range

Draw = random.Random
ODD: tuple[Any, ...] = (-1, 0, 1.5, 10**12, math.inf, math.nan, True, "", "abc", [], None, {}, [1, 2])
"""Values of the wrong type or out of range for most keys."""


def leaves(tree: Mapping[str, Any], schema: type = TrainConfig) -> Iterator[tuple[str, Any, Any]]:
    """Dotted key, annotation and value of every key of a config that is no block, those of classes included."""
    for key, annotation in fields_of(schema).items():
        if key in tree:
            yield from _leaves(tree[key], annotation, key)


def _leaves(value: Any, annotation: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(value, Mapping) and value.get("_target_"):
        found = signature(str(value["_target_"]))
        known = {} if found is None else found.parameters
        beside = fields_of(next((m.beside for m in _metadata(annotation) if m.beside), None))
        for key, item in value.items():
            if not key.startswith("_"):
                own = known[key].annotation if key in known else beside.get(key, UNKNOWN)
                yield from _leaves(item, own, f"{path}.{key}")
    elif isinstance(value, Mapping) and dataclass_of(annotation) is not None:
        for key, own in fields_of(annotation).items():
            if key in value:
                yield from _leaves(value[key], own, f"{path}.{key}")
    elif isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _leaves(item, _of_values(annotation), f"{path}.{key}")
    elif not isinstance(value, Mapping):
        yield path, annotation, value


def _metadata(annotation: Any) -> list[Supplied]:
    return [mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Supplied)]


def _of_values(annotation: Any) -> Any:
    return get_args(annotation)[1] if get_origin(annotation) is dict else UNKNOWN


def draw_value(annotation: Any, now: Any, draw: Draw) -> Any:
    """A value for a key: one that its annotation allows, as a rule, near the present one or at the end of its range."""
    origin, args = get_origin(annotation), get_args(annotation)
    if annotation in (UNKNOWN, Any):
        return near(now, draw)
    if origin is Annotated:
        ranges = [mark for mark in annotation.__metadata__ if isinstance(mark, Range)]
        if not ranges:
            return draw_value(args[0], now, draw) if args[0] is not str else now
        return _in_range(ranges[0], whole=args[0] is int, now=now, draw=draw)
    if origin is Literal:
        return draw.choice(args)
    if origin in (typing.Union, types.UnionType):
        return draw_value(draw.choice(args), now, draw)
    if origin is list:
        return [draw_value(args[0], None, draw) for _ in range(draw.randint(1, 3))] if draw.random() < 0.5 else now
    if dataclasses.is_dataclass(annotation) or origin is dict:
        return now
    return _plain(annotation, now, draw)


def _plain(annotation: Any, now: Any, draw: Draw) -> Any:
    if annotation in (type(None), None):
        return None
    if annotation is bool:
        return draw.random() < 0.5
    if annotation in (int, float) and (now is None or isinstance(now, bool | str | list)):
        return draw.choice((0, 1, 2, 3)) if annotation is int else draw.choice((0.0, 0.1, 0.5, 1.0))
    return near(now, draw)


def _in_range(allowed: Range, *, whole: bool, now: Any, draw: Draw) -> Any:
    low = allowed.low if allowed.low is not None else -10
    high = min(allowed.high if allowed.high is not None else 64, 64) if low <= 64 else low + 1
    ends = [low, low + 1, low + 2, high, (low + high) // 2] if whole else [low, high, (low + high) / 2, 1e-3, 0.1, 1.0]
    if isinstance(now, int | float) and not isinstance(now, bool):
        ends += [now, now * 2, now / 2]
    numbers = [int(end) if whole else float(end) for end in ends if math.isfinite(end)]
    inside = [number for number in numbers if allowed.allows(number)]
    return draw.choice(inside) if inside else now


def near(now: Any, draw: Draw) -> Any:
    """A value of the kind of another one, near it."""
    if isinstance(now, bool):
        return not now
    if isinstance(now, int):
        return draw.choice((now, now + 1, max(0, now - 1), 2 * now, 1))
    if isinstance(now, float):
        return draw.choice((now, now * 2, now / 2, 0.1, 0.5, 0.9))
    if isinstance(now, list):
        return draw.choice((now, now[:1], now[::-1], [near(item, draw) for item in now]))
    return now


def written(value: Any) -> str:
    """A value as it is written on a command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}: {written(item)}" for key, item in value.items()) + "}"
    return "''" if value == "" else str(value)
