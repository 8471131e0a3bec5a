"""Keys of the optimiser that a schedule replaces."""

from typing import Any

import pytest

from segexp.config.checks.overruled import refuse_overruled
from segexp.errors import ConfigError

CYCLE = "torch.optim.lr_scheduler.OneCycleLR"
SGD = {"_target_": "torch.optim.SGD", "lr": 0.01, "momentum": 0.9}
ADAM = {"_target_": "torch.optim.AdamW", "lr": 0.005, "betas": [0.9, 0.999]}


def config(optimizer: dict[str, Any], target: dict[str, Any] | None, resume: str | None = None) -> dict[str, Any]:
    return {"optimizer": optimizer, "scheduler": target or {"_target_": None}, "resume": resume}


def one_cycle(**keys: Any) -> dict[str, Any]:
    return {"_target_": CYCLE, "max_lr": 0.01, **keys}


def test_what_nobody_asked_for_may_be_replaced() -> None:
    refuse_overruled(config(SGD, one_cycle()), [])
    refuse_overruled(config(ADAM, one_cycle(max_lr=0.005)), ["model=unet"])
    refuse_overruled(config({**SGD, "momentum": 0.5}, None), ["optimizer.momentum=0.5"])
    refuse_overruled(config({**ADAM, "betas": [0.9, 0.5]}, one_cycle(max_lr=0.005)), ["optimizer.betas=[0.9,0.5]"])


@pytest.mark.parametrize(
    ("optimizer", "target", "words", "message"),
    [
        ({**SGD, "momentum": 0.5}, one_cycle(), ["optimizer.momentum=0.5"], "optimizer.momentum: found 0.5, but One"),
        (SGD, one_cycle(), ["optimizer.momentum=0.9"], r"found 0.9.* add \+scheduler.cycle_momentum=false"),
        ({**ADAM, "betas": [0.5, 0.9]}, one_cycle(max_lr=0.005), [], "the first of them between 0.85 and 0.95"),
        (
            {**SGD, "momentum": 0.5},
            {"_target_": "torch.optim.lr_scheduler.CyclicLR", "base_lr": 0.01, "max_momentum": 0.7},
            [],
            r"CyclicLR moves it between 0.8 and 0.7; .* \+scheduler.base_momentum and scheduler.max_",
        ),
        ({**SGD, "lr": 0.3}, one_cycle(), ["optimizer.lr=0.3"], "optimizer.lr: found 0.3, .* max_lr, found 0.01"),
        (SGD, one_cycle(max_lr=0.5), ["optimizer.lr=0.01", "scheduler.max_lr=0.5"], "optimizer.lr: found 0.01"),
        ({**SGD, "momentum": 0.5}, one_cycle(), ["from=run", "scheduler=onecycle"], "optimizer.momentum: found 0.5"),
    ],
)  # fmt: skip
def test_what_was_asked_for_is_refused(
    optimizer: dict[str, Any], target: dict[str, Any], words: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        refuse_overruled(config(optimizer, target), words)


def test_it_is_used_where_the_schedule_leaves_it() -> None:
    refuse_overruled(config({**SGD, "momentum": 0.5}, one_cycle(cycle_momentum=False)), ["optimizer.momentum=0.5"])
    refuse_overruled(config(SGD, one_cycle(max_lr=0.5)), ["scheduler.max_lr=0.5"])


def test_a_run_of_before_is_repeated_and_goes_on() -> None:
    asked = {**SGD, "momentum": 0.5}
    refuse_overruled(config(asked, one_cycle()), ["from=run", "seed=1"])
    refuse_overruled(config(asked, one_cycle(), resume="last.ckpt"), ["optimizer.momentum=0.5"])
