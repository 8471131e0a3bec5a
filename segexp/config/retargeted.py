"""A word that gives a block another class, ``optimizer._target_=torch.optim.RAdam``: what becomes of the other keys.

The block is that of the option which is chosen, and holds the keys of that option's own class. The new class keeps the
keys that it takes; the others, unless they were typed as well, are left out, and a line says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from segexp.config.schema import SchedulerConfig
from segexp.config.settled_forms import settle_forms
from segexp.config.signatures.signature import signature

ENDING = "._target_"
FORMS = ("_target_", "_args_", "_convert_", "_recursive_")
"""Keys that are Hydra's own; ``_partial_`` is a matter of the program where a block is built with more arguments."""
_PACE = {f"scheduler.{field.name}" for field in fields(SchedulerConfig)}
"""Keys beside a schedule, which are of the option too: every step with one cycle, and every epoch by default."""


def retargeted_blocks(words: Iterable[str]) -> frozenset[str]:
    """The blocks, dotted, to which words of a command line give a class: of ``optimizer._target_=x``, ``optimizer``."""
    keys = (word.lstrip("+").partition("=") for word in words)
    return frozenset(key.removesuffix(ENDING) for key, equals, _ in keys if equals and key.endswith(ENDING))


def lies_in(word: str, blocks: frozenset[str]) -> bool:
    """Returns whether a word, ``key=value``, sets a key of one of these blocks, directly or further below."""
    key, equals, _ = word.partition("=")
    return bool(equals) and any(key.startswith(f"{block}.") for block in blocks)


def without_left_over(config: Mapping[str, Any], words: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """Leaves keys out that the class of a word does not take and that nobody typed.

    Args:
        config: As composed; it is not changed itself.
        words: Of the command line, or the overrides of a run.

    Returns:
        The config, and a line for each block of which something was left out.
    """
    found, lines = dict(config), []
    typed = {word.lstrip("+").partition("=")[0] for word in words}
    for block in sorted(retargeted_blocks(words)):
        path = block.split(".")
        section = _at(found, path)
        if not isinstance(section, Mapping) or not (gone := _left_over(section, block, typed)):
            continue
        found = _with(found, path, {key: value for key, value in section.items() if key not in gone})
        name = str(section["_target_"]).rpartition(".")[2]
        lines.append(f"{block}: {name} is built without {', '.join(gone)} of the option that it takes the place of")
    return settle_forms(found), lines


def _left_over(section: Mapping[str, Any], block: str, typed: Iterable[str]) -> list[str]:
    """Keys of a block that its class does not take, in their order; none where its source does not tell."""
    taken = signature(str(section.get("_target_")))
    if taken is None or taken.open:
        return []
    return [
        key
        for key in map(str, section)
        if key not in taken.parameters
        and key not in FORMS
        and not any(f"{word}.".startswith(f"{block}.{key}.") for word in typed)
        and (f"{block}.{key}" not in _PACE or section[key] != _usual_pace(key))
    ]


def _usual_pace(key: str) -> Any:
    return next(field.default for field in fields(SchedulerConfig) if field.name == key)


def _at(tree: Any, path: Sequence[str]) -> Any:
    for key in path:
        tree = tree.get(key) if isinstance(tree, Mapping) else None
    return tree


def _with(tree: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """The tree with another value at a path that it has."""
    return {**tree, path[0]: value if len(path) == 1 else _with(tree[path[0]], path[1:], value)}
