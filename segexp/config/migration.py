"""Brings configs of version 0.1 up to date: a config that a user wrote, or one that a run or checkpoint holds."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.config.retargeted import lies_in, retargeted_blocks
from segexp.config.settled_forms import NESTED, OWN_LOGGERS, form_changes, settle_forms
from segexp.config.stored.plain_values import refuse_size
from segexp.moved import KEYS, new_name


def migrated(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config with the names and forms of today; it is not changed itself."""
    return settle_forms({key: _renamed(value, key) for key, value in config.items()})


def migrated_stored(config: Any, source: Path) -> Any:
    """:func:`migrated` of a config that anybody may have written; what is no config stays as it is.

    Raises:
        StoredError: It is too large, or has blocks in blocks without end.
    """
    if not isinstance(config, Mapping):
        return config
    refuse_size(config, source)
    return migrated(config)


def changes(config: Mapping[str, Any]) -> list[str]:
    """Lists what :func:`migrated` does to a config, a line each: the key, what was found, and its new form."""
    return [*_changes(config, ""), *form_changes(config)]


def migration_note(config: Mapping[str, Any]) -> str | None:
    """Says in a line that a stored config is of an earlier version; None where it is of this one."""
    found = changes(config)
    more = f", and {len(found) - 1} more" if len(found) > 1 else ""
    return f"its config is of version 0.1 and was read with the names of today: {found[0]}{more}" if found else None


def for_hydra(words: Sequence[str]) -> list[str]:
    """Gives the words of a command as Hydra takes them: keys that may be new to its configs are added, ``++key=value``.

    Keys below ``callbacks`` and ``logger``, where names are the user's, those of a block whose class a word gives,
    arguments of Lightning's Trainer that no YAML lists, and keys of version 0.1. ``debug=fdr`` is an option of
    ``debugging``. Whether one of a data set is an old one is known with the class of its section, see :func:`migrated`;
    one of a user's own class is set just the same. A key that no class takes is found by the check of the config.
    """
    blocks = retargeted_blocks(words)
    return [f"++{word}" if _may_be_new(word, blocks) else _as_option(_deletes_today(word)) for word in words]


def as_given(words: Sequence[str]) -> list[str]:
    """The words of a command as a user gives them: the inverse of :func:`for_hydra`."""
    blocks = retargeted_blocks(words)
    given = [word[2:] if word.startswith("++") and _may_be_new(word[2:], blocks) else word for word in words]
    return [re.sub(f"^{_DEBUGGING}=", "debug=", word) for word in given]


_DEBUGGING = "debugging"
"""Group of the presets for debugging: Hydra takes a key and a group of one name for the group alone."""


def preset_of(words: Sequence[str]) -> str | None:
    """The preset for debugging that words of a command ask for, as in ``debug=fdr``; None: none."""
    found = (word.removeprefix(f"{_DEBUGGING}=") for word in words if word.startswith(f"{_DEBUGGING}="))
    return next(found, None)


def _as_option(word: str) -> str:
    """``debug=fdr`` as the option of a group that it is, and ``+trainer.max_epochs=3`` as a key that may be there."""
    if word.startswith("+trainer."):
        return f"+{word}"
    option = re.fullmatch(r"debug=([A-Za-z_][\w,]*)", word)
    return word if option is None or option[1].lower() in ("true", "false", "null") else f"{_DEBUGGING}={option[1]}"


_OLD_KEYS = frozenset(f"datamodule.{key}" for keys in KEYS.values() for key in keys)
_OLD_BLOCK = f"scheduler.{NESTED}"
_BESIDE = frozenset({"optimizer._partial_", "scheduler._partial_", "scheduler.interval", "scheduler.monitor"})
"""Keys that mean something, or nothing, whether or not the option's YAML lists them."""


def _may_be_new(word: str, blocks: frozenset[str]) -> bool:
    key, equals, _ = word.partition("=")
    below = key.startswith(("callbacks.", f"{_OLD_BLOCK}.")) or key == _OLD_BLOCK or key in _OLD_KEYS | _BESIDE
    below = below or (key.startswith("logger.") and key.split(".")[1] not in OWN_LOGGERS)
    below = below or (key.startswith("trainer.") and _is_unlisted(key))
    return bool(equals) and (below or lies_in(word, blocks))


def _is_unlisted(key: str) -> bool:
    """Whether a key below ``trainer`` is an argument of Lightning's that its YAML does not list, or a part of one."""
    from segexp.config.checks.tree import also_taken
    from segexp.config.schema import TrainerConfig

    _, name, *parts = key.split(".")
    return bool(parts) if name in TrainerConfig.__dataclass_fields__ else name in also_taken(TrainerConfig.also)


def _deletes_today(word: str) -> str:
    """``~scheduler.target.x`` as ``~scheduler.x``; any other word as it is."""
    return f"~scheduler.{word.removeprefix(_DELETED)}" if word.startswith(_DELETED) else word


_DELETED = f"~{_OLD_BLOCK}."


def key_today(key: str) -> str:
    """The dotted key that one of a command has today: ``scheduler.max_lr`` for ``scheduler.target.max_lr``."""
    return f"scheduler.{key.removeprefix(_OLD_BLOCK + '.')}" if key.startswith(f"{_OLD_BLOCK}.") else key


def _renamed(value: Any, key: str) -> Any:
    if isinstance(value, Mapping):
        names = _old_keys(value)
        kept = {name: _renamed(item, name) for name, item in value.items() if name not in names}
        # What was written under the old name counts more than what the new one has by itself.
        return kept | {names[name]: _renamed(item, name) for name, item in value.items() if name in names}
    if isinstance(value, list):
        return [_renamed(item, "") for item in value]
    return new_name(value) if key == "_target_" and isinstance(value, str) else value


def _old_keys(section: Mapping[str, Any]) -> Mapping[str, str]:
    """Old and new name of the keys of a section that have been renamed, by its class."""
    target = section.get("_target_")
    return KEYS.get(new_name(target), {}) if isinstance(target, str) else {}


def _changes(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        names = _old_keys(value)
        for name, item in value.items():
            if name in names:
                yield f"{path}.{name} is now {path}.{names[name]}"
            yield from _changes(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _changes(item, f"{path}.{index}")
    elif path.endswith("_target_") and isinstance(value, str) and (name := new_name(value)) != value:
        yield f"{path}: {value} is now {name}"
