"""Schedules of blocks, flat and nested: rates are those of torch's classes, made by hand, to the last digit."""

from dataclasses import replace
from typing import Any

import pytest
import torch
import yaml
from torch.optim import SGD
from torch.optim import lr_scheduler as torch_schedules

from segexp.config.checks.tree import check_config
from segexp.config.paths import conf_dir
from segexp.config.schema import TrainConfig
from segexp.config.settled_forms import settle_forms
from segexp.errors import ConfigError
from segexp.tasks.schedule_part import follows_length, in_moves
from segexp.training.building.schedule import build_schedule, check_length
from tests.training.runs import composed

OPTIMIZER = {"_target_": "torch.optim.SGD", "lr": 0.4, "momentum": 0.9}
LENGTH = 20
WARM, COSINE = "torch.optim.lr_scheduler.LinearLR", "torch.optim.lr_scheduler.CosineAnnealingLR"


def optimizer() -> SGD:
    return SGD([torch.zeros(1, requires_grad=True)], lr=0.4, momentum=0.9)


def rates(stepped: torch.optim.Optimizer, schedule: Any) -> list[float]:
    found = []
    for _ in range(LENGTH):
        found.append(float(stepped.param_groups[0]["lr"]))
        stepped.step()
        schedule.step()
    return found


def of_block(block: dict[str, Any], factor: float = 1.0) -> list[float]:
    """Rates of a run of 20 steps in 20 epochs."""
    section = settle_forms({"scheduler": block})["scheduler"]
    schedule = build_schedule(section, OPTIMIZER, 1)
    assert schedule is not None
    stepped = optimizer()
    stepped.param_groups[0]["lr_factor"] = factor
    return rates(stepped, schedule.build(stepped, steps=LENGTH, epochs=LENGTH))


def of_option(name: str, **keys: Any) -> list[float]:
    block = yaml.safe_load((conf_dir() / "scheduler" / f"{name}.yaml").read_text())
    return of_block(block | keys)


def by_hand(name: str, **keys: Any) -> list[float]:
    stepped = optimizer()
    return rates(stepped, getattr(torch_schedules, name)(stepped, **keys))


def warm_cosine(first: int) -> list[float]:
    stepped = optimizer()
    parts = [
        torch_schedules.LinearLR(stepped, start_factor=0.01, total_iters=first),
        torch_schedules.CosineAnnealingLR(stepped, T_max=LENGTH - first),
    ]
    return rates(stepped, torch_schedules.SequentialLR(stepped, parts, [first]))


def test_options_are_the_classes_of_torch_over_the_run() -> None:
    assert of_option("step") == by_hand("StepLR", step_size=10, gamma=0.1)
    assert of_option("multistep") == by_hand("MultiStepLR", milestones=[10, 15], gamma=0.1)
    assert of_option("exponential") == by_hand("ExponentialLR", gamma=0.95)
    assert of_option("polynomial") == by_hand("PolynomialLR", total_iters=20, power=0.9)
    assert of_option("warm_restarts", T_0=5) == by_hand("CosineAnnealingWarmRestarts", T_0=5, eta_min=1e-8)
    assert of_option("cosine") == by_hand("CosineAnnealingLR", T_max=20)


@pytest.mark.parametrize(("milestones", "first"), [([0.05], 1), ([0.25], 5), ([5], 5), ([0.001], 1)])
def test_a_warm_up_and_what_follows_share_the_run(milestones: list[float], first: int) -> None:
    found = of_option("warmup_cosine", milestones=milestones)
    assert found == warm_cosine(first)
    assert found[0] == pytest.approx(0.004) and found[first] == 0.4 and 0 < found[-1] < 0.01


def test_nested_schedules_may_be_a_list_each_with_partial() -> None:
    parts = [
        {"_target_": WARM, "_partial_": True, "start_factor": 0.01, "total_iters": 5},
        {"_target_": COSINE, "_partial_": True, "T_max": 15},
    ]
    block = {"_target_": "torch.optim.lr_scheduler.SequentialLR", "_partial_": True, "schedulers": parts}
    assert of_block({**block, "milestones": [5]}) == warm_cosine(5)
    stored = settle_forms({"scheduler": {**block, "milestones": [5]}})["scheduler"]
    assert "_partial_" not in stored and all("_partial_" not in part for part in stored["schedulers"])


