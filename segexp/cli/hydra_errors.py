"""Turns what Hydra raises while composing into one line with the key and the nearest valid name."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from segexp.cli.argument_checks import no_option
from segexp.cli.hydra_keys import missing_plugin
from segexp.config.checks.suggest import nearest
from segexp.config.checks.tree import also_taken
from segexp.config.checks.unknown_key import advice
from segexp.config.overrides.groups import LISTS, groups
from segexp.config.overrides.quoting import hydra_override, printed, shell_word
from segexp.config.overrides.recompose import search_path
from segexp.config.paths import conf_dir
from segexp.config.schema import TrainerConfig
from segexp.errors import ConfigError

SWEEPING = ("train", "check", "preview", "models", "from_run")
"""Primary configs whose command may have ``-m``."""


_MERGED = re.compile(r"Error merging override \+{0,2}([\w./@-]+)=(.*)", re.DOTALL)
"""A list for a block of keys, or the other way round."""


def translate(error: Exception, config_name: str, argv: Sequence[str], extra: Sequence[str]) -> Exception:
    """The ConfigError to show instead of an exception of Hydra; any other exception as it is.

    Args:
        error: What Hydra raised.
        config_name: Primary config of the command.
        argv: Arguments given, command word taken out.
        extra: Folders given with ``--config-dir``.
    """
    if isinstance(error, OverrideParseException):
        return ConfigError(_not_read(str(error.override), config_name, argv, extra))
    # Hydra answers group=null with a bare ValueError.
    if not isinstance(error, HydraException | OmegaConfBaseException | ValueError):
        return error
    if (plugin := missing_plugin(str(error))) is not None:
        return ConfigError(plugin)
    if problems := _names_if_composed(config_name, argv, extra):
        return ConfigError("\n".join(problems))
    if str(error).startswith(("Ambiguous value", "Sweep parameters")) and (
        several := several_values(config_name, argv, extra)
    ):
        return ConfigError("\n".join(several))
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return error
    if isinstance(error, MissingConfigException):
        return ConfigError(_first(str(error)))
    cause = " ".join(str(error.__cause__ or "").split())
    if (word := _MERGED.match(str(error))) is not None and "Cannot merge" in cause:
        expected = "a list" if "with ListConfig" in cause and "object_type=list" in cause else "a block of keys"
        return ConfigError(f"{word[1]}: found {word[2]}, expected {expected}")
    return ConfigError(" ".join(str(error).split()) + (f" ({cause})" if cause else ""))


def _names_if_composed(config_name: str, argv: Sequence[str], extra: Sequence[str]) -> list[str]:
    """As :func:`unknown_names`; none where a file of the user's cannot be composed, which the error itself tells."""
    try:
        return unknown_names(config_name, argv, extra)
    except (HydraException, OmegaConfBaseException):
        return []


def _not_read(word: str, config_name: str, argv: Sequence[str], extra: Sequence[str]) -> str:
    """What Hydra's grammar cannot read, with the word in quotes where the key takes a text."""
    key, equals, text = word.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][\w.]*", key):
        return f"{word}: cannot be read; an override is written key=value"
    bracket = " (a bracket or a quote may be missing)" if re.search(r"[][{}()'\"]", text) else ""
    others = [other for other in argv if other != word and not other.startswith("-")]
    takes = _accepted(key, config_name, [*others, hydra_override(key, text)], extra)
    return f"{word}: cannot be read{bracket}" + (f"; as a text, write {printed(key, text)}" if takes else "")


def accepted_key(key: str, value: str, config_name: str, argv: Sequence[str], extra: Sequence[str]) -> str | None:
    """The key or group that was meant by a name, if it takes a value; None where none is near, or none takes it.

    Args:
        key: A key of ours, a misspelling of one, or what others call it.
        value: As given.
        config_name: Primary config of the command.
        argv: The other arguments.
        extra: Folders given with ``--config-dir``.
    """
    given = _Given(config_name, argv, extra)
    usable = chosen_groups(config_name, given.folders)
    options = {name: found for name, found in given.options.items() if name in usable}
    valid = [*dict.fromkeys([*(name for name, _ in _flatten(given.composed(options), "")), *options])]
    found = key if key in valid else nearest(key, valid)
    if found is None or (found in options and value not in options[found]):
        return None
    return found if _accepted(found, config_name, [*argv, f"{found}={value}"], extra) else None


