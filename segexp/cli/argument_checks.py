"""What is wrong with the words of a command, before Hydra composes: options, lists, ranges, Hydra's own keys."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from segexp.cli.hydra_keys import refusal
from segexp.config.checks.folder_words import chosen_folder, say_folder
from segexp.config.checks.foreign_names import told_option
from segexp.config.checks.suggest import nearest
from segexp.config.overrides.groups import LISTS, ORDER, groups
from segexp.config.overrides.quoting import shell_word
from segexp.config.paths import conf_dir
from segexp.config.schema import SearchConfig
from segexp.errors import ConfigError

MOST_JOBS = 10_000
"""Jobs of a sweep; more are a slip, and would be composed for hours."""
_SWEEPS = ("-m", "--multirun")
_OF_A_SEARCH = tuple(field.name for field in fields(SearchConfig))


def refuse_flags(arguments: Sequence[str], extra: Sequence[str], config: str) -> None:
    """Checks Hydra's flags.

    Args:
        arguments: Arguments given, command word taken out.
        extra: Folders given with ``--config-dir``.
        config: Primary config of the command.

    Raises:
        ConfigError: A flag has no effect, or would take the config of segexp away.
    """
    given = dict(zip(arguments, [*arguments[1:], ""], strict=False))
    given |= dict(word.split("=", 1) for word in arguments if word.startswith("--") and "=" in word)
    shows = given.get("--cfg", given.get("-c"))
    if shows is not None and shows not in _SHOWN:
        raise ConfigError(f"--cfg: found {shows!r}, expected {' | '.join(_SHOWN)}")
    for flag in ("--resolve", "--comments", "--package", "-p"):
        if flag in given and shows is None:
            raise ConfigError(f"{flag}: is for a config that is shown; add --cfg job")
    for flag in ("--config-path", "-cp"):
        if flag in given and not (Path(given[flag]) / f"{config}.yaml").is_file():
            raise ConfigError(f"{flag}: found {given[flag]!r} without {config}.yaml; use --config-dir for own options")
    for flag in ("--config-name", "-cn"):
        name = given.get(flag, config).removesuffix(".yaml")
        if name != config and not any((Path(folder) / f"{name}.yaml").is_file() for folder in extra):
            raise ConfigError(f"{flag}: found {name!r}, expected a file of a --config-dir; ours go by the command word")


_SHOWN = ("job", "hydra", "all")


def refuse_words(arguments: Sequence[str], extra: Sequence[str], *, usable: Sequence[str], alone: bool) -> None:
    """Checks the words of a command.

    Args:
        arguments: Arguments given, command word taken out.
        extra: Folders given with ``--config-dir``.
        usable: Groups of the command.
        alone: Whether keys of a sweep have no effect: there is no ``-m``, no search, and none that goes on.

    Raises:
        ConfigError: Names every wrong word, a line each.
    """
    overrides = _parsed(arguments)
    # Options may also lie in a place that only Hydra finds.
    elsewhere = any(override.key_or_group == "hydra.searchpath" for override in overrides)
    options = {name: [o.name for o in found] for name, found in groups(map(Path, extra)).items() if name in usable}
    problems: list[str] = []
    for override in overrides:
        problems += _own_keys(override)
        problems += _group(override, options, extra, elsewhere)
        problems += _package(override, extra)
        if alone:
            problems += _of_sweeps(override)
        if override.is_sweep_override() and set(arguments) & set(_SWEEPS):
            problems += _values(override, options)
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    if set(arguments) & set(_SWEEPS):
        _refuse_many(overrides)


def _parsed(arguments: Sequence[str]) -> list[Override]:
    """Overrides among the words; what Hydra cannot read it says itself, and ``from=`` and ``take_over=`` are none."""
    parser, found = OverridesParser.create(), []
    for word in arguments:
        if not word.startswith(("-", "from=", "take_over=")) and ("=" in word or word.startswith("~")):
            try:
                found.append(parser.parse_override(word))
            except (HydraException, ValueError):
                continue
    return found


def _own_keys(override: Override) -> Iterator[str]:
    key = override.key_or_group
    if not key:
        yield f"{override.input_line}: found no key, expected key=value"
    if (line := refusal(key, None if override.is_sweep_override() else override.value())) is not None:
        yield line


def _package(override: Override, extra: Sequence[str]) -> Iterator[str]:
    """Experiments of the user's whose keys would lie below ``experiment``, for want of a line."""
    if override.key_or_group != "experiment" or override.package is not None or override.is_delete():
        return
    for name in {name for choice in _choices(override) for name in (choice if isinstance(choice, list) else [choice])}:
        paths = [path for folder in extra if (path := Path(folder) / f"experiment/{name}.yaml").is_file()]
        if paths and not _PACKAGE.search(paths[0].read_text(encoding="utf-8")):
            yield (
                f"experiment={name}: {paths[0]} has no line '# @package _global_', without which its keys lie below "
                "'experiment' and change nothing; make it the first line of the file"
            )


_PACKAGE = re.compile(r"^\s*#\s*@package\s+\S", re.MULTILINE)


