"""Builds the network for the channels of the data; one that is larger than the memory is refused."""

import warnings

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from segexp.config.schema import ObjectConfig
from segexp.errors import ConfigError
from segexp.spec import DataSpec
from segexp.system.free_memory import free_memory, gib
from segexp.training.building.constructor_errors import joined_lines, naming_section
from segexp.training.checks.config_trials import expect


def build_model(section: ObjectConfig, spec: DataSpec, *, published: bool = True) -> nn.Module:
    """Builds the network for the channels of the data.

    Args:
        section: The block ``model``.
        spec: Channels and classes.
        published: Whether weights that the block asks for are loaded; False where a checkpoint brings all of them, so
            that no network is touched.
    """
    if not published:
        section = _without_published(section)
    _refuse_too_large(section, spec)
    with naming_section("model", {**section, "in_channels": spec.in_channels, "out_channels": spec.out_channels}):
        model: nn.Module = instantiate(
            section, in_channels=spec.in_channels, out_channels=spec.out_channels, _convert_="all"
        )
        expect(model, nn.Module, "model", "a torch.nn.Module that gives logits (B, K, H, W)")
    return model


def _without_published(section: ObjectConfig) -> ObjectConfig:
    return section | {key: off for key, off in PUBLISHED.items() if key in section}


def _refuse_too_large(section: ObjectConfig, spec: DataSpec) -> None:
    """Models of ours are first built without their weights: what is larger than the memory is found at once."""
    if not str(section.get("_target_")).startswith("segexp.models."):
        return
    channels = {"in_channels": spec.in_channels, "out_channels": spec.out_channels}
    try:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            model: nn.Module = instantiate(_without_published(section), **channels, _convert_="all")
        need = sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())
    except InstantiationException as error:
        if not isinstance(error.__cause__, RuntimeError | OverflowError | MemoryError):
            return  # told, or working, where it is built in earnest
        raise ConfigError(f"model: {joined_lines(error.__cause__)}; {_SMALLER}") from error
    free = free_memory()
    if free is not None and need > free:
        raise ConfigError(f"model: its weights take {gib(need)}, but {gib(free)} are free; {_SMALLER}")


_SMALLER = "use fewer channels or stages"
PUBLISHED = {"pretrained": False, "encoder_weights": None}
"""Keys of models that load published weights, and what turns that off."""
