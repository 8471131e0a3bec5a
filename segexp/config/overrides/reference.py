"""What every key of an option, a preset or a command is and takes: for ``segexp help`` and the docs site."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from segexp.config.checks.annotation_fit import describe
from segexp.config.checks.tree import fields_of, supplied_keys
from segexp.config.command_schema import schema_of
from segexp.config.overrides.comments import KeyLine, defaults_of, keys_of_file, keys_of_option
from segexp.config.schema import TrainConfig
from segexp.config.signatures.signature import UNKNOWN, Signature, signature

EXPERIMENT = "experiment"
"""The group of presets: its keys are those of other groups, explained there."""


def shown_keys(group: str, name: str, folders: Sequence[Path]) -> list[KeyLine]:
    """Lists the keys of an option that a user sets; a preset's have the comment of the key where it is introduced.

    Args:
        group: Its group.
        name: Its name.
        folders: Where options lie, ours first.
    """
    lines = [line for line in keys_of_option(group, name, folders) if _is_shown(line)]
    if group != EXPERIMENT:
        return lines
    known = _introduced(name, folders)
    return [replace(line, comment=line.comment or _comment_of(line.key, known)) for line in lines]


def block_of(group: str, name: str, folders: Sequence[Path]) -> str:
    """Finds the block in which the keys of an option stand: its group; empty: the whole config."""
    path = next(file for folder in folders if (file := folder / group / f"{name}.yaml").is_file())
    return "" if path.read_text(encoding="utf-8").startswith("# @package _global_") else group


def shown_command_keys(config: str, folders: Sequence[Path]) -> list[KeyLine]:
    """Lists the keys of a primary config, ``train`` or that of another command; Hydra's own are left out."""
    lines = keys_of_file(folders[0] / f"{config}.yaml")
    return [line for line in lines if _is_shown(line) and line.key.partition(".")[0] != "hydra"]


def _is_shown(line: KeyLine) -> bool:
    return not line.key.rpartition(".")[2].startswith("_") and bool(line.value or line.comment)


def shared_keys(keys: Sequence[Sequence[KeyLine]]) -> dict[str, KeyLine]:
    """Finds the keys that all options take from one file, such as ``base.yaml``, and leave as they are there."""
    homes = Counter((line.key, line.home) for lines in keys for line in lines)
    return {line.key: line for line in keys[0] if homes[line.key, line.home] == len(keys)}


def own_keys(lines: Sequence[KeyLine], shared: Mapping[str, KeyLine]) -> list[KeyLine]:
    """Leaves out of an option's keys those that it shares with all others."""
    return [line for line in lines if line.key not in shared or shared[line.key].home != line.home]


def chosen_options(name: str, folders: Sequence[Path]) -> dict[str, Any]:
    """Finds the option by group that a preset's own YAML chooses; of a group of several, a list of them."""
    return _choices(_preset(name, folders))


def _preset(name: str, folders: Sequence[Path]) -> Path:
    return next(file for folder in folders if (file := folder / EXPERIMENT / f"{name}.yaml").is_file())


def _choices(path: Path) -> dict[str, Any]:
    entries = [entry for entry in defaults_of(path) if isinstance(entry, dict)]
    return {str(key).split()[-1].lstrip("/"): value for entry in entries for key, value in entry.items()}


def _introduced(name: str, folders: Sequence[Path]) -> dict[str, str]:
    """Comments by dotted key of a training with the options of a preset."""
    train = folders[0] / "train.yaml"
    found = {line.key: line.comment for line in keys_of_file(train)}
    for group, options in (_choices(train) | _with_inherited(name, folders)).items():
        for option in options if isinstance(options, list) else [options]:
            if group != EXPERIMENT and option is not None:
                lines = keys_of_option(group, str(option), folders)
                found |= {f"{group}.{line.key}": line.comment for line in lines if line.comment}
    return found


def _with_inherited(name: str, folders: Sequence[Path]) -> dict[str, Any]:
    """Options that a preset chooses, and those of presets that it begins with."""
    path = _preset(name, folders)
    found: dict[str, Any] = {}
    for entry in defaults_of(path):
        if isinstance(entry, str) and entry != "_self_":
            found |= _with_inherited(entry, folders)
    return found | _choices(path)


def _comment_of(key: str, known: Mapping[str, str]) -> str:
    """The comment of a key, else of the nearest block around it."""
    while key:
        if comment := known.get(key):
            return comment
        key = key.rpartition(".")[0]
    return ""


def targets_of(lines: Sequence[KeyLine]) -> dict[str, str]:
    """Dotted path of the class that each block of an option builds, by the block; the option itself is ``""``."""
    return {
        line.key.removesuffix("_target_").rstrip("."): line.value for line in lines if line.key.endswith("_target_")
    }


def more_keys(home: str, lines: Sequence[KeyLine]) -> Iterator[tuple[str, str]]:
    """Yields what the classes of an option take though its YAML does not list it: key with dots, values in words.

    Args:
        home: Block in which its keys stand.
        lines: All keys of its YAML, ``_target_`` among them.
    """
    for block, found in _signatures(lines).items():
        path = ".".join(part for part in (home, block) if part)
        listed = {line.key.removeprefix(f"{block}.") if block else line.key for line in lines}
        gone = {*listed, *supplied_keys(TrainConfig, path)}
        for key, parameter in found.parameters.items():
            if key not in gone and not parameter.required and parameter.annotation is not UNKNOWN:
                yield f"{path}.{key}", describe(parameter.annotation)


def _signatures(lines: Sequence[KeyLine]) -> dict[str, Signature]:
    found = {block: signature(target) for block, target in targets_of(lines).items()}
    return {block: known for block, known in found.items() if known is not None}


def values_of_option(home: str, lines: Sequence[KeyLine]) -> dict[str, str]:
    """Tells in words what each key of an option takes: read from the constructor of its class, or the schema.

    Args:
        home: Block in which its keys stand.
        lines: All keys of its YAML, ``_target_`` among them.

    Returns:
        Keys of which nothing is known are left out.
    """
    schema = fields_of(TrainConfig).get(home) if home else TrainConfig
    found = {line.key: _annotation_at(schema, line.key) for line in lines}
    for block, known in _signatures(lines).items():
        head = f"{block}." if block else ""
        for line in lines:
            name, _, inner = line.key.removeprefix(head).partition(".")
            if line.key.startswith(head) and (parameter := known.parameters.get(name)) is not None:
                found[line.key] = _annotation_at(parameter.annotation, inner) if inner else parameter.annotation
    return _in_words(found)


def values_of_command(config: str, lines: Sequence[KeyLine]) -> dict[str, str]:
    """Tells in words what each key of a primary config takes, by its key."""
    schema = TrainConfig if config == "train" else schema_of(config)
    return _in_words({line.key: _annotation_at(schema, line.key) for line in lines})


def _annotation_at(schema: Any, key: str) -> Any:
    for part in key.split("."):
        schema = fields_of(schema).get(part, UNKNOWN)
    return schema


def _in_words(annotations: Mapping[str, Any]) -> dict[str, str]:
    return {key: describe(annotation) for key, annotation in annotations.items() if annotation is not UNKNOWN}
