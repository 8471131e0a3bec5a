"""last.ckpt within an epoch, and a training that goes on from it with the next batch."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from segexp import compose
from segexp.errors import ConfigError, Interrupted
from segexp.runs.folder import RunFolder
from segexp.training.callbacks.checks import check_callbacks
from segexp.training.callbacks.random_state import random_states, set_random_states
from segexp.training.callbacks.within_epoch import KEY, SaveCosts, position
from segexp.training.endings import still_valid
from tests.training.plain.test_checks import PLAIN
from tests.training.resuming.test_resume import assert_same
from tests.training.runs import composed, folders, go, table, without

HARD = (
    "trainer.checkpoint_every=0.001s", "callbacks=ema", "model.dropout=0.3", "model.norm=batch",
    "trainer.accumulate_grad_batches=2", "trainer.val_check_interval=2", "trainer.log_every_n_steps=1",
    "datamodule.train_images=9", "baselines=false", "bootstrap=10", "metric=none",
)  # fmt: skip
"""Five batches an epoch and three steps, validations within it; one-cycle is the default."""
STOP = "callbacks.stop={_target_: tests.training.parts.StopAtBatch, epoch: 1, batch: %d}"


def stopped(*overrides: str) -> Path:
    with pytest.raises(Interrupted) as caught:
        go(*overrides)
    found = re.search(r"resume=(\S+)", str(caught.value))
    assert found is not None
    return Path(found[1]) / "checkpoints" / "last.ckpt"


def test_goes_on_with_the_next_batch_to_the_last_digit() -> None:
    """Stopped in batch 4 of the second epoch, with a gradient that waits for it and a validation in the sums."""
    straight = go(*HARD)
    last = stopped(*HARD, STOP % 3)
    stored = torch.load(last, weights_only=True)
    assert position(stored) == (1, 3)
    (own,) = stored["callbacks"][KEY]["ranks"]
    assert own["gradients"]
    assert own["table"][0]["row"]["val/miou"] > 0
    assert {figure["name"] for figure in own["figures"]} >= {"train/loss", "train/loss/bce"}
    assert still_valid(RunFolder(last.parent.parent)).startswith("the first 1 epochs and 3 batches of the next are")
    resumed = go(*HARD, f"resume={last}")
    assert_same(straight, resumed)
    assert table(straight.path / "steps.csv") == table(resumed.path / "steps.csv")
    assert straight.last["loops"] == resumed.last["loops"]
    assert KEY not in resumed.last["callbacks"]
    assert without(straight.rows, "seconds") == without(resumed.rows, "seconds")


def test_random_numbers_of_every_kind_come_back() -> None:
    import random

    import numpy as np

    def draw() -> tuple[float, float, float]:
        return float(torch.rand(())), float(np.random.rand()), random.random()

    states = random_states()
    first = draw()
    assert draw() != first
    set_random_states(states)
    assert draw() == first
    old = {key: states[key] for key in ("cpu", "cuda")}  # of checkpoints of before
    set_random_states(old)
    assert draw()[0] == first[0]


def test_costly_checkpoints_are_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    from segexp.runs.console import start_console

    start_console()
    costs = SaveCosts()
    costs.start(100.0)
    for number in range(1, 9):
        costs.add(0.25)
        costs.tell(100.0 + 2.0 * number)
    assert capsys.readouterr().out == (
        "warning: trainer.checkpoint_every: a checkpoint takes 0.25 s, 12% of the time of training; a longer interval "
        "costs less\n"
    )
    assert costs.longest == 0.25
    cheap = SaveCosts()
    cheap.start(0.0)
    for number in range(1, 9):
        cheap.add(0.25)
        cheap.tell(10.0 * number)
    assert capsys.readouterr().out == ""


def test_what_cannot_go_on_within_an_epoch_is_refused() -> None:
    from lightning.pytorch.callbacks import BackboneFinetuning, StochasticWeightAveraging

    from segexp.training.finetuning import Finetuning

    asked = composed("trainer.checkpoint_every=5min")
    kinds: list[Any] = [StochasticWeightAveraging(0.1), BackboneFinetuning()]
    for callback in kinds:
        with pytest.raises(ConfigError, match=r"^trainer\.checkpoint_every: .* callbacks\.my \(.*cannot go on"):
            check_callbacks(asked, {"my": callback})
        check_callbacks(composed(), {"my": callback})
    check_callbacks(asked, {"my": Finetuning()})
    with pytest.raises(ConfigError, match=r"^trainer\.checkpoint_every: .* LitAutoEncoder is your own"):
        compose(*PLAIN, "trainer.checkpoint_every=5min")
    assert folders() == []
