"""The same command and seed twice: the same weights, bit for bit."""

import pytest
import torch

from tests.training.runs import go, same_weights, without

FAST = ("speed=auto", "speed.precision=bfloat16", "speed.allocator=false")


@pytest.mark.parametrize(
    ("settings", "threads"), [((), 1), (FAST, 1), (FAST, 2)], ids=["off", "fast", "fast on two threads"]
)
def test_twice_is_once(settings: tuple[str, ...], threads: int) -> None:
    torch.set_num_threads(threads)
    one, two = go("augment=strong", *settings), go("augment=strong", *settings)
    assert one.record["speed"]["bfloat16"] is bool(settings)
    assert one.path != two.path
    assert same_weights(one.last, two.last)
    assert same_weights(one.best, two.best)
    assert without(one.rows, "seconds") == without(two.rows, "seconds")
    assert one.content == two.content


def test_workers_change_nothing() -> None:
    alone = go("augment=strong")
    helped = go("augment=strong", "datamodule.loader.num_workers=2")
    assert same_weights(alone.last, helped.last)
    assert without(alone.rows, "seconds") == without(helped.rows, "seconds")


def test_another_seed_is_another_run_on_the_same_images() -> None:
    one, two = go("seed=0"), go("seed=1")
    assert not same_weights(one.last, two.last)
    first, second = one.content["rows"], two.content["rows"]
    assert first[-1] == second[-1]
    assert first[0]["name"] == second[0]["name"] == "model"


def test_speed_changes_the_weights_a_little_only() -> None:
    slow, fast = go(), go(*FAST)
    assert not same_weights(slow.last, fast.last)
    for name, value in slow.last["state_dict"].items():
        torch.testing.assert_close(fast.last["state_dict"][name], value, atol=0.02, rtol=0.1)