def _accepted(key: str, config_name: str, arguments: Sequence[str], extra: Sequence[str]) -> bool:
    """Whether the config that the words give has no problem with a key."""
    from segexp.config.checks.monitors import check_monitors
    from segexp.config.checks.tree import check_config
    from segexp.config.command_schema import schema_of

    try:
        plain: dict[str, Any] = _compose(config_name, [conf_dir(), *map(Path, extra)], arguments, resolve=True)
        check_config(plain, schema_of(config_name))
        if config_name in SWEEPING and config_name != "models":
            check_monitors(plain)
    except ConfigError as error:
        return not any(line.startswith(f"{key}:") for line in str(error).splitlines())
    except (HydraException, OmegaConfBaseException, ValueError):
        return False
    return True


def unknown_names(config_name: str, argv: Sequence[str], extra: Sequence[str]) -> list[str]:
    """A line for every override of a group's option or a key that does not exist.

    Args:
        config_name: Primary config of the command.
        argv: Arguments given, command word taken out.
        extra: Folders given with ``--config-dir``.
    """
    given = _Given(config_name, argv, extra)
    # generate has no model: there, model= is an unknown key. With a + any group may be added.
    usable = chosen_groups(config_name, given.folders).union(o.key_or_group for o in given.overrides if _adds(o))
    options = {name: found for name, found in given.options.items() if name in usable}
    return list(_unknown_options(given.overrides, options)) or list(_unknown_keys(given, options))


def several_values(config_name: str, argv: Sequence[str], extra: Sequence[str]) -> list[str]:
    """A line for every override with commas where there is no ``-m``: a sweep, a list or a text was meant.

    The arguments are those of :func:`unknown_names`.
    """
    given = _Given(config_name, argv, extra)
    options, values = given.options, dict(_flatten(given.composed(given.options), ""))
    lines = []
    for override in given.overrides:
        if override.is_sweep_override():
            key, _, text = (override.input_line or "").lstrip("+").partition("=")
            # A range or choice(...) can mean a sweep alone, and so can an option of most groups.
            commas = override.value_type == ValueType.SIMPLE_CHOICE_SWEEP and (key not in options or key in LISTS)
            ways = _ways(key, text, "" if key in options else values.get(key), commas, config_name in SWEEPING)
            lines.append(f"{key}={text}: found several values; {', or '.join(ways) or 'give one of them'}")
    return lines


@dataclass(frozen=True)
class _Given:
    """A command line as Hydra gets it: primary config, arguments, and folders of options."""

    config_name: str
    argv: Sequence[str]
    extra: Sequence[str]

    @cached_property
    def folders(self) -> list[Path]:
        """Folders with options, that of segexp first."""
        return [conf_dir(), *map(Path, self.extra)]

    @cached_property
    def overrides(self) -> list[Override]:
        """Overrides among the arguments; flags and their values are left out."""
        parser = OverridesParser.create()
        texts = [text for text in self.argv if not text.startswith("-") and ("=" in text or text.startswith("~"))]
        return [parser.parse_override(text) for text in texts]

    @cached_property
    def options(self) -> dict[str, list[str]]:
        """Names of the options of every group."""
        return {name: [option.name for option in found] for name, found in groups(self.folders[1:]).items()}

    def composed(self, options: Mapping[str, Sequence[str]]) -> Any:
        """The config as composed with the groups that were chosen, without the other overrides."""
        chosen = [_first_choice(o) for o in self.overrides if o.key_or_group in options and _values(o)]
        return _compose(self.config_name, self.folders, chosen, resolve=False)


def _ways(key: str, text: str, value: Any, commas: bool, sweeps: bool) -> Iterator[str]:
    """What may have been meant, the likeliest first; ``value`` of the key in the config tells what it takes."""
    if commas and (key in LISTS or isinstance(value, list)):
        yield f"write {shell_word(f'{key}=[{text}]')} for a list of them"
    elif commas and (value is None or value == "???"):
        yield f"write {shell_word(f'{key}=[{text}]')} if it takes a list"
    if sweeps:
        yield "add -m for a sweep over them"
    if commas and value != "" and (value is None or isinstance(value, str)):
        # Without quotes of its own the text may stand in double ones, which read better.
        word = printed(key, text) if re.search(r"[\"\\$]", text) else shell_word(f'{key}="{text}"')
        yield f"write {word} for one text with commas"


