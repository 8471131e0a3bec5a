"""``segexp help <topic>`` and ``<group>=<option> --help``: every key of a group, an option or a block, explained."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from segexp.cli.help import format_help
from segexp.commands import COMMANDS
from segexp.config.checks.foreign_names import counterpart
from segexp.config.checks.suggest import nearest
from segexp.config.overrides.comments import KeyLine, keys_of_option
from segexp.config.overrides.groups import LISTS, Option, groups
from segexp.config.overrides.reference import (
    EXPERIMENT,
    block_of,
    chosen_options,
    more_keys,
    own_keys,
    shared_keys,
    shown_command_keys,
    shown_keys,
)
from segexp.config.paths import conf_dir
from segexp.errors import ConfigError

WIDTH = 44
"""Most characters that are left for a key and its value, before its comment."""


def help_for(topics: Sequence[str], extra: Iterable[Path]) -> str:
    """The answer to ``help`` with topics: commands, groups, ``group=option`` or keys; without one, what there is.

    Args:
        topics: One or more, in any order.
        extra: The user's own config folders.

    Raises:
        ConfigError: A topic is none of these.
    """
    folders = [conf_dir(), *extra]
    if not topics:
        return format_help(COMMANDS["train"], folders[1:])
    return "\n\n".join(_topic(topic, folders) for topic in topics)


def options_asked(argv: Sequence[str], extra: Iterable[Path]) -> list[str]:
    """Words ``group=option`` beside ``--help``, several options one by one; empty: the help of the command is meant."""
    known = groups(extra)
    pairs = [word.lstrip("+").partition("=") for word in argv if "=" in word and not word.startswith("-")]
    return [f"{g}={name.strip()}" for g, _, names in pairs if g in known for name in names.strip("[]").split(",")]


def _topic(topic: str, folders: Sequence[Path]) -> str:
    found = groups(folders[1:])
    group, equals, name = topic.partition("=")
    if topic in COMMANDS:
        return format_help(COMMANDS[topic], folders[1:])
    if group in found:
        return _option(group, name, found[group], folders) if equals else _group(group, found[group], folders)
    if lines := _of_key(group, found, folders):
        return "\n".join(lines)
    best = _nearest(topic, found, folders)
    if best is None:
        line = counterpart(topic, "<value>") or f"Topics: {', '.join([*COMMANDS, *found])}, or a key"
        raise ConfigError(f"{topic}: no such topic. {line}")
    return f"{topic}: here it is {best}\n{_topic(best, folders)}"


def _group(group: str, options: Sequence[Option], folders: Sequence[Path]) -> str:
    """All options with their own keys, and once the keys that every option has."""
    keys = {option.name: shown_keys(group, option.name, folders) for option in options}
    shared = shared_keys(list(keys.values())) if len(keys) > 1 and group != EXPERIMENT else {}
    width = 2 + max(len(option.name) for option in options)
    blocks = [_heading(group), "\n".join(f"  {option.name:<{width}}{option.meaning}".rstrip() for option in options)]
    home = {option.name: block_of(group, option.name, folders) for option in options}
    if shared:
        blocks.append("\n".join([f"Keys of every {group}", *_printed(home[options[0].name], list(shared.values()))]))
    for option in options:
        own = own_keys(keys[option.name], shared)
        if own:
            blocks.append("\n".join([f"{group}={option.name}", *_printed(home[option.name], own)]))
    return "\n\n".join(blocks)


def _heading(group: str) -> str:
    """The group with what stands beside it in the defaults list of a training."""
    text = (conf_dir() / "train.yaml").read_text(encoding="utf-8")
    entry = next((line for line in text.splitlines() if line.strip().startswith(f"- {group}:")), "")
    comment = entry.partition("#")[2].strip()
    return f"{group}=<option>" + (f": {comment}" if comment else "")


def _option(group: str, name: str, options: Sequence[Option], folders: Sequence[Path]) -> str:
    """One option with all its keys, and what its class takes besides.

    Raises:
        ConfigError: There is no such option.
    """
    from segexp.cli.argument_checks import no_option

    option = next((each for each in options if each.name == name), None)
    if option is None:
        raise ConfigError(no_option(group, name, [each.name for each in options]))
    lines = shown_keys(group, name, folders)
    chosen = _chosen(name, folders) if group == EXPERIMENT else []
    home = block_of(group, name, folders)
    more = more_keys(home, keys_of_option(group, name, folders))
    text = [f"{group}={name}: {option.meaning}", *chosen, *(_printed(home, lines) or ["  no keys of its own"])]
    return "\n".join([*text, *(f"  {f'+{k}=':<{WIDTH}}  {v}; not in the YAML, so with a +" for k, v in more)])


def _chosen(name: str, folders: Sequence[Path]) -> list[str]:
    """The options that a preset chooses, as words of a command line."""
    chosen = chosen_options(name, folders)
    texts = [f"{key}={str(value).replace(', ', ',').replace(chr(39), '')}" for key, value in chosen.items()]
    return [f"  chooses {' '.join(texts)}"] if texts else []


def _printed(home: str, lines: Sequence[KeyLine]) -> list[str]:
    """Keys of a block as they are written on a command line, each with its value and comment."""
    head = f"{home}." if home else ""
    texts = [f"{head}{line.key}: {line.value}".rstrip() for line in lines]
    width = min(WIDTH, max(map(len, texts), default=0))
    return [f"  {text:<{width}}  {line.comment}".rstrip() for text, line in zip(texts, lines, strict=True)]


def _of_key(key: str, found: Mapping[str, Sequence[Option]], folders: Sequence[Path]) -> list[str]:
    """Lines about one key or block: of the primary config, or of the options that have it."""
    own = shown_command_keys("train", folders)
    if lines := [line for line in own if line.key == key or line.key.startswith(f"{key}.")]:
        return _printed("", lines)
    group, dot, rest = key.partition(".")
    if not dot or group not in found:
        return []
    texts: dict[str, list[str]] = {}
    for option in found[group]:
        lines = [line for line in shown_keys(group, option.name, folders) if _is_at(line.key, rest)]
        if lines:
            texts.setdefault("\n".join(_printed(group, lines)), []).append(option.name)
    whole = len(texts) == 1 and len(next(iter(texts.values()))) == len(found[group])
    return [
        text if whole else f"{text}\n    of {', '.join(f'{group}={name}' for name in names)}"
        for text, names in texts.items()
    ]


def _is_at(key: str, rest: str) -> bool:
    return key == rest or key.startswith(f"{rest}.")


def _nearest(topic: str, found: Mapping[str, Sequence[Option]], folders: Sequence[Path]) -> str | None:
    """The command, group or key that a topic is a misspelling of, or another name for."""
    if counterpart(topic, "") is not None:
        return None
    keys = [line.key for line in shown_command_keys("train", folders)]
    for group, options in found.items():
        if group not in (EXPERIMENT, *LISTS):
            keys += [
                f"{group}.{line.key}" for option in options for line in keys_of_option(group, option.name, folders)
            ]
    return nearest(topic, [*COMMANDS, *found, *keys])
