"""Weights that change from epoch to epoch."""

import math
from typing import Any

import pytest
import torch

from segexp.config.composed import checked_train
from segexp.errors import ConfigError
from segexp.losses.bce import BCE
from segexp.losses.boundary import Boundary
from segexp.losses.dice import Dice
from segexp.losses.weighted_sum import WeightedSum, schedule_of, weight_at
from segexp.types import WeightSchedule
from tests.losses.test_compose import composed


@pytest.mark.parametrize(
    ("shape", "weights"),
    [
        ("linear", [0.5, 0.5, 0.5, 0.75, 1.0, 1.25, 1.5, 1.5]),
        ("cosine", [0.5, 0.5, 0.5, 1 - math.sqrt(0.125), 1.0, 1 + math.sqrt(0.125), 1.5, 1.5]),
    ],
)
def test_weight_of_each_epoch(shape: Any, weights: list[float]) -> None:
    schedule = WeightSchedule(start=0.5, end=1.5, from_epoch=2, epochs=4, shape=shape)
    assert [weight_at(schedule, epoch) for epoch in range(8)] == pytest.approx(weights)


def test_a_weight_may_fall() -> None:
    schedule = schedule_of("w", {"start": 1.0, "end": 0.0, "epochs": 2})
    assert [weight_at(schedule, epoch) for epoch in range(4)] == [1.0, 0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"begin": 1}, r"loss\.weights\.dice: found \{'begin': 1\}, expected a number, or a block of start"),
        ({"start": -1}, r"loss\.weights\.dice: found .*expected weights of 0 or more"),
        ({"epochs": 0}, r"epochs of 1 or more"),
        ({"shape": "steep"}, r"loss\.weights\.dice\.shape: found 'steep', expected linear \| cosine"),
        ({"start": 0, "end": 0}, "all 0"),
    ],
)
def test_wrong_schedules_are_refused(value: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        WeightedSum({"dice": Dice()}, {"dice": value})  # type: ignore[dict-item]


def test_a_sum_follows_the_epoch_and_goes_back_to_it_after_a_resume() -> None:
    logits = torch.randn(2, 1, 6, 7, generator=torch.Generator().manual_seed(0))
    mask = (logits[:, 0] > 0.3).to(torch.uint8)
    schedule = WeightSchedule(start=0.0, end=1.0, epochs=4)
    loss = WeightedSum({"bce": BCE(), "dice": Dice()}, {"bce": 2.0, "dice": schedule})
    assert loss.weights == {"bce": 2.0, "dice": 0.0}
    bce, dice = BCE()(logits, mask), Dice()(logits, mask)
    for epoch, weight in ((0, 0.0), (1, 0.25), (4, 1.0), (9, 1.0), (2, 0.5)):
        loss.at_epoch(epoch)
        assert loss.weights_now == {"dice": weight}
        torch.testing.assert_close(loss(logits, mask), 2 * bce + weight * dice)
        terms = loss.terms(logits, mask)
        assert torch.equal(terms["dice"], dice), "terms are logged without their weight"
    assert not loss.state_dict()


def test_a_sum_in_a_sum_follows_too() -> None:
    inner = WeightedSum({"dice": Dice(), "bce": BCE()}, {"dice": WeightSchedule(epochs=2), "bce": 1.0})
    loss = WeightedSum({"inner": inner, "boundary": Boundary()}, {"inner": 1.0, "boundary": 3.0})
    loss.at_epoch(1)
    assert loss.weights_now == {"inner.dice": 0.5}
    assert inner.weights == {"dice": 0.5, "bce": 1.0}


def test_losses_without_a_schedule_have_nothing_to_log() -> None:
    assert BCE().weights_now == {}
    assert WeightedSum({"bce": BCE()}, {"bce": 2.0}).weights_now == {}


def test_the_boundary_weight_rises_by_a_hundredth_an_epoch() -> None:
    loss = composed("loss=bce_boundary")
    assert isinstance(loss, WeightedSum)
    found = []
    for epoch in (0, 1, 2, 30, 99):
        loss.at_epoch(epoch)
        found.append(loss.weights_now["boundary"])
    assert found == pytest.approx([0.01, 0.02, 0.03, 0.31, 0.31])


def test_numbers_and_schedules_replace_each_other_on_the_command_line() -> None:
    loss = composed("loss=bce_boundary", "loss.weights.boundary=0.1")
    assert isinstance(loss, WeightedSum)
    assert (loss.weights, loss.weights_now) == ({"bce": 1.0, "boundary": 0.1}, {})
    loss = composed("loss=bce_dice", "loss.weights.dice={start: 0.2, end: 1, epochs: 10}")
    assert isinstance(loss, WeightedSum)
    assert loss.weights_now == {"dice": 0.2}


def checked(*overrides: str) -> None:
    from tests.config.test_conf import composed as whole

    checked_train(whole(list(overrides)))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("loss.weights.boundary.shape=liner", r"loss\.weights\.boundary\.shape: found 'liner'.*linear"),
        ("loss.weights.boundary.epochs=0", r"loss\.weights\.boundary\.epochs: found 0, expected a whole number"),
        ("+loss.weights.boundary.stop=3", r"loss\.weights\.boundary\.stop: no such key\.[^\n]*start"),
        ("loss.weights.bce=-1", r"loss\.weights\.bce: found -1, expected a number, a value of at least 0"),
        ("loss.weights.bce=much", r"loss\.weights\.bce: found 'much', expected a number"),
        ("loss.terms.bce.pos_weight=autoo", r"loss\.terms\.bce\.pos_weight: found 'autoo'.*Did you mean 'auto'"),
    ],
)
def test_a_wrong_schedule_is_refused_before_torch_is_imported(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked("loss=bce_boundary", override)


@pytest.mark.parametrize("key", ["monitor", "scheduler.monitor"])
def test_a_loss_that_changes_is_no_monitor(key: str) -> None:
    loss = ["loss=bce_boundary", "scheduler=plateau", "scheduler.monitor=val/miou"]
    checked(*loss, f"{key}=val/loss/bce")  # a term is the same loss in every epoch
    checked(*loss, f"{key}=val/loss", "loss.weights.boundary=0.1")
    with pytest.raises(
        ConfigError, match=rf"^{key}: found val/loss, but loss\.weights\.boundary changes .* {key}=val/miou$"
    ):
        checked(*loss, f"{key}=val/loss")


def test_a_sum_in_a_sum_that_changes_is_no_monitor() -> None:
    inner = "{_target_: segexp.losses.weighted_sum.WeightedSum, terms: {a: {_target_: segexp.losses.dice.Dice}}, "
    nested = [
        "loss=bce_dice",
        f"++loss.terms.more={inner}weights: {{a: {{start: 0, end: 1}}}}}}",
        "++loss.weights.more=1",
    ]
    checked(*nested)
    with pytest.raises(ConfigError, match=r"but loss\.terms\.more\.weights\.a changes"):
        checked(*nested, "monitor=val/loss")
    with pytest.raises(ConfigError, match=r"found val/loss/more, but loss\.terms\.more\.weights\.a changes"):
        checked(*nested, "monitor=val/loss/more")