def chosen_groups(config_name: str, folders: Sequence[Path]) -> set[str]:
    """Groups in the defaults list of a primary config, and of another one that it begins with."""
    path = _home(config_name, folders) / f"{config_name}.yaml"
    config = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = {str(key) for entry in config["defaults"] if isinstance(entry, dict) for key in entry}
    others = [entry for entry in config["defaults"] if isinstance(entry, str) and entry != "_self_"]
    return found.union(*(chosen_groups(entry, folders) for entry in others))


def _home(config_name: str, folders: Sequence[Path]) -> Path:
    """The folder of a primary config: ours, but for that of ``from=``."""
    return next((folder for folder in folders if (folder / f"{config_name}.yaml").is_file()), folders[0])


def _first(text: str) -> str:
    return text.strip().splitlines()[0].rstrip(".") if text.strip() else ""


_NOTHING = {"callbacks": "none", "metric": "none", "scheduler": "none", "logger": "csv"}
"""Options that choose nothing; metrics.csv is always written."""


def _unknown_options(overrides: Sequence[Override], options: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for override in overrides:
        group = override.key_or_group
        if group not in options or override.is_delete():
            continue
        listing = ", ".join(options[group])
        if not override.is_sweep_override() and override.value() is None:
            nothing = f"; write {group}={_NOTHING[group]} for nothing" if group in _NOTHING else ""
            yield (
                f"{group}=null: no such option{nothing}; without the word the default is taken. Options of {group}: "
                f"{listing}"
            )
        for value in dict.fromkeys(_values(override)):
            if value not in options[group]:
                yield no_option(group, value, options[group])


def _values(override: Override) -> list[str]:
    """Chosen options of a group override, also of a sweep or a list; none for null."""
    return [option for choice in _choices(override) for option in choice]


def _choices(override: Override) -> list[list[str]]:
    """What a group override chooses, one after the other in a sweep: one option, or a list of them."""
    if not override.is_sweep_override():
        value = override.value()
        return [] if value is None else [_options(value)]
    # A sweep gives texts; parsed again, [a,b] is a list.
    texts = [f"{override.key_or_group}={text}" for text in override.sweep_string_iterator()]
    return [_options(OverridesParser.create().parse_override(text).value()) for text in texts]


def _options(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _unknown_keys(given: _Given, options: Mapping[str, Sequence[str]]) -> Iterator[str]:
    tree = given.composed(options)
    valid = [*dict.fromkeys([*(key for key, _ in _flatten(tree, "")), *options])]
    for override in given.overrides:
        key = override.key_or_group
        if _adds(override) or key.startswith("hydra") or key in valid:
            continue
        known = [*valid, *_unlisted()] if key.startswith("trainer.") else valid
        yield f"{key}: no such key. {advice(override, tree, known, options, given.folders)} (--cfg job lists all keys)"


def _unlisted() -> list[str]:
    """Arguments of Lightning's Trainer that its YAML does not list."""
    return [f"trainer.{name}" for name in also_taken(TrainerConfig.also)]


def _adds(override: Override) -> bool:
    """Whether it may be new to the config: ``+key`` and ``++key``."""
    return bool(override.is_add() or override.is_force_add())


def _compose(config_name: str, folders: Sequence[Path], overrides: Sequence[str], *, resolve: bool) -> Any:
    """The plain config that Hydra composes of overrides, with options of all folders."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    home = _home(config_name, folders)
    searched = [search_path([str(folder) for folder in folders if folder != home])] if len(folders) > 1 else []
    with initialize_config_dir(os.path.abspath(home), version_base="1.3"):  # noqa: PTH100 - as it was given, links too
        config = compose(config_name, overrides=[*overrides, *searched])
    return OmegaConf.to_container(config, resolve=resolve)


def _first_choice(override: Override) -> str:
    """The override with the first of its choices; a list stays a list."""
    first = _choices(override)[0]
    return f"{override.key_or_group}=" + (first[0] if len(first) == 1 else f"[{','.join(first)}]")


def _flatten(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every key with its value, those of sections too."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            full = f"{path}.{key}" if path else str(key)
            yield full, value
            yield from _flatten(value, full)
