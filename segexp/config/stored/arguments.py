"""Stored words of a command line, and stored options of groups: what they may be, and the values that they give."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.errors import StoredError


def check_choices(choices: Mapping[Any, Any], source: Path) -> None:
    """Checks stored options of groups: names, no paths to other files.

    Raises:
        StoredError: One is no name.
    """
    for group, option in choices.items():
        _refuse_option(str(group), str(option), source)


def refuse_word(word: str, source: Path) -> None:
    """Refuses a word that is no ``key=value``, a key of Hydra's own, or a path in place of an option.

    Raises:
        StoredError: It is one of these.
    """
    key, _, value = word.lstrip("+~").partition("=")
    if word.startswith("-"):
        raise StoredError(f"{source}: {word}: a flag is not taken from a file; give it in the command if it is right")
    if re.match(r"hydra\b", key) or "@" in key or "/" in key:
        raise StoredError(f"{source}: {word}: Hydra's own keys are not taken from a file; give it in the command")
    if _KEY.fullmatch(key) is None:
        raise StoredError(f"{source}: {word!r}: is no override; expected key=value")
    if "." not in key and key not in _PLAIN:
        _refuse_option(key, value, source)


_KEY = re.compile(r"[A-Za-z_$][\w$.-]*")
_PLAIN = ("name", "output_dir", "resume", "init_from", "monitor", "from")
"""Keys without a dot whose values are free texts, and not options of a group."""


def _refuse_option(group: str, option: str, source: Path) -> None:
    if ("{" not in option and re.search(r"[/\\]|\.\.|:", option)) or re.match(r"hydra\b", group):
        raise StoredError(f"{source}: {group}={option}: found a path, expected the name of an option")


def parts(word: str, source: Path) -> Iterator[dict[str, Any]]:
    """The part of a config that each value of an override makes; a range of numbers, of a search, makes none.

    Raises:
        StoredError: It is no override.
    """
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import ChoiceSweep, Glob, Sweep
    from hydra.errors import HydraException

    key, _, text = word.lstrip("+~").partition("=")
    if _RANGE.fullmatch(text):
        return
    try:
        value = OverridesParser.create().parse_override(word).value()
    except HydraException as error:
        raise StoredError(f"{source}: {word}: is no override: {str(error).splitlines()[0]}") from error
    if isinstance(value, ChoiceSweep):
        yield from (_block(key.split("."), _unquoted(each)) for each in value.list)
    elif not isinstance(value, Sweep | Glob):
        yield _block(key.split("."), _unquoted(value))


_RANGE = re.compile(r"(log|int_log|int)\([^()]*\)")
"""What a search has beside Hydra's own ranges."""


def _unquoted(value: Any) -> Any:
    from hydra.core.override_parser.types import QuotedString

    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, dict):
        return {_unquoted(key): _unquoted(item) for key, item in value.items()}
    return [_unquoted(item) for item in value] if isinstance(value, list) else value


def _block(path: Sequence[str], value: Any) -> dict[str, Any]:
    return {path[0]: _block(path[1:], value) if len(path) > 1 else value}
