"""The words of an earlier run composed once more: what its config would be today, references between keys in place."""

import os
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from segexp.config.migration import for_hydra, key_today, migrated
from segexp.config.overrides.groups import LISTS, groups
from segexp.config.paths import conf_dir
from segexp.config.retargeted import without_left_over
from segexp.system.signals import interrupt_held

UNUSED = re.compile(r"[+~]*(hydra|sweep|resume|debug|from|trust)\b")
"""Words that are about another thing than the experiment."""
_WORD = re.compile(r"\+{0,2}([A-Za-z_][\w.]*)=.*|~([A-Za-z_][\w.]*)(=.*)?", re.DOTALL)
_RESOLVER = re.compile(r"\$\{[^{}]*:")


@dataclass(frozen=True)
class Today:
    """The config that the overrides of an earlier run give now.

    Attributes:
        tree: The config, with references such as ``${seed}`` as they are written.
        words: Those of the earlier run, with the choice of each option that is another by default now.
        missing: Options by group that are not to be found; their blocks in ``tree`` are the default ones.
        lost: Words that mean nothing any more.
        choices: Option of each group in ``tree``.
    """

    tree: dict[str, Any]
    words: tuple[str, ...]
    missing: Mapping[str, str]
    lost: tuple[str, ...]
    choices: Mapping[str, str]


def key_of(word: str) -> str:
    """Key or group that an override is about, by its name of today."""
    return key_today(word.lstrip("+~").partition("=")[0].partition("@")[0])


def below(key: str, parent: str) -> bool:
    """Returns whether a dotted key is ``parent`` or lies in its block."""
    return key == parent or key.startswith(f"{parent}.")


def usable(arguments: Iterable[Any]) -> list[str]:
    """Overrides of a stored record: those about the experiment, without resolvers, which could read the environment."""
    texts = [word for word in arguments if isinstance(word, str)]
    return [w for w in texts if _WORD.fullmatch(w) and not UNUSED.match(w) and not _RESOLVER.search(w)]


def recompose(arguments: Sequence[str], choices: Mapping[str, str], extra: Sequence[str]) -> Today:
    """Composes the words of a run anew.

    Args:
        arguments: Its overrides, see :func:`usable`.
        choices: Option of each group then.
        extra: Folders given with ``--config-dir`` now.

    Returns:
        The config as it is by the YAML files of today; it may differ from that of the run.
    """
    options = {name: {option.name for option in found} for name, found in groups(map(Path, extra)).items()}
    missing = _missing(arguments, choices, options)
    known = [word for word in arguments if not any(below(key_of(word), group) for group in missing)]
    chosen = [f"{g}={c}" for g, c in choices.items() if g not in LISTS and c in options.get(g, ()) and g != "sweep"]
    kept, (tree, found) = _composed(known, extra)
    # Only where the default is another: what an experiment chooses needs no word.
    more = [word for word in chosen if found.get(key_of(word)) != word.partition("=")[2]]
    if more:
        known = [*more, *(word for word in known if key_of(word) not in map(key_of, more))]
        kept, (tree, found) = _composed(known, extra)
    return Today(tree, tuple(known), missing, tuple(word for word in known if word not in kept), found)


def _missing(arguments: Sequence[str], choices: Mapping[str, str], options: Mapping[str, set[str]]) -> dict[str, str]:
    """Options that were chosen, by a word or otherwise, and are not there."""
    chosen = dict(choices) | {key_of(word): word.partition("=")[2] for word in arguments if key_of(word) in options}
    return {
        group: option
        for group, option in chosen.items()
        if group in options and group != "sweep" and option != "None" and not _listed(option) <= options[group]
    }


def _listed(option: str) -> set[str]:
    return {name.strip() for name in option.strip("[]").split(",") if name.strip()}


def _composed(
    arguments: Sequence[str], extra: Sequence[str]
) -> tuple[list[str], tuple[dict[str, Any], dict[str, str]]]:
    """Composes all words, or those of them that can be; gives them too."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    try:
        return list(arguments), _compose(arguments, extra)
    except (HydraException, OmegaConfBaseException, ValueError):
        kept: list[str] = []
        found = _compose(kept, extra)
        for word in arguments:
            try:
                found = _compose([*kept, word], extra)
                kept.append(word)
            except (HydraException, OmegaConfBaseException, ValueError):
                continue
        return kept, found


def _compose(arguments: Sequence[str], extra: Sequence[str]) -> tuple[dict[str, Any], dict[str, str]]:
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from omegaconf import OmegaConf, open_dict

    GlobalHydra.instance().clear()
    searched = [search_path(extra)] if extra else []
    with (
        interrupt_held(),
        initialize_config_dir(str(conf_dir()), version_base="1.3"),
        warnings.catch_warnings(action="ignore"),
    ):
        config = compose("train", overrides=[*for_hydra(arguments), *searched], return_hydra_config=True)
    found = {str(group): str(option) for group, option in config.hydra.runtime.choices.items()}
    with open_dict(config):
        del config["hydra"]
    tree: dict[str, Any] = OmegaConf.to_container(config, resolve=False)  # type: ignore[assignment] # a mapping
    return without_left_over(migrated(tree), arguments)[0], {
        group: option for group, option in found.items() if not group.startswith("hydra/")
    }


def search_path(folders: Iterable[str]) -> str:
    """The override that lets Hydra look for options in more folders."""
    from segexp.config.overrides.quoting import quoted

    return f"hydra.searchpath=[{','.join(quoted(f'file://{os.path.abspath(folder)}') for folder in folders)}]"  # noqa: PTH100 - as it was given, links too


def shipped_references() -> dict[str, str]:
    """Keys that an option of ours derives from another key, and how: ``scheduler.max_lr: ${optimizer.lr}``."""
    found: dict[str, str] = {}
    for path in sorted(conf_dir().glob("*/*.yaml")):
        if path.parent.name != "experiment":
            found |= _references(yaml.safe_load(path.read_text(encoding="utf-8")), path.parent.name)
    return found


def _references(tree: Any, path: str) -> dict[str, str]:
    if isinstance(tree, dict):
        return {k: v for key, item in tree.items() for k, v in _references(item, f"{path}.{key}").items()}
    return {path: tree} if isinstance(tree, str) and "${" in tree and not _RESOLVER.search(tree) else {}
