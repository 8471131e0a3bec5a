"""Schedules, stopping, accumulation and clipping do what their keys say."""

import math

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from tests.training.runs import Done, checkpoint, go

FOUR = "trainer.max_epochs=4"
STEPS = 2  # an epoch
LR = 0.1


def rates(run: Done) -> list[float]:
    return [float(row["lr"]) for row in run.rows]


def test_constant() -> None:
    assert rates(go(FOUR, "scheduler=none", f"optimizer.lr={LR}")) == pytest.approx([LR] * 4)


@pytest.mark.parametrize("interval", ["step", "epoch"])
def test_cosine(interval: str) -> None:
    found = rates(go(FOUR, "scheduler=cosine", f"scheduler.interval={interval}", f"optimizer.lr={LR}"))
    moves, length = ([1, 3, 5, 7], 8) if interval == "step" else ([0, 1, 2, 3], 4)
    assert found == pytest.approx([LR * (1 + math.cos(math.pi * move / length)) / 2 for move in moves], rel=1e-5)


def test_onecycle() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)
    cycle = OneCycleLR(optimizer, LR, total_steps=8, pct_start=0.25)
    steps = []
    for number in range(8):
        steps.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if number < 7:
            cycle.step()
    assert rates(go(FOUR, f"optimizer.lr={LR}")) == pytest.approx(steps[1::2], rel=1e-5)


STILL = ("optimizer=sgd", f"optimizer.lr={LR}", "trainer.gradient_clip_val=1e-30")
"""Steps too small to change a float32: nothing ever improves."""


@pytest.mark.parametrize(
    ("every", "expected"), [(1, [LR, LR, LR / 10, LR / 100]), (2, [LR, LR, LR, LR])], ids=["every", "second"]
)
def test_plateau(every: int, expected: list[float]) -> None:
    settings = ("scheduler=plateau", "scheduler.patience=0", f"trainer.check_val_every_n_epoch={every}")
    assert rates(go(FOUR, *STILL, *settings)) == pytest.approx(expected)


@pytest.mark.parametrize(("monitor", "mode"), [("val/loss", "min"), ("val/iou/vessel", "max")])
def test_plateau_knows_the_direction(monitor: str, mode: str) -> None:
    done = go("scheduler=plateau", f"scheduler.monitor={monitor}")
    assert done.last["lr_schedulers"][0]["mode"] == mode
    assert done.last["lr_schedulers"][0]["best"] == pytest.approx(
        (min if mode == "min" else max)(float(row[monitor]) for row in done.rows)
    )


def test_early_stopping_counts_epochs_without_improvement() -> None:
    done = go("trainer.max_epochs=9", *STILL, "scheduler=none", "callbacks.early_stopping.patience=2")
    assert len(done.rows) == 3
    assert done.record["epochs"] == 3
    assert done.content["checkpoint"]["epoch"] == 0


@pytest.mark.parametrize(("batches", "expected"), [(1, 8), (2, 4)])
def test_accumulated_batches_make_fewer_steps(batches: int, expected: int) -> None:
    done = go(FOUR, f"trainer.accumulate_grad_batches={batches}", f"optimizer.lr={LR}")
    assert done.last["global_step"] == expected
    assert done.last["lr_schedulers"][0]["total_steps"] == (8 if batches == 1 else 5)


def test_clipping_limits_the_step() -> None:
    settings = ("optimizer=sgd", "optimizer.momentum=0", "optimizer.nesterov=false", "scheduler=none")
    free = go(*settings, "trainer.max_epochs=1")
    clipped = go(*settings, "trainer.max_epochs=1", "trainer.gradient_clip_val=1e-3", "optimizer.lr=1.0")
    still = go("optimizer.lr=0.0", "scheduler=none", "trainer.max_epochs=1")

    def moved(run: Done) -> float:
        start, end = still.last["state_dict"], run.last["state_dict"]
        return math.sqrt(sum(float((end[name] - start[name]).square().sum()) for name in start))

    assert 0 < moved(clipped) <= STEPS * 1e-3 * 1.001
    assert moved(free) > 0


def test_time_limit_ends_a_run_that_is_then_tested() -> None:
    done = go("trainer.max_epochs=100000", "trainer.max_time='00:00:00:01'", "scheduler=none")
    assert 1 <= len(done.rows) < 1000
    assert done.record["state"] == "finished"
    assert done.content["rows"][0]["name"] == "model"


def test_averaged_weights_are_what_is_stored() -> None:
    done = go(FOUR, "callbacks=ema", "callbacks.weight_average.decay=0.5", f"optimizer.lr={LR}")
    stored = checkpoint(done.path, "last")
    different = [
        name
        for name, value in stored["state_dict"].items()
        if not torch.equal(value, stored["current_model_state"][name])
    ]
    assert different


def test_validation_every_second_epoch_leaves_cells_empty() -> None:
    done = go(FOUR, "trainer.check_val_every_n_epoch=2")
    assert [row["val/miou"] != "" for row in done.rows] == [False, True, False, True]
    assert done.content["checkpoint"]["epoch"] in (1, 3)
