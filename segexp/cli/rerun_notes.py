"""What is said, or refused, where a run that is repeated is not what its words would give today."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from segexp.cli.restore import Restored, same
from segexp.config.harmless import HARMLESS, is_in_block
from segexp.config.overrides.recompose import Today, below, key_of
from segexp.config.trainer import with_trainer_defaults
from segexp.errors import ConfigError

SHOWN = 6
"""Keys named in a note."""


def refuse_left_behind(found: Restored, asked: Collection[str], folder: Path, today: Today) -> None:
    """Refuses a word from which a value seems to derive whose YAML is not there to say so.

    Raises:
        ConfigError: There is such a value.
    """
    for key in sorted(asked):
        value = _at(found.tree, key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        for other, stored in found.alone.items():
            if same(stored, value) and _akin(key, other, value) and not any(below(other, word) for word in asked):
                raise ConfigError(
                    f"{key}: {other} of {folder} has the same value {value}, and nothing tells whether it follows from "
                    f"{key}{_why(today)}; give both, such as {other}={value} to leave it"
                )


def _akin(key: str, other: str, value: float) -> bool:
    """Whether two keys of one value look as if one had been derived: ``optimizer.lr`` and ``scheduler.max_lr``."""
    one, two = key.rpartition(".")[2], other.rpartition(".")[2]
    fraction = isinstance(value, float) and value != int(value)
    near = one in two.split("_") or (key.startswith("optimizer.") and other.startswith("scheduler."))
    return key != other and (one == two or (fraction and near))


def _why(today: Today) -> str:
    if not today.missing:
        return ""
    arguments = ", ".join(f"{group}={option}" for group, option in today.missing.items())
    return f" (no option {arguments} here; --config-dir <its folder> would tell)"


def _at(tree: Any, key: str) -> Any:
    for name in key.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return None
        tree = tree[name]
    return tree


def rerun_notes(found: Restored, folder: Path, today: Today, *, recorded: bool) -> list[str]:
    """Lists, a line each, what of an earlier run is not as its arguments would give it today.

    Args:
        found: Its config.
        folder: Where it lies.
        today: Its words, composed anew.
        recorded: Whether its words are known; else its config is all there is to go by.
    """
    notes = []
    if recorded and today.missing:
        arguments = ", ".join(f"{group}={option}" for group, option in today.missing.items())
        notes.append(
            f"{arguments}: no such option here, so what it set is kept as {folder} has it; --config-dir <folder> "
            "brings it"
        )
    elif recorded and found.kept:
        # First what would have been derived.
        ordered = sorted(found.kept.items(), key=lambda pair: pair[0] in found.alone)
        pairs = [f"{key}={_short(one)} (today {_short(other)})" for key, (one, other) in ordered]
        notes.append(f"kept as in {folder}, where its words give something else today: {_some(pairs)}")
    # What has always been so is no news, nor is what changes nothing of what is trained.
    usual = {f"trainer.{key}": value for key, value in with_trainer_defaults({}).items()}
    added = {key: value for key, value in found.added.items() if key not in usual or usual[key] != value}
    added = {key: value for key, value in added.items() if not is_in_block(key, HARMLESS)}
    if added:
        pairs = [f"{key}={_short(value)}" for key, value in added.items()]
        notes.append(f"keys that {folder} did not have, as they are today: {_some(pairs)}")
    return notes


def left_out(arguments: Sequence[str], asked: Collection[str], blocks: Collection[str]) -> list[str]:
    """A note for each block that another option takes the place of, with the words about it that are not given anew."""
    notes = []
    for group in sorted(set(asked) & set(blocks)):
        anew = [key for key in asked if key != group]
        words = [word for word in arguments if below(key_of(word), group) and key_of(word) != group]
        gone = [word for word in words if not any(below(key_of(word), key) for key in anew)]
        if gone:
            notes.append(f"{group}= is chosen anew, without what the earlier run set of it: {_some(gone)}")
    return notes


def _short(value: Any) -> str:
    text = str(value) if value is not None else "null"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _some(texts: Sequence[str]) -> str:
    return ", ".join(texts[:SHOWN]) + (f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else "")
