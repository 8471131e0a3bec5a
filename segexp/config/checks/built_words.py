"""Words that Python code gives to parts: what a command line cannot pass, code may not either."""

import typing
from typing import Any, Literal, get_args, get_origin

from segexp.config.checks.annotation_fit import describe, hint, matches
from segexp.errors import ConfigError


def check_word(key: str, value: object, words: Any) -> None:
    """Refuses a value that is none of the words of a parameter.

    Args:
        key: Name of the parameter.
        value: What was given.
        words: Its annotation, such as ``Literal["first", "random"]``.

    Raises:
        ConfigError: It does not fit; the text names the words, and the nearest.
    """
    if not matches(value, words):
        raise ConfigError(f"{key}: found {value!r}, expected {describe(words)}.{hint(key, value, words)}".rstrip("."))


def check_words(made: object, path: str) -> None:
    """Refuses an object whose parameters of words hold others, as far as it keeps them under their own names.

    A class of one's own may give a parameter another meaning: the annotation of the constructor that names it first
    counts.

    Args:
        made: An object, before it puts anything else in the place of what was given.
        path: Dotted key of it, for the message.

    Raises:
        ConfigError: A value is none of the words.
    """
    seen: set[str] = set()
    for cls in type(made).__mro__:
        words = _words_of(cls)
        for key in sorted((words.keys() - seen) & vars(made).keys()):
            if isinstance(value := vars(made)[key], str | int):
                check_word(f"{path}.{key}", value, words[key])
        seen |= set(getattr(vars(cls).get("__init__"), "__annotations__", {}))


def _words_of(cls: type) -> dict[str, Any]:
    """Parameters of the class's own constructor that take words."""
    own = vars(cls).get("__init__")
    try:
        hints = {} if own is None else typing.get_type_hints(own, include_extras=True)
    except (NameError, TypeError):
        return {}  # a name that is imported for annotations only
    return {key: annotation for key, annotation in hints.items() if _has_words(annotation)}


def _has_words(annotation: Any) -> bool:
    return get_origin(annotation) is Literal or any(map(_has_words, get_args(annotation)))
