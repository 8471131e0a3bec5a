"""What is wrong with a LightningModule of the user's own is said before torch is imported."""

import re
from pathlib import Path

import pytest
from lightning.pytorch.callbacks import EarlyStopping

from segexp import compose
from segexp.config.signatures.plain_lightning import direction_of_words, logged_names
from segexp.errors import ConfigError
from segexp.training.building.callbacks import build_callbacks

HERE = "tests.training.plain.parts"
PLAIN = (
    "task=lightning", f"task._target_={HERE}.LitAutoEncoder", "datamodule=lightning",
    f"datamodule._target_={HERE}.Digits",
)  # fmt: skip


def test_the_config_holds_what_plays_a_part() -> None:
    experiment = compose(*PLAIN, "task.hidden=4", "datamodule.batch_size=6")
    assert experiment.task == {"_target_": f"{HERE}.LitAutoEncoder", "hidden": 4}
    assert experiment.datamodule == {"_target_": f"{HERE}.Digits", "batch_size": 6}
    assert experiment.direction == "min"
    assert experiment.run_name == "Digits_LitAutoEncoder"
    assert not {"model", "loss", "optimizer", "scheduler", "augment", "metric"} & experiment.plain().keys()
    assert experiment.invocation.command[-2:] == ["task.hidden=4", "datamodule.batch_size=6"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("task.hiden=3",), "task.hiden: no such key. Did you mean 'task.hidden'?"),
        (("task.hidden=x",), "task.hidden: found 'x', expected a whole number"),
        (("datamodule.batch=3",), "datamodule.batch: no such key."),
        (("monitor=val_los",), "logs nothing as 'val_los'. Did you mean 'val_loss'?"),
        (("monitor=test_loss",), "they choose nothing"),
        (("tta=d4",), "tta: has no effect here"),
        (("model=unet",), "model: has no effect here"),
        (("speed.precision=bfloat16",), "speed.precision: has no effect here"),
        ((f"task._target_={HERE}.Untested", "monitor=val_closeness"), "add monitor_mode=min or monitor_mode=max"),
        ((f"task._target_={HERE}.Pixels",), "task.model: must be given"),
        ((f"task._target_={HERE}.Lit",), "has no 'Lit'"),
    ],
)
def test_what_is_wrong_is_said(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        compose(*PLAIN, *words)


def test_keys_in_vain_of_a_yaml_are_told_too(tmp_path: Path) -> None:
    place = tmp_path / "experiment"
    place.mkdir()
    (place / "mine.yaml").write_text("# @package _global_\ntta: d4\npanels: 0\ninference: {window: 64}\n")
    with pytest.raises(ConfigError) as told:
        compose(*PLAIN, "experiment=mine", config_dir=[str(tmp_path)])
    assert str(told.value).startswith("tta: found d4, which has no effect on a LightningModule")
    assert str(told.value).count("remove it from its YAML") == 2


def test_a_direction_that_is_known_is_not_given() -> None:
    with pytest.raises(ConfigError, match="monitor_mode: is for what a LightningModule"):
        compose("monitor_mode=max")
    words = (f"task._target_={HERE}.Untested", "monitor=val_closeness", "monitor_mode=max")
    assert compose(*PLAIN, *words).direction == "max"


STOP = "callbacks=early_stopping"
KEEP = "callbacks.keep._target_=lightning.pytorch.callbacks.ModelCheckpoint"
STOP_BY = "callbacks.early_stopping.monitor"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            (STOP, f"{STOP_BY}=val_los"),
            f"{STOP_BY}: {HERE}.LitAutoEncoder logs nothing as 'val_los'",
        ),
        (
            (STOP, f"{STOP_BY}=val_closeness", f"task._target_={HERE}.Untested", "monitor=val_closeness"),
            "add monitor_mode=min or monitor_mode=max",
        ),
        (
            (f"task._target_={HERE}.Accurate", "monitor=val_acc", KEEP, "callbacks.keep.monitor=val_acc"),
            "callbacks.keep.mode: not given, and Lightning takes min then, but val_acc is better high; add",
        ),
    ],
)
def test_what_a_callback_watches_is_checked_before_training(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(says)):
        compose(*PLAIN, *words)


def test_early_stopping_goes_by_the_direction_of_the_module() -> None:
    stopping = build_callbacks(compose(*PLAIN, STOP))["early_stopping"]
    assert isinstance(stopping, EarlyStopping)
    assert (stopping.monitor, stopping.mode) == ("val_loss", "min")
    words = (f"task._target_={HERE}.Untested", "monitor=val_closeness", "monitor_mode=max")
    stopping = build_callbacks(compose(*PLAIN, *words, STOP))["early_stopping"]
    assert isinstance(stopping, EarlyStopping)
    assert (stopping.monitor, stopping.mode) == ("val_closeness", "max")


def test_sections_of_other_trainings_stay_required() -> None:
    with pytest.raises(ConfigError, match="model: missing; leave the key in"):
        compose("~model")


def test_names_are_read_from_source() -> None:
    assert logged_names(f"{HERE}.LitAutoEncoder") == {"train_loss", "val_loss", "test_loss"}
    assert logged_names("lightning.pytorch.demos.boring_classes.BoringModel") == frozenset()
    assert logged_names("nowhere.at.all") is None


@pytest.mark.parametrize(
    ("name", "way"), [("val_loss", "min"), ("val/MeanAbsoluteError", "min"), ("val_acc", "max"), ("v", None)]
)
def test_words_say_which_way_is_better(name: str, way: str | None) -> None:
    assert direction_of_words(name) == way
