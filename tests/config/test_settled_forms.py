"""Callbacks by name and flat schedules, in whatever form they are written; those of version 0.1 with a line."""

from pathlib import Path
from typing import Any

import pytest

from segexp.config.migration import as_given, changes, for_hydra, key_today, migrated, migration_note
from segexp.config.settled_forms import OWN_CALLBACKS
from tests.training.runs import composed

TIMER = {"_target_": "lightning.pytorch.callbacks.Timer"}
STOPPING, AVERAGE = (str(OWN_CALLBACKS[name]["_target_"]) for name in ("early_stopping", "weight_average"))
OLD = {
    "scheduler": {
        "target": {"_target_": "torch.optim.lr_scheduler.StepLR", "_partial_": True, "step_size": 3},
        "interval": "step",
        "monitor": None,
    },
    "callbacks": {
        "early_stopping": {"patience": None, "min_delta": 0.0},
        "weight_average": {"decay": 0.9},
        "extra": [TIMER, {"_target_": "my.ModelCheckpoint"}, TIMER],
    },
}


def test_a_config_of_0_1_gets_the_forms_of_today() -> None:
    now = migrated(OLD)
    assert now["scheduler"] == {
        "_target_": "torch.optim.lr_scheduler.StepLR", "step_size": 3, "interval": "step", "monitor": None,
    }  # fmt: skip
    assert now["callbacks"] == {
        "weight_average": {"_target_": AVERAGE, "decay": 0.9},
        "timer": TIMER,
        "model_checkpoint": {"_target_": "my.ModelCheckpoint"},
        "timer_2": TIMER,
    }
    assert changes(OLD) == [
        "callbacks.extra.0 is now callbacks.timer",
        "callbacks.extra.1 is now callbacks.model_checkpoint",
        "callbacks.extra.2 is now callbacks.timer_2",
        "scheduler.target is now scheduler itself: its keys (_target_, step_size) stand there",
    ]
    assert "version 0.1" in str(migration_note(OLD))
    assert migrated(now) == now and changes(now) == [] and migration_note(now) is None


@pytest.mark.parametrize(
    ("callbacks", "expected"),
    [
        ({"early_stopping": None, "my": None}, {}),
        ({"early_stopping": {"_target_": STOPPING, "patience": None}}, {}),
        ({"weight_average": {"decay": None}, "extra": []}, {}),
        ({"extra": TIMER}, {"extra": TIMER}),
        ({"early_stopping": TIMER}, {"early_stopping": TIMER}),
        ({"timer": {"_target_": "my.T"}, "extra": [TIMER]}, {"timer": {"_target_": "my.T"}, "timer_2": TIMER}),
        ({"my": "text", "extra": [3]}, {"my": "text", "extra": 3}),
        ("text", "text"),
    ],
)
def test_callbacks_that_are_off_are_left_out_and_odd_ones_stay(callbacks: Any, expected: Any) -> None:
    assert migrated({"callbacks": callbacks})["callbacks"] == expected


@pytest.mark.parametrize(
    ("scheduler", "expected"),
    [
        ({"target": None, "interval": "epoch"}, {"_target_": None, "interval": "epoch", "monitor": None}),
        ({"_target_": "a.B", "x": 1, "target": None}, {"_target_": None, "interval": "epoch", "monitor": None}),
        ({"_target_": "a.B", "x": 1, "target": {"x": 2}}, {"_target_": "a.B", "x": 2}),
        ({"_target_": None, "target": {"_target_": "a.C", "x": 2}}, {"_target_": "a.C", "x": 2}),
        ({"_target_": "a.B", "_partial_": True}, {"_target_": "a.B"}),
    ],
)
def test_keys_of_the_nested_form_change_a_flat_schedule(scheduler: Any, expected: Any) -> None:
    assert migrated({"scheduler": scheduler})["scheduler"] == {"interval": "epoch", "monitor": None, **expected}


def test_words_for_hydra_and_as_they_were_given() -> None:
    given = ["callbacks.my.x=1", "scheduler.target.max_lr=1,2", "scheduler.target=null", "callbacks=ema", "-m"]
    assert for_hydra(given) == [f"++{word}" for word in given[:3]] + given[3:]
    assert as_given(for_hydra(given)) == given
    others = ["+callbacks.my.x=1", "~scheduler.target.pct_start"]
    assert for_hydra(others) == ["+callbacks.my.x=1", "~scheduler.pct_start"]
    assert key_today("scheduler.target.max_lr") == "scheduler.max_lr"
    assert key_today("model.target.x") == "model.target.x"


def test_options_are_merged_and_words_change_them() -> None:
    both = composed("callbacks=[early_stopping,ema]", "callbacks.early_stopping.patience=3").callbacks
    assert (both["early_stopping"]["patience"], both["weight_average"]["decay"]) == (3, 0.99)
    off = composed("callbacks=[ema,early_stopping]", "callbacks.early_stopping=null").callbacks
    assert off.keys() == {"weight_average"}
    assert composed("callbacks=ema", "~callbacks.weight_average").callbacks == {}
    assert composed("callbacks.early_stopping.patience=2").callbacks["early_stopping"]["_target_"] == STOPPING


@pytest.mark.parametrize("plus", ["", "+"])
def test_a_callback_needs_no_file(plus: str) -> None:
    words = (f"callbacks.my._target_={TIMER['_target_']}", "callbacks.my.duration=00:01:00:00")
    found = composed(*(f"{plus}{word}" for word in words)).callbacks
    assert found == {"my": {**TIMER, "duration": "00:01:00:00"}}


def test_old_words_say_the_new_name_and_give_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    listed = f"callbacks.extra=[{{_target_: {TIMER['_target_']}}}]"
    old = composed("scheduler=cosine", "scheduler.target.T_max=7", listed)
    told = capsys.readouterr().err.splitlines()
    assert [line.split(";")[0] for line in told] == [
        "segexp: note: callbacks.extra.0 is now callbacks.timer",
        "segexp: note: scheduler.target.T_max is now scheduler.T_max",
    ]
    new = composed("scheduler=cosine", "scheduler.T_max=7", f"callbacks.timer._target_={TIMER['_target_']}")
    assert capsys.readouterr().err == ""
    assert old.plain() == new.plain()
    assert new.scheduler["T_max"] == 7


STEPS = """# Mine
target:
  _target_: torch.optim.lr_scheduler.StepLR
  _partial_: true
  step_size: 10
interval: epoch
monitor: null
"""
TIMED = """# Mine
defaults: [default]
extra:
  - _target_: lightning.pytorch.callbacks.Timer
"""


def test_a_yaml_of_0_1_of_the_users_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from segexp.cli.app import run

    for group, text in (("scheduler", STEPS), ("callbacks", TIMED)):
        (tmp_path / group).mkdir()
        (tmp_path / group / "mine.yaml").write_text(text)
    words = ["scheduler=mine", "callbacks=[ema,mine]", "scheduler.target.step_size=5"]
    assert run(["check", "scope=config", "--config-dir", str(tmp_path), *words]) == 0
    told = capsys.readouterr().err
    assert "scheduler.target is now scheduler itself" in told
    assert "callbacks.extra.0 is now callbacks.timer" in told
