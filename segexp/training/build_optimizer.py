"""Builds what makes the optimiser: any class of torch.optim, or of a user's own, and its arguments."""

from collections.abc import Callable
from typing import Any

import torch
from hydra.utils import instantiate
from torch import nn
from torch.optim import Optimizer

from segexp.config.schema import ObjectConfig
from segexp.training.checks.config_trials import expect, trying
from segexp.training.constructor_errors import naming_section


def build_optimizer(section: ObjectConfig, model: nn.Module) -> Callable[[Any], Optimizer]:
    """Builds what makes the optimiser of parameters; tried once so that a value it refuses is found now.

    Args:
        section: The block ``optimizer``: the class and its arguments but for the parameters.
        model: The network, of whose parameters one is made.

    Raises:
        ConfigError: The class refuses a value or the parameters, is no optimiser, or cannot take a step.
    """
    with naming_section("optimizer", section):
        make: Callable[[Any], Optimizer] = instantiate(section, _partial_=True, _convert_="all")
        expect(make(model.parameters()), Optimizer, "optimizer", "a torch.optim.Optimizer")
    with trying("optimizer", "its step with dense gradients"):
        optimizer_of_one_weight(section).step(lambda: 0.0)
    return make


def optimizer_of_one_weight(section: ObjectConfig) -> Optimizer:
    """Makes the optimiser of the block ``optimizer`` for one weight of its own, with a gradient of 0, to be tried on.

    Raises:
        ConfigError: The class refuses a value.
    """
    weight = nn.Parameter(torch.zeros(1, 1))
    weight.grad = torch.zeros(1, 1)
    with naming_section("optimizer", section):
        made: Optimizer = instantiate(section, _partial_=True, _convert_="all")([weight])
    return made
