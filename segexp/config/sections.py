"""From plain configs, which YAML and stored files hold, to dataclasses, which the program reads, and back."""

import dataclasses
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from segexp.config.checks.tree import dataclass_of

T = TypeVar("T")


def structured(schema: type[T], plain: Mapping[str, Any]) -> T:
    """Makes a dataclass of a plain config, block by block; blocks with ``_target_`` and free ones stay mappings.

    Args:
        schema: A dataclass of :mod:`segexp.config.schema` or :mod:`segexp.config.command_schema`.
        plain: Checked against it; keys that it does not have are left out.

    Raises:
        TypeError: A key without a default is missing.
    """
    return schema(**blocks(schema, plain))


def blocks(schema: type, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the arguments of a dataclass from a plain config, see :func:`structured`."""
    hints = typing.get_type_hints(schema)
    return {key: _structured(value, hints[key]) for key, value in plain.items() if key in hints}


def _structured(value: Any, annotation: Any) -> Any:
    schema = dataclass_of(annotation)
    return structured(schema, value) if schema is not None and isinstance(value, Mapping) else value


def plain_block(block: Any, schema: type, written: Mapping[str, Any]) -> dict[str, Any]:
    """Turns a dataclass back into a plain config, in the order and with the keys of the one that it was made of.

    A key with its default that was not written stays away: configs of earlier versions lack keys of today.

    Args:
        block: An object of ``schema``.
        schema: Whose fields are keys; those of a subclass of it are none.
        written: The plain config of which the object was made.
    """
    fields = {field.name: field for field in dataclasses.fields(schema)}
    new = [name for name, field in fields.items() if name not in written and getattr(block, name) != _default(field)]
    values = {name: getattr(block, name) if name in fields else written[name] for name in (*written, *new)}
    return {name: _plain(value, written.get(name)) for name, value in values.items()}


def with_defaults(schema: type, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the keys that a config of an earlier version lacks, each with the default of its schema; blocks stay."""
    optional = {field.name: _default(field) for field in dataclasses.fields(schema)}
    return {**{name: _whole(value) for name, value in optional.items() if _has(value)}, **plain}


def _whole(default: Any) -> Any:
    """A default in plain types; a block with all of its keys, as it is written where it is composed."""
    block = dataclasses.is_dataclass(default) and not isinstance(default, type)
    return dataclasses.asdict(default) if block else _plain(default, None)


def _has(default: Any) -> bool:
    return default is not dataclasses.MISSING


def _default(field: "dataclasses.Field[Any]") -> Any:
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default


def _plain(value: Any, written: Any) -> Any:
    """A value in plain types; blocks and lists are copies, so that no two configs share one."""
    if dataclasses.is_dataclass(value):
        return plain_block(value, type(value), written if isinstance(written, Mapping) else {})
    if isinstance(value, Mapping):
        return {key: _plain(item, None) for key, item in value.items()}
    return [_plain(item, None) for item in value] if isinstance(value, list) else value
