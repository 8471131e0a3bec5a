"""Turns what Hydra raises while composing into one line with the key and the nearest valid name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override, ValueType
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from segexp.cli.argument_checks import no_option
from segexp.cli.given_words import GivenWords, adds_key, compose_plain, keys_and_values, typed_options
from segexp.cli.hydra_keys import missing_plugin
from segexp.config.checks.suggest import nearest
from segexp.config.checks.tree import also_taken
from segexp.config.checks.unknown_key import advice
from segexp.config.migration import for_hydra, migrated
from segexp.config.overrides.groups import LISTS
from segexp.config.overrides.quoting import hydra_override, printed, shell_word, texts_inside
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
    for value, what in ((texts_inside(text), "with its texts in quotes"), (text, "as a text")):
        if value is not None and _accepted(key, config_name, [*others, hydra_override(key, value)], extra):
            return f"{word}: cannot be read{bracket}; {what}, write {printed(key, value)}"
    return f"{word}: cannot be read{bracket}"


def accepted_key(key: str, value: str, config_name: str, argv: Sequence[str], extra: Sequence[str]) -> str | None:
    """The key or group that was meant by a name, if it takes a value; None where none is near, or none takes it.

    Args:
        key: A key of ours, a misspelling of one, or what others call it.
        value: As given.
        config_name: Primary config of the command.
        argv: The other arguments.
        extra: Folders given with ``--config-dir``.
    """
    given = GivenWords(config_name, argv, extra)
    options = given.usable
    valid = [*dict.fromkeys([*(name for name, _ in keys_and_values(given.composed(options), "")), *options])]
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
        plain = migrated(compose_plain(config_name, [conf_dir(), *map(Path, extra)], arguments, resolve=True))
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
    given = GivenWords(config_name, argv, extra)
    return [*_unknown_options(given.overrides, given.usable), *_unknown_keys(given, given.usable)]


def unknown_keys(config_name: str, argv: Sequence[str], extra: Sequence[str]) -> list[str]:
    """A line for every override of a key that does not exist; those of a group whose option does not are passed over.

    The arguments are those of :func:`unknown_names`.
    """
    given = GivenWords(config_name, argv, extra)
    return list(_unknown_keys(given, given.usable))


def several_values(config_name: str, argv: Sequence[str], extra: Sequence[str]) -> list[str]:
    """A line for every override with commas where there is no ``-m``: a sweep, a list or a text was meant.

    The arguments are those of :func:`unknown_names`.
    """
    given = GivenWords(config_name, argv, extra)
    options, values = given.options, dict(keys_and_values(given.composed(given.options), ""))
    lines = []
    for override in given.overrides:
        if override.is_sweep_override():
            key, _, text = (override.input_line or "").lstrip("+").partition("=")
            # A range or choice(...) can mean a sweep alone, and so can an option of most groups.
            commas = override.value_type == ValueType.SIMPLE_CHOICE_SWEEP and (key not in options or key in LISTS)
            ways = _ways(key, text, "" if key in options else values.get(key), commas, config_name in SWEEPING)
            lines.append(f"{key}={text}: found several values; {', or '.join(ways) or 'give one of them'}")
    return lines


def _ways(key: str, text: str, value: Any, commas: bool, sweeps: bool) -> Iterator[str]:
    """What may have been meant, the likeliest first; ``value`` of the key in the config tells what it takes."""
    if isinstance(value, float) and (number := re.fullmatch(r"([-+]?0),(\d+(?:e[-+]?\d+)?)", text)) is not None:
        yield f"write {key}={number[1]}.{number[2]} for one number, with a decimal point"
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
        for value in dict.fromkeys(typed_options(override)):
            if value not in options[group]:
                yield no_option(group, value, options[group])


def _unknown_keys(given: GivenWords, options: Mapping[str, Sequence[str]]) -> Iterator[str]:
    tree, chosen = given.composed(options), given.chosen(options)
    valid = [*dict.fromkeys([*(key for key, _ in keys_and_values(tree, "")), *options])]
    # Which keys a group has is not known without its option.
    without = {o.key_or_group for o in given.overrides if any(_unknown_options([o], options))}

    def takes(key: str, word: str) -> bool:
        return _accepted(key, given.config_name, [*chosen, *for_hydra([word])], given.extra)

    for override in given.overrides:
        key = override.key_or_group
        if not key or adds_key(override) or key.startswith("hydra") or key in valid or key.partition(".")[0] in without:
            continue
        known = [*valid, *_unlisted()] if key.startswith("trainer.") else valid
        told = advice(override, tree, known, options, given.folders, takes)
        yield f"{key}: no such key. {told} (--cfg job lists all keys)"


def _unlisted() -> list[str]:
    """Arguments of Lightning's Trainer that its YAML does not list."""
    return [f"trainer.{name}" for name in also_taken(TrainerConfig.also)]
