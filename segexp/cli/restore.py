"""The stored config of a run with its references between keys put back, so that a new word moves all that it derives.

A stored config has values alone: ``max_lr: 0.005`` where the YAML says ``${optimizer.lr}``. Values are always those of
the run; the YAML files of today only say which of them follow from others.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from segexp.config.overrides.groups import LISTS
from segexp.config.overrides.recompose import below

Tree = dict[str, Any]
Path = tuple[Any, ...]
OPEN = ("auto", None)
"""Values in place of which a run settles one by its data."""
PLAIN = ("trainer", "speed", "inference")
"""Blocks all of whose keys are needed; those of classes may have fewer."""
SAME_IMAGES = (
    "seed", "augment", "cache", "cache_limit", "on_bad", "loader", "split", "split_file", "split_seed", "val_fraction",
    "test_fraction", "folds", "fold", "crop_size", "crops_per_image", "crops_total", "sampling", "stride",
    "positive_fraction", "positive_classes", "balance", "pad_to_crop", "redraw_crops", "eval_size", "normalize",
)  # fmt: skip
"""Keys of data sets that leave files and classes as they are."""
CROPS = {"sampling": ("crop_size", "crops_per_image"), "crop_size": ("crops_per_image",)}
"""Keys of crops, and those that are settled from them."""
_REFERENCE = re.compile(r"\$\{(\.*)([\w.\[\]]+)\}")


@dataclass
class Restored:
    """The config of an earlier run with what was changed about it, as :func:`restore` gives it.

    Attributes:
        tree: The stored config with references.
        kept: Keys whose stored value is not what today's YAML gives: both values.
        added: Keys that the run did not have, with the value of today.
        alone: Keys with a stored value of which nobody knows whether it follows from another.
    """

    tree: Tree
    kept: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    added: dict[str, Any] = field(default_factory=dict)
    alone: dict[str, Any] = field(default_factory=dict)


def restore(
    stored: Mapping[str, Any],
    today: Mapping[str, Any],
    asked: Collection[str],
    unknown: Collection[str],
    references: Mapping[str, str],
) -> Restored:
    """Puts the references of today's YAML into a stored config.

    Args:
        stored: Plain and resolved, as in config.yaml.
        today: What the words of that run give now, references as they are written.
        asked: Keys and groups of the new words.
        unknown: Blocks whose YAML is not there.
        references: What is derived in a block of ``unknown``, where it is as in ours.
    """
    tree = {key: _literal(value) for key, value in stored.items()}
    found = Restored(tree)
    # What a block follows from may be a key that the run did not have yet: logger.wandb.tags is ${tags}.
    later = {key: value for key, value in today.items() if not isinstance(value, Mapping) and not _refers(value)}
    _Walk(found, tree, asked, unknown, references, later).block(tree, today, ())
    return found


class _Walk:
    """Goes through a stored config and today's side by side."""

    def __init__(
        self,
        found: Restored,
        tree: Tree,
        asked: Collection[str],
        unknown: Collection[str],
        references: Mapping[str, str],
        later: Mapping[str, Any],
    ) -> None:
        self.found = found
        self.asked = asked
        self.unknown = unknown
        self.references = references
        self.values = OmegaConf.create({**later, **tree})
        self.anew = _settled_anew(asked)

    def block(self, stored: Tree, today: Mapping[str, Any], path: Path) -> None:
        for key in list(stored):
            place = (*path, key)
            known = bool(place[0] not in self.unknown)
            there = today.get(key, _ABSENT) if known or not path else _ABSENT
            if isinstance(stored[key], dict) and (isinstance(there, Mapping) or not known) and stored[key]:
                self.block(stored[key], self._counterpart(stored[key], there, place), place)
            elif known:
                stored[key] = self.leaf(stored[key], there, place)
            else:
                stored[key] = self.alone(stored[key], place)
        for key, value in today.items():
            if key not in stored and self._belongs((*path, key), stored):
                stored[key] = value
                self.found.added[_dotted((*path, key))] = value

    def _counterpart(self, stored: Tree, today: Any, path: Path) -> Mapping[str, Any]:
        """The same block of today; of another class it has other keys, and none of them tells anything."""
        if not isinstance(today, Mapping):
            return {}
        one, other = stored.get("_target_"), today.get("_target_")
        if one == other:
            return today
        if path[0] not in self.unknown:
            self.found.kept[_dotted((*path, "_target_"))] = (one, other)
        return {}

    def leaf(self, stored: Any, today: Any, path: Path) -> Any:
        """Chooses what to write for a key: a reference, or the stored value."""
        if today is _ABSENT:
            return self.alone(stored, path)
        if path[0] == "datamodule" and len(path) == 2 and today in OPEN and stored not in OPEN:
            return today if path[1] in self.anew else stored
        if not _refers(today):
            if not same(_plain(stored), today):
                self.found.kept[_dotted(path)] = (_plain(stored), today)
                self.found.alone[_dotted(path)] = _plain(stored)
            return stored
        if not _only_references(today) or path[-1] == "_target_":
            return stored
        value = self._evaluated(today, path)
        if same(value, _plain(stored)) or any(self._asked(name) for name in _referred(today, path)):
            return today
        self.found.kept[_dotted(path)] = (_plain(stored), value)
        return stored

    def alone(self, stored: Any, path: Path) -> Any:
        """A value whose YAML is not there, or has no such key any more."""
        raw = self.references.get(_dotted(path))
        if raw is not None and same(self._evaluated(raw, path), _plain(stored)):
            return raw
        self.found.alone[_dotted(path)] = _plain(stored)
        return stored

    def _evaluated(self, raw: Any, path: Path) -> Any:
        """The value of a reference among the stored values."""
        parent: Any = self.values
        for key in path[:-1]:
            parent = parent[key]
        before = parent._get_node(path[-1])
        try:
            parent[path[-1]] = raw
            value = parent[path[-1]]
            return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        except OmegaConfBaseException:
            return _ABSENT
        finally:
            parent[path[-1]] = before

    def _asked(self, name: str) -> bool:
        return any(below(name, key) or below(key, name) or key == "experiment" for key in self.asked)

    def _belongs(self, path: Path, stored: Mapping[str, Any]) -> bool:
        """Whether a key of today has to be, or is asked for."""
        if "_target_" in stored:
            return any(below(key, _dotted(path)) for key in self.asked)
        return (len(path) == 1 and path[0] not in LISTS) or (len(path) > 1 and path[0] in PLAIN)


