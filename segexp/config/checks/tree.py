"""Checks a composed config, whole, before torch is imported: unknown keys, wrong types, values out of range."""

import dataclasses
import importlib.util
import sys
import types
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Any, get_args, get_origin

from segexp.config.checks.annotation_fit import describe, hint, matches
from segexp.config.checks.suggest import did_you_mean, nearest
from segexp.config.schema import AlsoTaken, Supplied
from segexp.config.settled_forms import OWN_CALLBACKS, OWN_LOGGERS
from segexp.config.signatures.plain_lightning import comes_from
from segexp.config.signatures.signature import UNKNOWN, Parameter, exists, signature
from segexp.config.signatures.source import broken, names_in
from segexp.config.signatures.tensor_keys import is_tensor
from segexp.errors import ConfigError

MISSING = "???"
INSTANTIATE_KEYS = {"_target_", "_partial_", "_args_", "_convert_", "_recursive_"}


def check_config(config: Mapping[str, Any], schema: type) -> None:
    """Checks the tree against a schema dataclass and all ``_target_`` signatures.

    Args:
        config: Plain, resolved config; ``???`` stands for a value that must be given.
        schema: A dataclass of :mod:`segexp.config.schema`.

    Raises:
        ConfigError: Names every wrong key at once, a line each.
    """
    problems = list(_section(config, schema, ""))
    if problems:
        raise ConfigError("\n".join(problems))


def _section(value: Any, schema: type, path: str) -> Iterator[str]:
    """Problems of a mapping whose keys are the fields of a dataclass."""
    if not isinstance(value, Mapping):
        yield f"{path}: found {value!r}, expected a block of keys"
        return
    hints = typing.get_type_hints(schema, include_extras=True)
    required = {f.name for f in dataclasses.fields(schema) if f.default is f.default_factory is dataclasses.MISSING}
    also = getattr(schema, "also", None)
    if isinstance(also, AlsoTaken) and not value.keys() <= hints.keys():
        yield from _elsewhere(value, also, path)
        hints = also_taken(also) | hints
    yield from _names(value, hints, path, also.elsewhere if isinstance(also, AlsoTaken) else None)
    for key in sorted(required - set(value)):
        yield f"{_join(path, key)}: missing; leave the key in, every key has a value"
    for key, item in value.items():
        if key in hints:
            yield from _value(item, hints[key], _join(path, key))


def _elsewhere(value: Mapping[str, Any], also: AlsoTaken, path: str) -> Iterator[str]:
    """Problems of keys that are said in another place."""
    for key in value.keys() & also.elsewhere.keys():
        yield f"{_join(path, key)}: is set by segexp: {also.elsewhere[key]}"


def also_taken(also: AlsoTaken) -> dict[str, Any]:
    """Keys that a section takes beside its fields, with their annotations; those said elsewhere take anything."""
    found = signature(also.target)
    taken = {} if found is None else found.parameters
    known = {name: Any if each.annotation is UNKNOWN else each.annotation for name, each in taken.items()}
    return known | dict.fromkeys(also.elsewhere, Any)


