"""What ``auto`` in a schedule becomes."""

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR, ReduceLROnPlateau

from segexp.tasks.schedule import Schedule


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)


@pytest.mark.parametrize(("interval", "length"), [("step", 12), ("epoch", 3)])
def test_length_of_the_run(interval: str, length: int) -> None:
    built = Schedule(CosineAnnealingLR, {"T_max": "auto"}, interval).build(optimizer(), steps=12, epochs=3)  # type: ignore[arg-type]
    assert built.T_max == length


def test_a_length_given_is_kept() -> None:
    assert Schedule(CosineAnnealingLR, {"T_max": 7}, "step").build(optimizer(), steps=12, epochs=3).T_max == 7


@pytest.mark.parametrize("direction", ["min", "max"])
def test_direction_of_the_measure(direction: str) -> None:
    schedule = Schedule(ReduceLROnPlateau, {"mode": "auto"}, "epoch", "val/loss", direction)  # type: ignore[arg-type]
    assert schedule.build(optimizer(), steps=12, epochs=3).mode == direction


@pytest.mark.parametrize("steps", range(1, 13))
def test_one_cycle_of_any_length_has_a_beginning_and_reaches_the_peak(steps: int) -> None:
    settings = {"max_lr": 1.0, "total_steps": "auto", "pct_start": 0.25}
    stepped = optimizer()
    built = Schedule(OneCycleLR, settings, "step").build(stepped, steps=steps, epochs=1)
    rates = []
    for _ in range(steps):
        rates.append(stepped.param_groups[0]["lr"])
        stepped.step()
        if len(rates) < steps:
            built.step()
    assert all(0 < rate <= 1.0 for rate in rates)
    if steps >= 8:
        assert max(rates) > 0.95
        assert rates[-1] < 0.01


def test_plan_for_lightning() -> None:
    assert Schedule(OneCycleLR, {}, "step").for_lightning("s") == {"scheduler": "s", "interval": "step"}
    watched = Schedule(ReduceLROnPlateau, {}, "epoch", "val/loss", "min", every=2)
    built = watched.build(optimizer(), steps=4, epochs=4)
    assert watched.for_lightning(built)["monitor"] == "val/loss"


def test_plateau_moves_with_fresh_measures_only() -> None:
    watched = Schedule(ReduceLROnPlateau, {"patience": 0, "factor": 0.1}, "epoch", "val/loss", "min", every=2)
    stepped = optimizer()
    built = watched.build(stepped, steps=4, epochs=4)
    rates = []
    for epoch in range(6):
        watched.watch(built, epoch, {"val/loss": 1.0} if epoch % 2 else {})
        rates.append(stepped.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.01, 0.01, 0.001])
