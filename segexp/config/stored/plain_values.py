"""What a config that was stored holds, before anybody asks what it means: plain values, of a size, and references."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segexp.errors import StoredError

MOST_VALUES, DEEPEST = 100_000, 40
"""Values of a config, and blocks in blocks: a few kB of YAML can stand for billions of values."""
_REFERENCE = re.compile(r"\$\{\s*\.*[A-Za-z_]\w*(?:\.\w+|\[\w+\])*\s*\}")


def refuse_size(config: Any, source: Path) -> None:
    """Refuses what is no plain value, and configs that no hand could have written.

    Raises:
        StoredError: The file holds such a thing.
    """
    left = MOST_VALUES
    waiting: list[tuple[Any, int]] = [(config, 0)]
    while waiting:
        value, depth = waiting.pop()
        # Before they are put aside: a list may hold itself a million times.
        left -= len(value) if isinstance(value, Mapping | list | tuple) else 0
        if left < 0 or depth > DEEPEST:
            raise StoredError(f"{source}: is no config: more than {MOST_VALUES} values, or {DEEPEST} blocks in blocks")
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str | int | float | bool | None):
                    raise StoredError(f"{source}: is no config: a key is a {type(key).__name__}, {str(key)[:80]!r}")
            waiting += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list | tuple):
            waiting += [(item, depth + 1) for item in value]
        elif not isinstance(value, str | int | float | bool | None) and type(value).__module__ != "datetime":
            raise StoredError(f"{source}: is no config: found a {type(value).__name__}, expected plain values")


def texts(value: Any, key: str) -> Iterator[tuple[str, str]]:
    """All texts with their keys, texts of keys too."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            below = f"{key}.{name}" if key else str(name)
            if isinstance(name, str):
                yield below, name
            yield from texts(item, below)
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from texts(item, f"{key}.{number}")
    elif isinstance(value, str):
        yield key, value


def refuse_references(config: Any, source: Path) -> None:
    """Refuses references in a config that is resolved, as that of a checkpoint is: they would be resolved once more.

    Raises:
        StoredError: There is one.
    """
    for key, text in texts(config, ""):
        if "${" in text:
            raise StoredError(
                f"{source}: {key}: found {text!r}, a reference where the value itself is expected; write it"
            )


def refers(source: Path, key: str, text: str) -> bool:
    """Returns whether a text refers to other keys.

    Raises:
        StoredError: It calls a resolver, which reads the environment or files.
    """
    if "${" not in text:
        return False
    if "${" in _REFERENCE.sub("", text) or key.endswith("_target_"):
        raise StoredError(
            f"{source}: {key}: found {text!r}; of a stored file only references to other keys are taken, such as "
            "${optimizer.lr}, nothing that reads the environment or files; write the value itself"
        )
    return True


def resolved(config: Mapping[Any, Any], source: Path) -> Mapping[Any, Any]:
    """A config with the values that are referred to; a block that stands in a second place is looked at there too.

    Raises:
        StoredError: A reference leads nowhere, or the whole becomes too large.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        found: Any = OmegaConf.to_container(OmegaConf.create(dict(config)), resolve=True)
    except (OmegaConfBaseException, RecursionError) as error:
        raise StoredError(f"{source}: a reference leads nowhere: {str(error).splitlines()[0]}") from error
    refuse_size(found, source)
    return dict(found)


def targets(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every ``_target_`` with the key of its block."""
    if isinstance(value, Mapping):
        if isinstance(value.get("_target_"), str):
            yield path, value["_target_"]
        for key, item in value.items():
            yield from targets(item, (*path, str(key)))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from targets(item, (*path, str(number)))