_ABSENT: Any = type("Absent", (), {"__repr__": lambda _: "nothing"})()


def _settled_anew(asked: Collection[str]) -> Collection[str]:
    """Keys of the data set that are left to the data once more: other files, classes or crops are asked for."""
    names = {key.split(".")[1] for key in asked if key.startswith("datamodule.")}
    if names - set(SAME_IMAGES) and not any(below(key, "resume") for key in asked):
        return _Everything()
    return {name for key in names for name in CROPS.get(key, ())}


class _Everything(frozenset[str]):
    def __contains__(self, name: object) -> bool:
        return True


def same(one: Any, other: Any) -> bool:
    """Returns whether two plain values are equal and of one type; 1 and 1.0 are."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    return bool(isinstance(one, bool) == isinstance(other, bool) and one == other)


def _literal(value: Any) -> Any:
    """A stored value as text that stays text: no reference and no resolver is taken from a file."""
    if isinstance(value, Mapping):
        return {key: _literal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_literal(item) for item in value]
    return re.sub(r"(\\*)\$\{", lambda m: m[1] * 2 + r"\${", value) if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """The value that :func:`_literal` wrote."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, str):
        return value
    return re.sub(r"(\\+)\$\{", lambda m: m[1][: len(m[1]) // 2] + "${", value)


def _refers(value: Any) -> bool:
    return any("${" in text for text in _texts(value))


def _only_references(value: Any) -> bool:
    """Whether all that stands in braces is the name of a key."""
    return all("${" not in _REFERENCE.sub("", text) for text in _texts(value))


def _referred(value: Any, path: Path) -> Iterator[str]:
    """Dotted keys that a value refers to."""
    for text in _texts(value):
        for dots, name in _REFERENCE.findall(text):
            yield ".".join([*map(str, path[: -len(dots)]), name]) if dots else name


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _dotted(path: Path) -> str:
    return ".".join(map(str, path))
