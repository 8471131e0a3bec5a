"""How much a training sees, counted before it starts."""

import pytest

from segexp.errors import ConfigError
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
