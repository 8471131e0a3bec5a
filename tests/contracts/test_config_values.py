"""Every key of every option with odd values: taken, or refused in lines that name the key. Never a trace."""

import copy
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
import yaml
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from segexp.config.checks.monitors import check_monitors
from segexp.config.checks.tree import check_config
from segexp.config.experiment import Experiment
from segexp.config.overrides.groups import groups
from segexp.config.paths import conf_dir
from segexp.config.schema import TrainConfig
from segexp.errors import ConfigError
from segexp.training.building.callbacks import build_callbacks
from segexp.training.building.optimizer import build_optimizer
from segexp.training.building.schedule import build_schedule

ODD: tuple[Any, ...] = (
    -1, 0, 1.5, 10**12, 10**400, math.inf, math.nan, True, "", "abc", [], None, {}, {"_target_": 5},
    {"_target_": "nowhere.X"},
)  # fmt: skip
PRESETS = ("experiment", "debugging")
"""Groups whose options set keys of others."""
OPTIONS = [(group, option.name) for group, found in groups().items() for option in found if group not in PRESETS]
MANY = ("datamodule", "model", "loss", "metric")
"""Groups of so many keys that they are left to the long tests."""
ALIKE = ("trainer", "sweep")
"""Groups whose options have the keys of the first one, or of default: that one is tried in every change."""


def keys(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for key, value in tree.items():
        yield (*path, key)
        if isinstance(value, Mapping):
            yield from keys(value, (*path, key))


def own_keys(group: str, name: str) -> str:
    """What tells whether two options have the same keys: those of the file, and the option that it builds on."""
    text = (conf_dir() / group / f"{name}.yaml").read_text(encoding="utf-8")
    tree = yaml.safe_load(text) or {}
    return f"{tree.get('defaults')} {sorted('.'.join(path) for path in keys(tree))}"


def is_long(option: tuple[str, str]) -> bool:
    """Whether another option tries the same keys in every change."""
    group, name = option
    if group in MANY:
        return True
    names = [other for home, other in OPTIONS if home == group]
    if group in ALIKE:
        return name != ("default" if "default" in names else names[0])
    return name != next(other for other in names if own_keys(group, other) == own_keys(group, name))


LONGEST = 1500
"""Characters of a refusal; a value of 400 digits is cut."""


def composed(*overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", list(overrides))
    if OmegaConf.is_missing(config.datamodule, "root"):
        config.datamodule.root = "/data"
    plain: dict[str, Any] = OmegaConf.to_container(config, resolve=True)  # type: ignore[assignment] # a mapping
    return plain


def changed(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    new = {**tree, path[0]: copy.deepcopy(tree[path[0]])}
    place: Any = new
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return new


def try_values(tree: dict[str, Any], path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Configs that are taken."""
    for value in ODD:
        config = changed(tree, path, value)
        try:
            check_config(config, TrainConfig)
            check_monitors(config)
        except ConfigError as error:
            text = str(error)
            assert ".".join(path) in text, (path, value, text)
            assert len(text) < LONGEST, (path, text)
        else:
            yield config


def test_keys_at_the_top() -> None:
    tree = composed()
    for path in [path for path in keys(tree) if path[0] not in dict(OPTIONS)]:
        list(try_values(tree, path))


@pytest.mark.parametrize(
    ("group", "name"),
    [pytest.param(*option, marks=[pytest.mark.slow] if is_long(option) else []) for option in OPTIONS],
)
def test_keys_of_an_option(group: str, name: str) -> None:
    tree = composed(f"{group}={name}")
    for path in keys({group: tree.get(group) or {}}):
        for config in try_values(tree, path):
            if group in BUILT:
                with_line(lambda config=config: BUILT[group](config), path)  # type: ignore[misc]


BUILT = {
    "optimizer": lambda config: build_optimizer(config["optimizer"], torch.nn.Linear(1, 1)),
    "scheduler": lambda config: build_schedule(config["scheduler"], config["optimizer"], 1),
    "callbacks": lambda config: build_callbacks(Experiment.from_plain(config)),
}


def with_line(do: Any, path: tuple[str, ...]) -> None:
    try:
        do()
    except ConfigError as error:
        # The section at least: what is at fault may be another key, such as a momentum that nesterov needs.
        assert str(error).startswith((path[0], "scheduler", "optimizer")), (path, str(error))
