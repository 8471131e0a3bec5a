"""A command line as Hydra gets it: its overrides, the options that there are, and what is composed of them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from segexp.config.overrides.groups import groups
from segexp.config.overrides.recompose import search_path
from segexp.config.paths import conf_dir
from segexp.system.signals import interrupt_held


@dataclass(frozen=True)
class GivenWords:
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

    @property
    def usable(self) -> dict[str, list[str]]:
        """Options of the groups of the command: generate has no model, and model= is an unknown key there."""
        # With a + any group may be added.
        names = chosen_groups(self.config_name, self.folders).union(
            o.key_or_group for o in self.overrides if adds_key(o)
        )
        return {name: found for name, found in self.options.items() if name in names}

    def chosen(self, options: Mapping[str, Sequence[str]]) -> list[str]:
        """The words that choose options there are, of a sweep the first one."""
        choosing = [o for o in self.overrides if o.key_or_group in options and typed_options(o)]
        return [_first_choice(o) for o in choosing if set(_choices(o)[0]) <= set(options[o.key_or_group])]

    def composed(self, options: Mapping[str, Sequence[str]]) -> Any:
        """The config as composed with the groups that were chosen, without the other overrides."""
        return compose_plain(self.config_name, self.folders, self.chosen(options), resolve=False)


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


def typed_options(override: Override) -> list[str]:
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


def adds_key(override: Override) -> bool:
    """Whether it may be new to the config: ``+key`` and ``++key``."""
    return bool(override.is_add() or override.is_force_add())


def compose_plain(config_name: str, folders: Sequence[Path], overrides: Sequence[str], *, resolve: bool) -> Any:
    """The plain config that Hydra composes of overrides, with options of all folders."""
    from hydra import compose, initialize_config_dir
    from omegaconf import OmegaConf

    home = _home(config_name, folders)
    searched = [search_path([str(folder) for folder in folders if folder != home])] if len(folders) > 1 else []
    with interrupt_held(), initialize_config_dir(os.path.abspath(home), version_base="1.3"):  # noqa: PTH100 - as it was given, links too
        config = compose(config_name, overrides=[*overrides, *searched])
    return OmegaConf.to_container(config, resolve=resolve)


def _first_choice(override: Override) -> str:
    """The override with the first of its choices; a list stays a list."""
    first = _choices(override)[0]
    return f"{override.key_or_group}=" + (first[0] if len(first) == 1 else f"[{','.join(first)}]")


def keys_and_values(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every key with its value, those of sections too."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            full = f"{path}.{key}" if path else str(key)
            yield full, value
            yield from keys_and_values(value, full)
