"""Models of conf/model, small enough for tests, and what their contract tests share."""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from torch import nn

from segexp.config.overrides.groups import groups
from segexp.config.paths import conf_dir
from segexp.errors import MissingExtraError
from segexp.inspection.contracts.models import ModelCase, awake

NAMES = [option.name for option in groups()["model"]]
SHRINK = {"base": 4, "encoder": "resnet18", "middle_blocks": 1}  # keys that make a model small enough for a test


NEEDED = {"bed_of_nails": {"upsample": "bed_of_nails"}}
"""Keys without which another one has no effect, and is refused."""


def section(name: str) -> dict[str, Any]:
    return dict(_composed(name))


@functools.cache
def _composed(name: str) -> Any:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return compose(overrides=[f"+model={name}"]).model


def small_section(name: str) -> dict[str, Any]:
    config = section(name)
    return config | {key: value for key, value in SHRINK.items() if key in config}


def make(name: str, channels: tuple[int, int] = (3, 1), **keys: Any) -> nn.Module:
    needed = {key: value for name in keys for key, value in NEEDED.get(name, {}).items()}
    config = small_section(name) | needed | keys
    torch.manual_seed(0)
    given = {"in_channels": channels[0], "out_channels": channels[1]}
    return awake(unless_extra(lambda: instantiate(config, **given)))


def case(name: str, **keys: Any) -> ModelCase:
    return ModelCase(lambda channels: make(name, channels, **keys))


def unless_extra(build: Callable[[], nn.Module]) -> nn.Module:
    """Skips what needs an optional package that is not installed."""
    try:
        return build()
    except InstantiationException as error:
        if isinstance(error.__cause__, MissingExtraError):
            pytest.skip(str(error.__cause__))
        raise
    except MissingExtraError as error:
        pytest.skip(str(error))


def distinct() -> list[str]:
    """Models that differ once they are small; unet and unet_small do not."""
    found: dict[str, str] = {}
    for each in NAMES:
        found.setdefault(str(sorted(small_section(each).items(), key=str)), each)
    return list(found.values())


def literal_keys() -> list[tuple[str, str, Any]]:
    """(model, key, choice) for every choice of the Literal keys of every model class that is not taken anyway."""
    found = {}
    for each in NAMES:
        config = small_section(each)
        for key, parameter in inspect.signature(get_class(config["_target_"])).parameters.items():
            if get_origin(parameter.annotation) is Literal:
                for choice in get_args(parameter.annotation):
                    if choice != config[key]:
                        found.setdefault((config["_target_"], key, choice), each)
    return [(model, key, choice) for (_, key, choice), model in found.items()]


LONG = {
    "deeplabv3plus_xception", "googlenet", "minigooglenet",  # many small layers
    "deeplabv3_resnet101", "fcn16s", "fcn32s", "fcn8s_vgg16", "unet_little", "wnet",  # parts of others that are short
}  # fmt: skip
"""Models whose exports take long or are like those of others; that of resnet18 stands for all classifiers."""


def unless_long(names: list[str]) -> list[Any]:
    """Parameters of tests that export, those of long ones marked as slow."""
    return [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in names]


def choices_unless_long() -> list[Any]:
    """Parameters of :func:`literal_keys`: of each choice one model in every change; those of long models are slow."""
    long, found, seen = LONG | {"resnet18"}, [], {("encoder", "resnet50"), ("encoder", "resnet101")}
    for model, key, choice in literal_keys():
        slow = model in long or (key, choice) in seen
        if model not in long:
            seen.add((key, choice))
        found.append(pytest.param(model, key, choice, marks=[pytest.mark.slow] if slow else []))
    return found


DISTINCT = distinct()
