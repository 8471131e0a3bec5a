"""What may differ after a resume, and what may not."""

from typing import Any

import pytest

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.training.resuming.checkpoint import check_same
from tests.training.runs import composed


def config(**changes: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        **composed("trainer.max_epochs=3", "scheduler=none").plain(),
        "resume": "run/checkpoints/last.ckpt",
        "optimizer": {"_target_": "torch.optim.Adam", "lr": 0.1},
        "datamodule": {"root": "a", "split_seed": 0, "loader": {"batch_size": 8, "num_workers": None}},
    }
    for key, value in changes.items():
        *parents, last = key.split("__")
        node = plain
        for parent in parents:
            node = node[parent]
        node[last] = value
    return plain


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer__lr": 0.2},
        {"optimizer": {"_target_": "torch.optim.SGD", "lr": 0.1}},  # named by its first key that differs
        {"datamodule__split_seed": 1},
        {"datamodule__loader__batch_size": 4},
        {"seed": 1},
    ],
)
def test_what_shapes_the_training_must_stay(changes: dict[str, Any]) -> None:
    key = next(iter(changes)).replace("__", ".")
    with pytest.raises(ConfigError, match=f"^{key}"):
        check_same(Experiment.from_plain(config(**changes)), config())


@pytest.mark.parametrize(
    "changes",
    [
        {"output_dir": "elsewhere"},
        {"metric": {"hd95": {"percentile": 90}}, "bootstrap": 10},
        {"trainer__progress": "none"},
        {"trainer__max_epochs": 9},
        {"datamodule__root": "b"},
        {"datamodule__loader__num_workers": 2},
    ],
)
def test_the_rest_may_change(changes: dict[str, Any]) -> None:
    check_same(Experiment.from_plain(config(**changes)), config())


def test_a_schedule_over_the_whole_run_keeps_its_length() -> None:
    onecycle = {"_target_": "x", "total_steps": "auto", "interval": "step", "monitor": None}
    with pytest.raises(ConfigError, match=r"^trainer\.max_epochs: found 9, .* has 3"):
        longer = Experiment.from_plain(config(scheduler=onecycle, trainer__max_epochs=9))
        check_same(longer, config(scheduler=onecycle))


@pytest.mark.parametrize(
    ("block", "key", "other"), [("datamodule", "generate", True), ("model", "bed_of_nails", "random")]
)
def test_a_key_that_was_not_there_had_its_default(block: str, key: str, other: object) -> None:
    """A run of an earlier version goes on, and not with another value than it had."""
    words = ("trainer.max_epochs=3", "scheduler=none", "resume=run/checkpoints/last.ckpt")
    now = composed(*words)
    earlier = {**now.plain()}
    earlier[block] = {name: value for name, value in earlier[block].items() if name != key}
    check_same(now, earlier)
    plain = now.plain()
    with pytest.raises(ConfigError, match=rf"^{block}\.{key}: found {other!r}"):
        check_same(Experiment.from_plain({**plain, block: {**plain[block], key: other}}), earlier)