def test_schedules_together_and_functions_inside() -> None:
    chained = {
        "_target_": "torch.optim.lr_scheduler.ChainedScheduler",
        "schedulers": {
            "warm": {"_target_": WARM, "total_iters": "auto"},
            "fall": {"_target_": COSINE, "T_max": "auto"},
        },
    }
    stepped = optimizer()
    parts = [torch_schedules.LinearLR(stepped, total_iters=20), torch_schedules.CosineAnnealingLR(stepped, T_max=20)]
    assert of_block(chained) == rates(stepped, torch_schedules.ChainedScheduler(parts))
    power = {"_target_": "math.pow", "_partial_": True, "_args_": [0.9]}
    found = of_block({"_target_": "torch.optim.lr_scheduler.LambdaLR", "lr_lambda": power})
    assert found == by_hand("LambdaLR", lr_lambda=lambda epoch: 0.9**epoch)


def test_rates_of_a_nested_cycle_follow_the_factor_of_a_part_of_the_network() -> None:
    cycle = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "max_lr": 0.4, "total_steps": "auto"}
    block = {
        "_target_": "torch.optim.lr_scheduler.SequentialLR", "schedulers": [cycle, {"_target_": WARM}],
        "milestones": [10],
    }  # fmt: skip
    assert max(of_block(block, factor=0.5)[:10]) == pytest.approx(max(of_block(block)[:10]) / 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"schedulers": {"a": {"_target_": WARM, "total_iter": 3}}},
            r"schedulers.a.total_iter: no such key. Did",
        ),
        ({"schedulers": [{"_target_": WARM, "total_iters": 1.5}]}, r"scheduler.schedulers\[0\].total_iters: found 1.5"),
        ({"schedulers": [{"_target_": f"{WARM}s"}]}, r"\[0\]._target_: .*no 'LinearLRs'. Did you mean 'LinearLR'"),
        ({"schedulers": [3]}, r"schedulers\[0\]: found 3, expected a block with a _target_"),
        (
            {"schedulers": [{"_target_": WARM, "optimizer": 1}]},
            r"\[0\].optimizer: is taken from the data or",
        ),
        ({"milestones": ["x"]}, r"scheduler.milestones: found \['x'\], expected a list of a whole number"),
    ],
)
def test_nested_blocks_are_checked_without_torch(change: dict[str, Any], message: str) -> None:
    plain = composed().plain()
    block = yaml.safe_load((conf_dir() / "scheduler" / "warmup_cosine.yaml").read_text())
    check_config({**plain, "scheduler": block}, TrainConfig)
    with pytest.raises(ConfigError, match=message):
        check_config({**plain, "scheduler": block | change}, TrainConfig)


def test_a_schedule_that_would_never_begin_or_end_early_is_refused() -> None:
    block = yaml.safe_load((conf_dir() / "scheduler" / "warmup_cosine.yaml").read_text())
    experiment = replace(composed(), optimizer=OPTIMIZER, scheduler=block | {"milestones": [5]})
    schedule = build_schedule(experiment.scheduler, OPTIMIZER, 1)
    check_length(experiment, schedule, batches=3)
    with pytest.raises(ConfigError, match=r"milestones: found 5, but the run has 4 steps.*milestones=\[0.1\]'"):
        check_length(experiment, schedule, batches=2)
    cycle = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "max_lr": 0.4, "total_steps": 4}
    block = block | {"schedulers": [{"_target_": WARM}, cycle], "milestones": [3]}
    short = build_schedule(block, OPTIMIZER, 1)
    check_length(experiment, short, batches=3)
    with pytest.raises(ConfigError, match="its cycle takes 4 steps, but its part of the run has 5"):
        check_length(experiment, short, batches=4)


def test_what_follows_the_length_of_the_run() -> None:
    block = yaml.safe_load((conf_dir() / "scheduler" / "warmup_cosine.yaml").read_text())
    fixed = {"schedulers": {"warm": {"_target_": WARM, "total_iters": 3}}, "milestones": [3], "mode": "auto"}
    assert follows_length(block) and not follows_length(fixed)
    assert follows_length({"milestones": [0.5]}) and follows_length({"schedulers": [{"T_max": "auto"}]})
    assert in_moves([3, 0.5, 0.01], 10) == [3, 5, 1]
