"""Builds what makes the optimiser: any class of torch.optim, or of a user's own, and its arguments."""

from collections.abc import Callable
from typing import Any

import torch
from hydra.utils import instantiate
from torch import nn
from torch.optim import Optimizer
from torch.utils._pytree import tree_leaves

from segexp.config.schema import ObjectConfig
from segexp.training.building.constructor_errors import naming_section
from segexp.training.checks.config_trials import expect, trying


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


def optimizer_of_one_weight(section: ObjectConfig, shape: tuple[int, int] = (1, 1)) -> Optimizer:
    """Makes the optimiser of the block ``optimizer`` for one weight of its own, with a gradient of 0, to be tried on.

    Args:
        section: The class and its arguments.
        shape: Of the weight.

    Raises:
        ConfigError: The class refuses a value.
    """
    weight = nn.Parameter(torch.zeros(shape))
    weight.grad = torch.zeros(shape)
    with naming_section("optimizer", section):
        made: Optimizer = instantiate(section, _partial_=True, _convert_="all")([weight])
    return made


def optimizer_numbers(section: ObjectConfig) -> float:
    """Counts the numbers that an optimiser keeps for each weight: 0 for SGD, 1 with momentum, 2 for Adam.

    It takes one step with a small matrix; of optimisers that keep less for larger matrices this is a little too much.

    Raises:
        ConfigError: The class refuses a value, or cannot take a step.
    """
    history = optimizer_of_one_weight(section).defaults.get("history_size")
    if history is not None:
        return float(2 * history + 3)  # LBFGS: differences of weights and gradients of so many steps, and three more
    return first_step_numbers(section)


def first_step_numbers(section: ObjectConfig) -> float:
    """Counts the numbers that an optimiser keeps for each weight once it has taken a step: 2 for LBFGS.

    Raises:
        ConfigError: The class refuses a value, or cannot take a step.
    """
    rows, columns = 16, 24
    made = optimizer_of_one_weight(section, (rows, columns))
    for weight in made.param_groups[0]["params"]:
        weight.grad.fill_(1)  # LBFGS takes no step with none
    with trying("optimizer", "its step with dense gradients"):
        made.step(lambda: 0.0)
    kept = [leaf for state in made.state.values() for leaf in tree_leaves(state) if isinstance(leaf, torch.Tensor)]
    # Counters of steps are no numbers of weights.
    return sum(leaf.numel() for leaf in kept if leaf.numel() > 1) / (rows * columns)
