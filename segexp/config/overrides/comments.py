"""The comment of each key, as it stands beside it in the YAML files of ``conf/`` and of the user's folders."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from segexp.config.overrides.groups import LISTS


@dataclass(frozen=True)
class KeyLine:
    """One key of a YAML file.

    Attributes:
        key: With dots, from the block that the file stands for.
        value: As written; empty for a block of keys.
        comment: What stands behind it.
        home: Name of the file, without its ending.
    """

    key: str
    value: str
    comment: str
    home: str


@cache
def keys_of_file(path: Path) -> tuple[KeyLine, ...]:
    """Lists the keys of a YAML file with their comments, in its order; its defaults list is left out."""
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return tuple(_lines(root, text.splitlines(), "", path.stem)) if isinstance(root, yaml.MappingNode) else ()


def _lines(node: yaml.MappingNode, lines: Sequence[str], path: str, home: str) -> Iterator[KeyLine]:
    for key, value in node.value:
        name = f"{path}.{key.value}" if path else str(key.value)
        if name == "defaults":
            continue
        if isinstance(value, yaml.MappingNode) and value.value and not value.flow_style:
            yield KeyLine(name, "", _comment(lines[key.end_mark.line][key.end_mark.column :]), home)
            yield from _lines(value, lines, name, home)
            continue
        flows = isinstance(value, yaml.ScalarNode) or value.flow_style
        end = value.end_mark if flows else key.end_mark
        first = lines[value.start_mark.line][value.start_mark.column :] if flows else ""
        one_line = flows and value.start_mark.line == end.line
        shown = lines[end.line][value.start_mark.column : end.column] if one_line else first
        yield KeyLine(
            name, shown.strip(), _comment(lines[end.line][end.column :] if end.line < len(lines) else ""), home
        )


def _comment(rest: str) -> str:
    """What follows a ``#`` behind a value."""
    return rest.partition("#")[2].strip()


def keys_of_option(group: str, name: str, folders: Sequence[Path]) -> list[KeyLine]:
    """Lists the keys of an option, those included that it takes from others: of two of one name the last one counts.

    Args:
        group: Its group.
        name: Its name.
        folders: Where options lie, ours first.
    """
    found: dict[str, KeyLine] = {}
    for line in _of_option(group, name, tuple(folders)):
        earlier = found.get(line.key)
        found[line.key] = line if line.comment or earlier is None else replace(line, comment=earlier.comment)
    return list(found.values())


def _of_option(
    group: str, name: str, folders: tuple[Path, ...], seen: frozenset[str] = frozenset()
) -> Iterator[KeyLine]:
    path = next((file for folder in folders if (file := folder / group / f"{name}.yaml").is_file()), None)
    if path is None or name in seen:
        return
    own = list(keys_of_file(path))
    for entry in [*defaults_of(path), "_self_"]:
        if entry == "_self_":
            yield from own
            own = []
        elif isinstance(entry, str):
            option, _, package = entry.partition("@")
            for line in _of_option(group, option, folders, seen | {name}):
                yield replace(line, key=f"{package}.{line.key}" if package else line.key)


def defaults_of(path: Path) -> list[Any]:
    """The defaults list of a YAML file, as it is written; empty where there is none."""
    return list(_defaults_of(path))


@cache
def _defaults_of(path: Path) -> tuple[Any, ...]:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    entries = content.get("defaults") if isinstance(content, Mapping) else None
    return tuple(entries) if isinstance(entries, list) else ()


def comments_of(
    choices: Mapping[str, str], name: str, config: Mapping[str, Any], folders: Sequence[Path]
) -> dict[str, str]:
    """The comments of the keys of a composed config, by dotted key.

    Args:
        choices: Option of each group, as Hydra tells it.
        name: Primary config.
        config: As composed: its blocks say which options a group of several has.
        folders: Where options lie, ours first.
    """
    found: dict[str, str] = {}
    for group, option in choices.items():
        place, _, package = group.partition("@")
        if option not in (None, "None") and not place.startswith("hydra") and place not in (*LISTS, "experiment"):
            found |= _commented(keys_of_option(place, option, folders), package or place)
    for group in LISTS:
        for folder in folders:
            for path in sorted((folder / group).glob("*.yaml")):
                found |= _commented(keys_of_option(group, path.stem, folders), group)
    for primary in ("train", name):
        home = next((file for folder in folders if (file := folder / f"{primary}.yaml").is_file()), None)
        if home is not None and (primary == name or "trainer" in config):
            found |= {line.key: line.comment for line in keys_of_file(home) if line.comment}
    return found


def _commented(lines: Sequence[KeyLine], block: str) -> dict[str, str]:
    return {f"{block}.{line.key}": line.comment for line in lines if line.comment}


def with_comments(text: str, comments: Mapping[str, str], package: str = "") -> str:
    """Puts the comments of keys beside them, in a YAML text as OmegaConf writes it.

    Args:
        text: Block style, two spaces for each level.
        comments: By dotted key.
        package: Block that the text is of; empty: the whole.
    """
    lines: list[str] = []
    path: list[str] = []
    for line in text.splitlines():
        key, colon, _ = line.lstrip().partition(":")
        depth = (len(line) - len(line.lstrip())) // 2
        if colon and not key.startswith(("-", "#", "'", '"')):
            path = [*path[:depth], key]
            comment = comments.get(".".join([package, *path] if package else path), "")
            lines.append(f"{line:<{_COLUMN}} # {comment}" if comment else line)
        else:
            lines.append(line)
    commented = "\n".join(lines) + "\n"
    # A line inside a long text may look like a key.
    return commented if yaml.safe_load(commented) == yaml.safe_load(text) else text


_COLUMN = 34
"""Where comments begin, unless a line is longer."""
