"""Keys as words of a command line."""

import shlex
from collections.abc import Mapping
from typing import Any


def override(key: str, value: Any) -> str:
    """``datamodule.masks=gt/{stem}.png`` in quotes, as a shell needs it and Hydra reads it."""
    return shlex.quote(f"datamodule.{key}={_grammar(value)}")


def overrides(keys: Mapping[str, Any]) -> str:
    """Several of them, parted by blanks."""
    return " ".join(override(key, value) for key, value in keys.items())


def _grammar(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key}:{_grammar(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(_grammar(item) for item in value) + "]"
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
