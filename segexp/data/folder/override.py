"""Keys as words of a command line."""

import re
from collections.abc import Mapping
from typing import Any

from segexp.config.overrides.quoting import hydra_override, quote_patterns, shell_word

_STARS = re.compile(r"[\w/.-]*\*[\w/.*-]*", re.ASCII)


def format_override(key: str, value: Any) -> str:
    """``'datamodule.masks=gt/{stem}.png'`` in quotes, as a shell needs it and the command line reads it."""
    # Hydra takes the blanks in a colour as they are.
    word = re.sub(r"(\d+)\\ (\d+)\\ (\d+):", r"\1 \2 \3:", hydra_override(f"datamodule.{key}", value))
    plain = f"datamodule.{key}={value}"
    # What the command line quotes by itself, and a pattern with stars, is easier to read without.
    by_itself = isinstance(value, str) and (
        quote_patterns(["datamodule=folder", plain])[1] != plain or bool(_STARS.fullmatch(value))
    )
    return shell_word(plain if by_itself else word)


def format_overrides(keys: Mapping[str, Any]) -> str:
    """Several of them, parted by blanks."""
    return " ".join(format_override(key, value) for key, value in keys.items())