def _names(
    value: Mapping[str, Any], valid: Mapping[str, Any], path: str, elsewhere: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Problems of keys that are none; those that are said in another place are not listed as valid ones."""
    listed = [_join(path, name) for name in valid if name not in (elsewhere or {})]
    for key in value:
        if key in valid:
            continue
        full = _join(path, str(key))
        meant = nearest(full, [_join(path, name) for name in valid]) if elsewhere else None
        name = "" if meant is None else meant.rpartition(".")[2]
        if elsewhere and name in elsewhere:
            yield f"{full}: no such key. Did you mean '{meant}'? It is set by segexp: {elsewhere[name]}"
        else:
            yield f"{full}: no such key.{did_you_mean(full, listed)}"


def _value(value: Any, annotation: Any, path: str) -> Iterator[str]:
    """Problems of one value against an annotation."""
    if value == MISSING:
        yield f"{path}: must be given; add {path}=<value> to the command"
        return
    supplied = next((m for m in getattr(annotation, "__metadata__", ()) if isinstance(m, Supplied)), None)
    if supplied is not None and isinstance(value, Mapping):
        yield from _target(value, supplied, path)
    elif isinstance(value, Mapping) and (schema := dataclass_of(annotation)) is not None:
        yield from _section(value, schema, path)
    elif isinstance(value, Mapping) and "_target_" in value:
        yield from _target(value, Supplied(), path)
    elif isinstance(value, Mapping) and (element := _of_blocks(annotation)) is not None:
        for key, item in value.items():
            yield from _value(item, element, _join(path, str(key)))
    elif not matches(value, annotation):
        yield f"{path}: found {_short(value)}, expected {describe(annotation)}.{hint(path, value, annotation)}"
    else:
        yield from _inner(value, annotation, path)


def _short(value: Any) -> str:
    # As it is typed, not as Python says it.
    text = (
        {None: "null", True: "true", False: "false"}[value] if value is None or isinstance(value, bool) else repr(value)
    )
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


_SHOWN = 80
"""Characters of a value that are told."""


def dataclass_of(annotation: Any) -> type | None:
    """The dataclass that a block of keys stands for: the annotation itself, or a member of a union."""
    members = get_args(annotation) if get_origin(annotation) in (typing.Union, types.UnionType) else (annotation,)
    return next((member for member in members if isinstance(member, type) and dataclasses.is_dataclass(member)), None)


def supplied_keys(schema: type, path: str) -> tuple[str, ...]:
    """Keys of the block at a dotted path that the program gives."""
    annotation: Any = schema
    for part in path.split("."):
        hints = typing.get_type_hints(annotation, include_extras=True) if dataclasses.is_dataclass(annotation) else {}
        annotation = hints.get(part) or _of_blocks(annotation)
    found = next((mark for mark in getattr(annotation, "__metadata__", ()) if isinstance(mark, Supplied)), Supplied())
    return found.keys


def fields_of(annotation: Any) -> dict[str, Any]:
    """Keys of the block that an annotation stands for with their annotations; empty where it is none."""
    schema = dataclass_of(annotation)
    return {} if schema is None else typing.get_type_hints(schema, include_extras=True)


def _of_blocks(annotation: Any) -> Any | None:
    """The annotation of the values of a free block whose keys are names of the user's: ``dict[str, <value>]``."""
    members = (annotation,) if get_origin(annotation) is dict else get_args(annotation)
    blocks = [get_args(member)[1] for member in members if get_origin(member) is dict]
    return blocks[0] if blocks and blocks[0] is not Any else None


def _inner(value: Any, annotation: Any, path: str) -> Iterator[str]:
    """Goes on inside lists and free blocks, where nested ``_target_`` stand."""
    if isinstance(value, Mapping):
        if "_target_" in value:
            yield from _target(value, Supplied(), path)
        else:
            for key, item in value.items():
                yield from _inner(item, Any, _join(path, str(key)))
    elif isinstance(value, list):
        args = get_args(annotation)
        element = args[0] if len(args) == 1 and hasattr(args[0], "__metadata__") else Any
        for index, item in enumerate(value):
            if element is Any:
                yield from _inner(item, Any, f"{path}[{index}]")
            else:
                yield from _value(item, element, f"{path}[{index}]")


def _target(value: Mapping[str, Any], supplied: Supplied, path: str) -> Iterator[str]:
    """Problems of a section that builds an object."""
    target, beside = value.get("_target_"), fields_of(supplied.beside)
    keys = {key: item for key, item in value.items() if key not in INSTANTIATE_KEYS and key not in beside}
    yield from _beside(value, beside, path)
    if beside and "_target_" in value and target is None:
        yield from _without_object(keys, path)
        return
    if (problem := _no_class(value, path) or _existence(str(target), path)) is not None:
        yield problem
        return
    found = signature(str(target))
    if found is None:
        return
    if value.get("generate") is True:
        # What must be given are places of files, and these are drawn.
        keys = {key: item for key, item in keys.items() if item != MISSING}
    if supplied.base is not None and not comes_from(target, supplied.base):
        supplied = dataclasses.replace(supplied, keys=(), optional=supplied.keys)
    for key in keys:
        if key in supplied.keys:
            yield f"{_join(path, key)}: is taken from the data or the program and cannot be set; remove it"
    valid = {name: p for name, p in found.parameters.items() if name not in supplied.keys}
    if not found.open:
        yield from _names({k: v for k, v in keys.items() if k not in supplied.keys}, {**valid, **beside}, path)
    yield from _parameters(value, keys, valid, supplied, path)


def _parameters(
    value: Mapping[str, Any], keys: Mapping[str, Any], valid: Mapping[str, Parameter], supplied: Supplied, path: str
) -> Iterator[str]:
    """Problems of the arguments of a class: keys that are given, and those that are missing."""
    for name, parameter in valid.items():
        if name in supplied.filled and keys.get(name, "auto") == "auto":
            continue
        if supplied.auto and (keys.get(name) == "auto" or is_shares(name, keys.get(name))):
            continue
        if name in keys and is_tensor(str(value["_target_"]), name, keys[name]):
            continue
        if supplied.filled and isinstance(item := keys.get(name), Mapping) and "_target_" in item:
            yield from _target(item, Supplied(filled=supplied.filled), _join(path, name))
            continue
        if name in supplied.inner and name in keys:
            yield from _objects(keys[name], dataclasses.replace(supplied, beside=None), _join(path, name))
            continue
        if name in keys and parameter.annotation is not UNKNOWN:
            yield from _value(keys[name], parameter.annotation, _join(path, name))
        elif name in keys:
            yield from _value(keys[name], Any, _join(path, name))
        elif parameter.required and not _comes_later(name, value, supplied):
            yield f"{_join(path, name)}: must be given; add {_join(path, name)}=<value> to the command"


def _comes_later(name: str, value: Mapping[str, Any], supplied: Supplied) -> bool:
    """Whether an argument that a block does not name is given all the same."""
    return bool(value.get("_partial_")) or "_args_" in value or name in value or name in supplied.optional


def _objects(value: Any, supplied: Supplied, path: str) -> Iterator[str]:
    """Problems of several objects of a kind, in a list or by names."""
    if isinstance(value, Mapping) and "_target_" not in value:
        named = {_join(path, str(key)): item for key, item in value.items()}
    else:
        named = {f"{path}[{number}]": item for number, item in enumerate(value if isinstance(value, list) else [value])}
    for place, item in named.items():
        if isinstance(item, Mapping):
            yield from _target(item, supplied, place)
        else:
            yield f"{place}: found {_short(item)}, expected a block with a _target_"


def is_shares(key: str, value: Any) -> bool:
    """Tells whether a value of ``milestones`` has shares of the run, numbers below 1, which become whole numbers."""
    return (
        key == "milestones" and isinstance(value, list) and any(isinstance(one, float) and 0 < one < 1 for one in value)
    )


def _without_object(keys: Mapping[str, Any], path: str) -> Iterator[str]:
    """The problem of arguments for no class."""
    if keys:
        yield f"{path}._target_: found null, which takes no {', '.join(keys)}; for none of it write {path}=none"


def _beside(value: Mapping[str, Any], beside: Mapping[str, Any], path: str) -> Iterator[str]:
    """Problems of keys that stand beside the arguments of a class."""
    for name in beside.keys() & value.keys():
        yield from _value(value[name], beside[name], _join(path, name))


_NAMED: Mapping[str, Collection[str]] = {"callbacks": OWN_CALLBACKS, "logger": OWN_LOGGERS}
"""Groups whose blocks have names of the user's, with the names of segexp's own."""


def _no_class(value: Mapping[str, Any], path: str) -> str | None:
    """The problem of a ``_target_`` that is no dotted path."""
    target = value.get("_target_")
    if "_target_" not in value:
        group, _, name = path.partition(".")
        if group not in _NAMED:
            return f"{path}: no _target_, the class to build; choose an option: {path}=<name>"
        meant = nearest(name, _NAMED[group])
        hint = f"; did you mean '{group}.{meant}'?" if meant is not None else ""
        return f"{path}: no _target_, the class to build; add {path}._target_=<package.module.Class>{hint}"
    if target == MISSING:
        return f"{path}._target_: must be given; add {path}._target_=<package.module.Class>"
    if not isinstance(target, str) or "." not in target.strip("."):
        return f"{path}._target_: found {_short(target)}, expected a class with its module, as package.module.Class"
    return None


def _existence(target: str, path: str) -> str | None:
    module, _, name = target.rpartition(".")
    if exists(target) is False:
        return f"{path}._target_: {module} has no {name!r}.{did_you_mean(name, names_in(module))}"
    top = target.split(".", 1)[0]
    if (reason := broken(module)) is not None:
        return f"{path}._target_: {target} cannot be imported: {reason}"
    if not top.isidentifier() or (exists(target) is None and not _is_there(top)):
        return f"{path}._target_: no module {top!r} is installed (found {target!r}); is its package on the path?"
    return None


def _is_there(top: str) -> bool:
    """Whether a module of this name can be imported, as far as is known without doing so."""
    try:
        return top in sys.modules or importlib.util.find_spec(top) is not None
    except (ImportError, AttributeError, ValueError):  # a finder that fails; the import will tell
        return True


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
