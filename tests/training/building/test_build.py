"""Objects from a config: what a run that goes on leaves out, and schedules tried with the optimiser of the run."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError, UserError
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.schedule import Schedule
from segexp.training.building.model import build_model
from segexp.training.building.schedule import build_schedule, check_length, describe_momentum
from tests.training.runs import composed

SPEC = DataSpec(MaskTarget(("background", "vessel"), ((0, 0, 0), (255, 0, 0))))


PRETRAINED = {"_target_": "segexp.models.segnet.SegNet", "base": 64, "pretrained": "no/such/file.pth"}


def test_published_weights_are_asked_for() -> None:
    with torch.device("meta"), pytest.raises(UserError, match=r"no/such/file\.pth"):
        build_model(PRETRAINED, SPEC)


def test_a_resumed_run_reads_no_published_weights() -> None:
    with torch.device("meta"):
        model = build_model(PRETRAINED, SPEC, published=False)
    assert sum(p.numel() for p in model.parameters()) == 29_443_585
    assert PRETRAINED["pretrained"] == "no/such/file.pth", "the config that is recorded stays as given"


def scheduled(optimizer: dict[str, Any], target: dict[str, Any]) -> Experiment:
    names = {"optimizer": f"torch.optim.{optimizer.pop('_target_')}", "scheduler": target.pop("_target_")}
    target = {"_target_": f"torch.optim.lr_scheduler.{names['scheduler']}", **target}
    return replace(
        composed(),
        optimizer={"_target_": names["optimizer"], "_partial_": True, **optimizer},
        scheduler={**target, "interval": "step", "monitor": None},
    )


def built(experiment: Experiment) -> Schedule | None:
    return build_schedule(experiment.scheduler, experiment.optimizer, 1)


CYCLE = {"_target_": "OneCycleLR", "max_lr": 0.1, "total_steps": "auto"}


@pytest.mark.parametrize(
    ("optimizer", "target", "message"),
    [
        ({"_target_": "Rprop"}, {**CYCLE, "cycle_momentum": True}, r"; add scheduler.cycle_momentum=false"),
        ({"_target_": "SGD"}, {"_target_": "LambdaLR", "lr_lambda": "x"}, "^scheduler"),
        ({"_target_": "SGD", "lr": -1.0}, CYCLE, "^optimizer.lr: found -1.0: Invalid learning rate"),
    ],
)
def test_a_schedule_is_tried_with_the_optimiser_of_the_run(
    optimizer: dict[str, Any], target: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        built(scheduled(dict(optimizer), dict(target)))


def test_a_cycle_leaves_a_momentum_alone_that_is_not_there() -> None:
    """As with cycle_momentum=false, also inside another schedule; what is said is for the notes of the results."""
    inner = {"_target_": "torch.optim.lr_scheduler.OneCycleLR", "max_lr": 0.1, "total_steps": "auto"}
    nested = {"_target_": "SequentialLR", "schedulers": [inner, inner], "milestones": [0.5]}
    rates = []
    for target in (CYCLE, {**CYCLE, "cycle_momentum": False}, nested):
        experiment = scheduled({"_target_": "Adagrad"}, dict(target))
        schedule = built(experiment)
        assert schedule is not None
        optimizer = torch.optim.Adagrad([torch.nn.Parameter(torch.zeros(1))])
        scheduler = schedule.build(optimizer, steps=8, epochs=1)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])
        said = list(describe_momentum(experiment, schedule))
        line = "scheduler: OneCycleLR moves the learning rate alone, as with cycle_momentum=false: Adagrad has no "
        line += "momentum"
        assert said == [line] * {2: 1, 4: 0, 6: 2}[len(rates)]
    assert rates[:2] == rates[2:4]
    momentum = scheduled({"_target_": "SGD", "momentum": 0.9}, dict(CYCLE))
    assert list(describe_momentum(momentum, built(momentum))) == []


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "LBFGS", "Adadelta", "Muon", "ASGD"])
def test_optimisers_that_a_schedule_takes(name: str) -> None:
    for target in ({**CYCLE, "cycle_momentum": False}, {"_target_": "CosineAnnealingLR", "T_max": "auto"}):
        assert built(scheduled({"_target_": name, "lr": 0.1}, dict(target))) is not None


def test_a_cycle_must_be_as_long_as_the_run() -> None:
    short = scheduled({"_target_": "SGD", "momentum": 0.9}, {**CYCLE, "total_steps": 5})
    check_length(short, built(short), batches=2)
    with pytest.raises(ConfigError, match=r"its cycle takes 5 steps, but the run has 6; use .*total_steps=auto"):
        check_length(short, built(short), batches=3)
    short = replace(short, trainer=replace(short.trainer, accumulate_grad_batches=2))
    check_length(short, built(short), batches=3)
