"""Optimisers of blocks of two lines: each does what the class of torch does that is called directly."""

from typing import Any

import pytest
import torch
from torch import nn

from segexp.errors import ConfigError
from segexp.training.building.optimizer import build_optimizer, optimizer_of_one_weight


def network() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2)


def stepped(model: nn.Linear, optimizer: torch.optim.Optimizer) -> list[float]:
    """The weights after five steps on one batch."""
    image = torch.linspace(-1, 1, 12).view(4, 3)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = model(image).square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value  # type: ignore[no-any-return]

    for _ in range(5):
        optimizer.step(loss)  # type: ignore[arg-type] # as torch documents it
    return [weight.item() for weight in model.weight.flatten()]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}), ("Adam", {"lr": 0.1, "amsgrad": True}),
        ("AdamW", {"lr": 0.1, "betas": [0.8, 0.9]}), ("RMSprop", {}), ("NAdam", {"lr": 0.1}), ("RAdam", {"lr": 0.1}),
        ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}), ("Adadelta", {"rho": 0.8}), ("Adamax", {}), ("ASGD", {"lr": 0.1}),
        ("Rprop", {"etas": [0.4, 1.3]}), ("LBFGS", {"lr": 0.1, "max_iter": 3}), ("Adafactor", {"lr": 0.1}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("partial", [{}, {"_partial_": True}])
def test_weights_are_those_of_the_class_called_directly(
    name: str, keys: dict[str, Any], partial: dict[str, bool]
) -> None:
    made, direct = network(), network()
    begun = [weight.item() for weight in made.weight.flatten()]
    make = build_optimizer({"_target_": f"torch.optim.{name}", **keys, **partial}, made)
    found = stepped(made, make(made.parameters()))
    assert found == stepped(direct, getattr(torch.optim, name)(direct.parameters(), **keys)) != begun


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"_target_": "torch.optim.SGD", "lr": -1.0}, "^optimizer.lr: found -1.0: Invalid learning rate"),
        ({"_target_": "torch.optim.SparseAdam"}, "^optimizer: its step with dense gradients fails: .*SparseAdam does"),
        ({"_target_": "torch.optim.Muon"}, "^optimizer.*: Muon only supports 2D parameters"),
        ({"_target_": "torch.nn.Linear", "out_features": 2}, "^optimizer"),
    ],
)
def test_what_cannot_train_is_refused_before_it_does(section: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_optimizer(section, network())


def test_one_weight_has_a_gradient() -> None:
    made = optimizer_of_one_weight({"_target_": "torch.optim.SGD", "lr": 0.5})
    (weight,) = made.param_groups[0]["params"]
    assert (weight.shape, weight.grad.sum().item(), made.param_groups[0]["lr"]) == ((1, 1), 0.0, 0.5)
