"""Keys of the block ``trainer`` against each other, before torch is imported."""

from typing import get_args

import pytest

from segexp.config.schema import TrainerConfig
from segexp.config.trainer import CheckpointInterval, checkpoint_interval, in_force, with_trainer_defaults
from segexp.errors import ConfigError
from segexp.types import CheckpointEvery
from tests.lines import run_lines
from tests.training.runs import composed

REFUSED = [
    (["max_epochs=-1"], "trainer.max_epochs: found -1, and nothing else ends the training; add trainer.max_steps="),
    (["max_epochs=null"], "trainer.max_epochs: found null, of which Lightning would make 1000"),
    (["max_epochs=-1", "max_time=00:01:00:00"], "scheduler.total_steps: found auto, all of the run, but its end"),
    (["min_epochs=3"], "trainer.min_epochs: found 3 with trainer.max_epochs=2; use at most 2"),
    (["max_steps=4", "min_steps=5"], "trainer.min_steps: found 5 with trainer.max_steps=4; use at most 4"),
    (["limit_train_batches=0"], "trainer.limit_train_batches: found 0, so nothing would be trained"),
    (["limit_test_batches=0.0"], "trainer.limit_test_batches: found 0.0, so nothing would be tested"),
    (["val_check_interval=0"], "trainer.val_check_interval: found 0; use batches from 1 on"),
    (["gradient_clip_algorithm=norm"], "trainer.gradient_clip_algorithm: found norm with trainer.gradient_clip_val=nu"),
    (["overfit_batches=2", "limit_val_batches=1"], "trainer.limit_val_batches: found 1 with trainer.overfit_batches=2"),
    (["precision=16", "accelerator=cpu"], "trainer.precision: found 16-mixed with trainer.accelerator=cpu, of which"),
    (["precision=64-true", "strategy=fsdp"], "trainer.precision: found 64-true with trainer.strategy=fsdp, which does"),
    (["_target_=lightning.pytorch.Trainer"], "trainer._target_: is set by segexp: the Trainer is always Lightning"),
    (["precision=64-true"], "speed.precision: found float32 with trainer.precision=64-true; give one of them"),
    (["check_val_every_n_epoch=null"], "trainer.check_val_every_n_epoch: found null with trainer.val_check_interval=n"),
    (["check_val_every_n_epoch=3"], "trainer.check_val_every_n_epoch: found 3 with trainer.max_epochs=2: no"),
    (["sync_batchnorm=true"], "trainer.sync_batchnorm: found true, but batch norm takes its statistics over all ranks"),
    (["use_distributed_sampler=true"], "trainer.use_distributed_sampler: found true, but batches are divided between"),
    (["strategy=dpp"], "trainer.strategy: found 'dpp', expected auto | ddp | fsdp | a block of keys. Did you mean 'dd"),
    (["profiler=simpel"], "trainer.profiler: found 'simpel', expected simple | advanced | pytorch | a block"),
    (["limit_val_batches=1.5"], "trainer.limit_val_batches: found 1.5, expected a whole number, a value of at least 0"),
    (["max_time={hourss: 3}"], "trainer.max_time.hourss: no such key. Did you mean 'trainer.max_time.hours'?"),
    (["checkpoint_every=5"], "trainer.checkpoint_every: found 5, expected text, a time, or steps of the optimiser, as"),
    (["benchmark=3"], "trainer.benchmark: found 3, expected true | false | null."),
    (["strategy._target_=lightning.pytorch.strategies.DPPStrategy"], "trainer.strategy._target_: lightning.pytorch.st"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "line"), REFUSED)
def test_refused(words: list[str], line: str) -> None:
    with pytest.raises(ConfigError) as caught:
        composed(*(f"trainer.{word}" for word in words))
    assert line in str(caught.value)


def test_what_watches_validations_needs_them() -> None:
    with pytest.raises(ConfigError) as caught:
        composed("trainer.limit_val_batches=0", "scheduler=plateau", "callbacks=early_stopping")
    one, two = str(caught.value).splitlines()
    assert one.startswith("scheduler.monitor: found val/loss with trainer.limit_val_batches=0, but the schedule moves")
    assert two == (
        "callbacks.early_stopping.monitor: found val/miou with trainer.limit_val_batches=0: no validation would run"
    )


