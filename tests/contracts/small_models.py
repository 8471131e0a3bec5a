"""Models of conf/model, small enough for tests, and what their contract tests share."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import get_class, instantiate
from torch import Tensor, nn

from segexp.errors import MissingExtraError
from segexp.models.contracts import exceptions_of
from segexp.models.sizes import same_size

CONF = Path(__file__).parents[2] / "conf"
NAMES = sorted(path.stem for path in (CONF / "model").glob("*.yaml"))
SHRINK = {"base": 4, "encoder": "resnet18"}  # keys that make a model small enough for a test


def section(name: str) -> dict[str, Any]:
    return dict(_composed(name))


@functools.cache
def _composed(name: str) -> Any:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(overrides=[f"+model={name}"]).model


def small_section(name: str) -> dict[str, Any]:
    config = section(name)
    return config | {key: value for key, value in SHRINK.items() if key in config}


def make(name: str, channels: tuple[int, int] = (3, 1), **keys: Any) -> nn.Module:
    config = small_section(name) | keys
    torch.manual_seed(0)
    given = {"in_channels": channels[0], "out_channels": channels[1]}
    return awake(unless_extra(lambda: instantiate(config, **given)))


def awake(model: nn.Module) -> nn.Module:
    """Weights that begin at zero, as the scores of FCN do, would hide every difference."""
    for parameter in model.parameters():
        if parameter.ndim > 1 and not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return model


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


def image(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def logits_of(model: nn.Module, batch: Tensor) -> Tensor:
    """What a model gives in evaluation mode: a plain tensor of the image's size."""
    with torch.no_grad():
        logits = same_size(model.eval(), batch)
    assert isinstance(logits, Tensor)
    assert logits.shape[-2:] == batch.shape[-2:]
    assert logits.float().std() > 0, "nothing to compare"
    return logits


def assert_near(found: Tensor, expected: Tensor, tolerance: float = 1e-4) -> None:
    """Equal but for rounding, which goes with the largest of the logits."""
    assert found.shape == expected.shape
    assert (found - expected).abs().max() <= tolerance * expected.abs().max()


def kept(model: nn.Module, contract: str, check: Callable[[], None]) -> None:
    """Runs a check, or makes sure that the exception which the model declares is still needed."""
    reason = exceptions_of(model).get(contract)
    if reason is None:
        check()
        return
    with pytest.raises(Exception):  # noqa: B017 - a declared exception may fail in any way, but it must fail
        check()
    pytest.xfail(f"{contract}: {reason}")


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


DISTINCT = distinct()
