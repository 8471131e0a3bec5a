"""How much a training sees, counted before it starts."""

import contextlib

import pytest

from segexp.errors import ConfigError
from segexp.training.building.schedule import build_schedule, check_length
from segexp.training.checks.check import check
from segexp.training.partial import describe_parts
from segexp.training.run_length import Batches, measure_run
from tests.training.runs import composed

THERE = Batches(train=12, val=5, test=8)


def test_all_of_it_by_default() -> None:
    found = measure_run(composed(), THERE)
    assert found.seen == THERE
    assert (found.steps_per_epoch, found.steps, found.epochs) == (12, 24, 2)
    assert found.validates_all
    assert list(describe_parts(composed().trainer, found)) == []


@pytest.mark.parametrize(
    ("words", "seen", "steps", "epochs"),
    [
        (["limit_train_batches=5", "accumulate_grad_batches=2"], Batches(5, 5, 8), 6, 2),
        (["limit_train_batches=0.5", "limit_val_batches=0.4", "limit_test_batches=99"], Batches(6, 2, 8), 12, 2),
        (["max_steps=13"], THERE, 13, 2),
        (["max_steps=30"], THERE, 24, 2),
        (["max_epochs=-1", "max_steps=30"], THERE, 30, 3),
        (["max_epochs=null", "max_steps=30"], THERE, 30, 3),
        (["max_epochs=-1", "max_time={hours: 1}"], THERE, None, None),
        (["fast_dev_run=true"], Batches(1, 1, 1), 1, 1),
        (["overfit_batches=3"], Batches(3, 3, 8), 6, 2),
        (["limit_val_batches=1.0"], THERE, 24, 2),
    ],
)
def test_limits_and_ends(words: list[str], seen: Batches, steps: int | None, epochs: int | None) -> None:
    found = measure_run(composed(*(f"trainer.{word}" for word in words), "scheduler=none"), THERE)
    assert (found.seen, found.steps, found.epochs) == (seen, steps, epochs)
    assert found.validates_all == (seen.val == 5)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["limit_val_batches=0.1"],
            "trainer.limit_val_batches: found 0.1, less than one of 5 batches; use at least 0.2",
        ),
        (["val_check_interval=13"], "trainer.val_check_interval: found 13, but an epoch has 12 batches"),
        (
            ["max_steps=11"],
            "trainer.max_steps: found 11, which ends training after 11 batches, but the first validation",
        ),
        (["max_steps=5", "val_check_interval=0.5"], "but the first validation is after 6: none would run"),
        (["check_val_every_n_epoch=2", "max_steps=20"], "but the first validation is after 24"),
    ],
)
def test_refused(words: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        measure_run(composed(*(f"trainer.{word}" for word in words)), THERE)
    assert line in str(caught.value)
    assert "trainer.val_check_interval=5" in str(caught.value) or "max_steps=5" not in words


ACCUMULATED = (
    "callbacks.my._target_=lightning.pytorch.callbacks.GradientAccumulationScheduler",
    "callbacks.my.scheduling={0: 2, 2: 6}",
)


@pytest.mark.parametrize(
    ("words", "steps", "epochs"),
    [(["max_epochs=4"], 6 + 6 + 2 + 2, 4), (["max_epochs=4", "max_steps=13"], 13, 3), (["max_epochs=-1"], None, None)],
)
def test_steps_of_a_scheduler_of_accumulation(words: list[str], steps: int | None, epochs: int | None) -> None:
    more = ("trainer.max_time={hours: 1}", "scheduler=none")
    found = measure_run(composed(*ACCUMULATED, *(f"trainer.{word}" for word in words), *more), THERE)
    assert (found.steps_per_epoch, found.steps, found.epochs) == (6, steps, epochs)


def test_a_cycle_is_as_long_as_the_steps_of_such_a_scheduler() -> None:
    words = (*ACCUMULATED, "trainer.max_epochs=4", "optimizer=sgd", "scheduler=onecycle")
    for total, fits in (("16", True), ("15", False)):
        experiment = composed(*words, f"scheduler.total_steps={total}", "scheduler.max_lr=0.1")
        schedule = build_schedule(experiment.scheduler, experiment.optimizer, 1)
        refused = pytest.raises(ConfigError, match="takes 15 steps, but the run has 16")
        with contextlib.nullcontext() if fits else refused:
            check_length(experiment, schedule, 12)


def test_the_end_that_is_blamed_is_the_nearest() -> None:
    words = ("trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=30")
    with pytest.raises(ConfigError, match=r"^trainer\.max_epochs: found 2, which ends training after 24 batches"):
        measure_run(composed(*words), THERE)


def test_batches_over_all_epochs_and_none_at_all() -> None:
    words = ("trainer.check_val_every_n_epoch=null", "trainer.val_check_interval=20")
    assert measure_run(composed(*words), THERE).validates_all
    assert not measure_run(composed("trainer.max_steps=3", "trainer.limit_val_batches=0"), THERE).validates_all


def test_the_check_says_what_training_would() -> None:
    words = ("trainer.limit_val_batches=0.1", "trainer.precision=16-mixed", "trainer.accelerator=auto")
    content, text = check(composed(*words, "speed.precision=auto"), full=False, scope="all")
    assert not content["ok"]
    assert "trainer.limit_val_batches: found 0.1, less than one of 3 batches" in text
    assert "trainer.precision: found 16-mixed, but there is no GPU" in text