def test_a_search_judges_by_whole_validations() -> None:
    composed("sweep=optuna", "trainer.limit_val_batches=1.0")
    with pytest.raises(ConfigError, match=r"trainer\.limit_val_batches: found 1 in a search, which judges trials by"):
        composed("sweep=optuna", "trainer.fast_dev_run=true")


def test_short_forms_have_one_name() -> None:
    section = composed(
        "trainer.precision=bf16", "speed.precision=auto", "trainer.accelerator=cuda", "trainer.devices=-1"
    )
    assert section.trainer.precision == "bf16-mixed"
    assert section.trainer.accelerator == "gpu"
    assert section.trainer.devices == "auto"


def test_what_is_in_force() -> None:
    trial = in_force(composed("trainer.fast_dev_run=3", "trainer.min_epochs=2").trainer)
    assert (trial.max_epochs, trial.max_steps, trial.min_epochs, trial.limit_test_batches) == (1, 3, None, 3)
    few = in_force(composed("trainer.overfit_batches=0.5").trainer)
    assert (few.limit_train_batches, few.limit_val_batches, few.limit_test_batches) == (0.5, 0.5, None)
    plain = composed().trainer
    assert in_force(plain) == plain


def test_a_block_of_an_earlier_version_has_the_defaults_of_today() -> None:
    found = with_trainer_defaults({"max_epochs": 7})
    assert found["max_epochs"] == 7
    assert found.keys() < TrainerConfig.__dataclass_fields__.keys()
    assert (found["overfit_batches"], found["precision"], found["strategy"]) == (0.0, None, "auto")


def test_lightnings_keys_with_and_without_a_plus_and_misspelt() -> None:
    lines = (
        ["check", "scope=config", "trainer.benchmark=true", "+trainer.inference_mode=false", "+trainer.max_epochs=3"],
        ["check", "scope=config", "trainer.benchmrak=true"],
        ["check", "scope=config", "trainer.limit_train_batch=3"],
        ["check", "scope=config", "debug=frd"],
        ["check", "scope=config", "debug=overfit", "trainer.overfit_batches=1"],
        ["trainer.strategy._target_=lightning.pytorch.strategies.DDPStrategy", "trainer.strategy.static_graph=true",
         "check", "scope=config"],
    )  # fmt: skip
    good, misspelt, short, preset, debug, strategy = run_lines(lines)
    assert (good.code, debug.code, strategy.code) == (0, 0, 0), good.err + debug.err + strategy.err
    assert "Did you mean 'trainer.benchmark'?" in misspelt.err
    assert "Did you mean 'trainer.limit_train_batches'?" in short.err
    assert "Did you mean 'fdr'?" in preset.err
    assert not {"torch", "lightning"} & set(strategy.heavy)


def test_a_plateau_has_no_figure_at_the_end_of_an_epoch_where_validations_are_timed() -> None:
    with pytest.raises(ConfigError, match=r"with trainer\.val_check_interval=00:00:10:00, but the sched"):
        composed("scheduler=plateau", "trainer.val_check_interval=00:00:10:00")


def test_a_callback_that_ends_nothing_is_no_end() -> None:
    endless = ("trainer.max_epochs=-1", "scheduler=none")
    with pytest.raises(ConfigError, match="nothing else ends the training"):
        composed(*endless, "callbacks=learning_rate_monitor")
    composed(*endless, "callbacks=early_stopping")


@pytest.mark.parametrize(
    ("spelled", "seconds", "steps"),
    [
        ("5min", 300, None), ("30s", 30, None), ("0.5 sec", 0.5, None), ("1h30min", 5400, None), ("5m", 300, None),
        ("2 Hours", 7200, None), ("1d 2h 3 minutes 4 seconds", 93784, None), ("01:00:05:30", 86730, None),
        ("100 steps", None, 100), ("1step", None, 1),
    ],
)  # fmt: skip
def test_times_and_steps_between_checkpoints(spelled: str, seconds: float | None, steps: int | None) -> None:
    assert get_args(CheckpointEvery)[1].allows(spelled)
    assert checkpoint_interval(spelled) == CheckpointInterval(seconds, steps)


WRONG = [
    "5ms",
    "1e3s",
    "-5s",
    "5,5s",
    "inf",
    "1.5 steps",
    "0 steps",
    "00:00:00:00",
    "5 min 3 steps",
    "1\u017f",
    "\u0661s",
    "",
]


@pytest.mark.parametrize("word", WRONG)
def test_what_is_no_time_between_checkpoints(word: str) -> None:
    assert not get_args(CheckpointEvery)[1].allows(word)