def _group(
    override: Override, options: Mapping[str, Sequence[str]], extra: Sequence[str], elsewhere: bool
) -> Iterator[str]:
    """Problems of an override that chooses options."""
    group = override.key_or_group
    if group not in options or override.is_delete():
        return
    if override.package is None and (override.is_add() or override.is_force_add()) and group in ORDER:
        yield f"{override.input_line}: the group {group} is there already; write {_plain(override)}"
        return
    if override.is_sweep_override() and isinstance(override.value(), Glob | RangeSweep):
        return
    for choice in _choices(override):
        if isinstance(choice, list):
            yield from _list(group, choice, override, options[group])
        for name in choice if isinstance(choice, list) else [choice]:
            if not elsewhere and isinstance(name, str) and name and not _is_option(group, name, options, extra):
                yield no_option(group, name, options[group])


def _choices(override: Override) -> list[object]:
    """What is chosen, one after the other in a sweep: a name, or a list of them."""
    if not override.is_sweep_override():
        return [override.value()]
    texts = [f"{override.key_or_group}={text}" for text in override.sweep_string_iterator()]
    return [OverridesParser.create().parse_override(text).value() for text in texts]


def _list(group: str, names: Sequence[object], override: Override, options: Sequence[str]) -> Iterator[str]:
    if group in LISTS and (odd := [name for name in names if not isinstance(name, str)]):
        # Hydra ends in a trace of its own.
        found = "null" if odd[0] is None else str(odd[0])
        yield f"{override.input_line}: found {found} in the list, expected names; for none of it write {group}=[]"
    elif group in LISTS:
        for name in dict.fromkeys(name for name in names if list(names).count(name) > 1):
            yield f"{override.input_line}: found {name} twice; name each once"
    elif group in ORDER:
        text = ",".join(map(str, names))
        more = " for a sweep with -m" if len(names) > 1 else ""
        parts = sorted(map(str, names))
        joined = next((one for one in options if len(parts) > 1 and sorted(one.split("_")) == parts), None)
        both = f"{group}={joined} for their sum, or " if joined is not None else ""
        yield f"{group}=[{text}]: found a list, expected one option of {group}; write {both}{group}={text}{more}"


def _is_option(group: str, name: str, options: Mapping[str, Sequence[str]], extra: Sequence[str]) -> bool:
    """Whether a YAML of that name lies in the group, maybe in a folder of the user's below it."""
    if name in options[group]:
        return True
    if ".." in Path(name).parts or Path(name).is_absolute() or name.endswith((".yaml", ".yml")):
        return False
    return any((folder / group / f"{name}.yaml").is_file() for folder in (conf_dir(), *map(Path, extra)))


def no_option(group: str, name: str, names: Sequence[str]) -> str:
    """The line for an option that there is not."""
    best = nearest(Path(name).stem if name.endswith((".yaml", ".yml")) else name, names)
    hint = f" Did you mean '{best}'?" if best else ""
    if (told := told_option(group, name)) is not None:
        hint = f" {told}."
    if group == "datamodule" and (words := chosen_folder(name, names)) is not None:
        return f"{group}={name}: no such option. {say_folder(words)}"
    return f"{group}={name}: no such option.{hint} Options of {group}: {', '.join(names)}"


def _plain(override: Override) -> str:
    return shell_word((override.input_line or "").lstrip("+"))


def _of_sweeps(override: Override) -> Iterator[str]:
    """Keys that a single run takes no notice of."""
    key = override.key_or_group
    if (key == "sweep" or key.startswith("sweep.")) and not override.is_delete():
        # Keys of a search have a line of their own.
        if key.removeprefix("sweep.") in _OF_A_SEARCH or (key == "sweep.resume" and override.value() is None):
            return
        yield f"{key}: has no effect on a single run; add -m for a sweep, or leave it out"


def _values(override: Override, options: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Problems of several values: none at all, or no end of them."""
    value: Any = override.value()
    line = override.input_line
    if isinstance(value, RangeSweep):
        start, stop, step = (float(number or 0) for number in (value.start, value.stop, value.step))
        if not all(map(math.isfinite, (start, stop, step))) or step == 0:
            yield f"{line}: found a range without an end, expected finite numbers and a step that is not 0"
        elif (stop - start) / step <= 0:
            yield f"{line}: found no values: the range ends before it starts"
    elif isinstance(value, list | ChoiceSweep):
        texts = list(override.sweep_string_iterator())
        for text in dict.fromkeys(text for text in texts if texts.count(text) > 1):
            yield f"{line}: found {text} twice, whose jobs are the same experiment; name each once"
    elif isinstance(value, Glob) and not value.filter(list(options.get(override.key_or_group, ()))):
        names = options.get(override.key_or_group)
        of = f"options: {', '.join(names)}" if names else "glob() is for groups of options"
        yield f"{line}: found no values; {of}"


def _refuse_many(overrides: Sequence[Override]) -> None:
    jobs = 1
    for override in overrides:
        if override.is_sweep_override() and not isinstance(override.value(), Glob | IntervalSweep):
            jobs *= sum(1 for _ in islice(override.sweep_string_iterator(), MOST_JOBS + 1))
        if jobs > MOST_JOBS:
            raise ConfigError(f"-m: found more than {MOST_JOBS} jobs with {override.input_line}, expected fewer")
