"""docs/lightning.md, section Trainer: every argument of Lightning's Trainer, each row run or refused as it says."""

import contextlib
import inspect
import io
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pytest

from segexp.config.checks.tree import also_taken
from segexp.config.schema import ELSEWHERE, TrainerConfig
from segexp.config.signatures.signature import signature
from segexp.errors import ConfigError
from tests.training.runs import Done, composed, run, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "lightning.md"
SECTION = PAGE.read_text(encoding="utf-8").partition("## Trainer")[2].partition("\n## ")[0]
ROWS = {row[1]: row[2] for row in re.finditer(r"^\| `(\w+)` \| `(.+?)` \|[^|]*\|$", SECTION, re.MULTILINE)}
"""Words of the second column by argument."""
ACCEPTED = {name: shlex.split(words) for name, words in ROWS.items() if name not in ELSEWHERE}

RUNS: dict[str, tuple[str, ...]] = {
    "plain": (),
    # Nothing of this changes what is learnt.
    "neutral": (
        "trainer.accelerator=cpu", "trainer.devices=1", "trainer.num_nodes=1", "trainer.min_epochs=1",
        "trainer.min_steps=1", "trainer.max_time=00:01:00:00", "trainer.val_check_interval=1",
        "trainer.check_val_every_n_epoch=1", "trainer.num_sanity_val_steps=-1", "trainer.log_every_n_steps=1",
        "trainer.enable_model_summary=true", "trainer.accumulate_grad_batches=1", "trainer.deterministic=true",
        "trainer.benchmark=false", "trainer.inference_mode=false", "trainer.use_distributed_sampler=false",
        "trainer.profiler=simple", "trainer.detect_anomaly=true", "trainer.sync_batchnorm=false",
        "trainer.reload_dataloaders_every_n_epochs=1", "trainer.enable_autolog_hparams=false",
    ),
    "parts": (
        "trainer.limit_train_batches=1", "trainer.limit_val_batches=1", "trainer.limit_test_batches=2",
        "trainer.gradient_clip_val=0.01", "trainer.gradient_clip_algorithm=value",
    ),
    "overfit": ("debug=overfit", "trainer.overfit_batches=1", "trainer.max_epochs=3", "scheduler=none"),
    "trial": ("debug=fdr", "trainer.fast_dev_run=true"),
    "steps": (
        "trainer.max_epochs=-1", "trainer.max_steps=3",
        "trainer.strategy._target_=lightning.pytorch.strategies.DDPStrategy",
        "trainer.strategy.find_unused_parameters=true",
    ),
    "mixed": ("trainer.precision=bf16-mixed", "speed.precision=auto"),
    "fast": ("speed.precision=bfloat16",),
    "scaled": (
        "trainer.plugins={_target_: lightning.pytorch.plugins.MixedPrecision, precision: 16-mixed, device: cpu}",
        "speed.precision=auto", "scheduler=none",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Done]:
    """Gives the runs by name, each made when it is first asked for; what it said lies beside its folder."""
    folder, made = tmp_path_factory.mktemp("arguments"), dict[str, Done]()

    def get(name: str) -> Done:
        if name not in made:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                made[name] = run(composed(*RUNS[name], f"output_dir={folder}"))
            (made[name].path / "said.txt").write_text(out.getvalue(), encoding="utf-8")
        return made[name]

    return get


def losses(done: Done) -> list[float]:
    return [float(row["train/loss"]) for row in done.rows]


def test_the_table_has_every_argument() -> None:
    arguments = set(inspect.signature(pl.Trainer.__init__).parameters) - {"self"}
    assert set(ROWS) == arguments
    read = signature(TrainerConfig.also.target)
    assert read is not None
    assert set(read.parameters) == arguments
    # What segexp looks at itself is what Lightning has, and these.
    own = {"progress", "on_nan", "watchdog", "checkpoint_every", "allow_oversize", "live_report"}
    assert set(TrainerConfig.__dataclass_fields__) - own < arguments
    assert set(also_taken(TrainerConfig.also)) - {"_target_"} == arguments


def test_defaults_are_those_of_lightning() -> None:
    ours = {"devices": 1, "log_every_n_steps": 50, "num_sanity_val_steps": 0}
    lightnings = {name: each.default for name, each in inspect.signature(pl.Trainer.__init__).parameters.items()}
    for name, each in TrainerConfig.__dataclass_fields__.items():
        if name in lightnings and each.default is not inspect.Parameter.empty and not _is_missing(each.default):
            assert each.default == ours.get(name, lightnings[name]), name


def _is_missing(default: Any) -> bool:
    return repr(default).startswith("<dataclasses._MISSING")


@pytest.mark.parametrize("name", ACCEPTED)
def test_a_word_of_the_table_is_in_a_run(name: str) -> None:
    assert any(set(ACCEPTED[name]) <= set(words) for words in RUNS.values())


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_said_elsewhere_is_refused_with_the_place(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        composed(f"trainer.{name}=false")
    text = str(caught.value)
    assert text.startswith(f"trainer.{name}: is set by segexp: ")
    word = ROWS[name]
    assert word.partition("=")[0].partition(".")[0] in text
    if "=" in word and word != "callbacks=model_checkpoint":
        composed(word)


def test_what_leaves_the_training_alone_does(runs: Callable[[str], Done]) -> None:
    plain, neutral = runs("plain"), runs("neutral")
    assert losses(neutral) == losses(plain)
    assert [row["val/miou"] for row in neutral.rows] == [row["val/miou"] for row in plain.rows]
    # Two steps an epoch, each followed by a validation.
    steps = table(neutral.path / "steps.csv")
    assert [row["step"] for row in steps] == ["0", "1", "2", "3"]
    assert all(row["train/loss_step"] and row["val/miou"] for row in steps)
    mean = sum(float(row["train/loss_step"]) for row in steps[:2]) / 2
    assert mean == pytest.approx(losses(plain)[0], abs=1e-6)
    assert not (plain.path / "steps.csv").exists()
    assert "run_training_batch" in (neutral.path / "fit-profile.txt").read_text(encoding="utf-8")
    assert "Trainable params" in (neutral.path / "said.txt").read_text(encoding="utf-8")
    assert neutral.content["checkpoint"]["value"] >= plain.content["checkpoint"]["value"]


def test_a_part_of_the_images_chooses_nothing(runs: Callable[[str], Done]) -> None:
    done = runs("parts")
    assert done.content["checkpoint"] == {
        "path": "checkpoints/last.ckpt", "epoch": 1, "epochs_counted_from": 0, "monitor": None, "mode": None,
        "value": None, "chosen": False,
    }  # fmt: skip
    assert done.content["threshold"] == {
        "value": 0.5, "logit": 0.0, "rule": "probability 0.5", "chosen_on": "nothing",
    }  # fmt: skip
    assert done.content["split"]["images"] == 2
    assert {row["image"] for row in table(done.path / "per_image.csv")} == {"test_000", "test_001"}
    assert not (done.path / "checkpoints" / "best.ckpt").exists()
    assert done.last["segexp"]["threshold_chosen"] is False
    notes = "\n".join(done.content["notes"])
    assert "trained on 1 of 2 batches an epoch (trainer.limit_train_batches=1)" in notes
    assert "validations saw 1 of 3 batches (trainer.limit_val_batches=1), so while training they chose" in notes
    assert "the test saw 2 of 3 batches (trainer.limit_test_batches=2)" in notes


def test_the_same_batch_in_every_epoch(runs: Callable[[str], Done]) -> None:
    done = runs("overfit")
    one, two, three = losses(done)
    assert one > two > three
    assert "1 of 2 batches an epoch, the same in each epoch (trainer.overfit_batches=1)" in done.content["notes"][0]
    assert done.path.parent.name == "debug"


def test_a_trial_run_writes_a_run_folder_and_says_what_it_is(runs: Callable[[str], Done]) -> None:
    done = runs("trial")
    assert done.record["ended_by"] == "trainer.fast_dev_run"
    assert done.last["global_step"] == 1
    assert len(done.rows) == done.content["split"]["images"] == 1
    # Asked for once more without it, the run is a whole one.
    assert done.config["trainer"]["max_epochs"] == 2
    assert done.config["trainer"]["limit_test_batches"] is None


def test_steps_end_a_training_and_its_schedule(runs: Callable[[str], Done]) -> None:
    done = runs("steps")
    assert done.record["ended_by"] == "trainer.max_steps"
    assert done.last["global_step"] == 3
    assert done.last["lr_schedulers"][0]["total_steps"] == 3


def test_mixed_precision_is_that_of_speed(runs: Callable[[str], Done]) -> None:
    assert losses(runs("mixed")) == losses(runs("fast")) != losses(runs("plain"))
    assert runs("mixed").last["state_dict"]["model.head.weight"].dtype.is_floating_point


def test_the_scale_of_small_gradients_is_kept(runs: Callable[[str], Done]) -> None:
    first = runs("scaled")
    assert first.last["MixedPrecision"]["_growth_tracker"] == 4
    words = (*RUNS["scaled"], "trainer.max_epochs=3", f"output_dir={first.path.parent.parent}")
    done = run(composed(*words, f"resume={first.path / 'checkpoints' / 'last.ckpt'}"))
    assert done.last["MixedPrecision"]["_growth_tracker"] == 6
    assert losses(done)[:2] == losses(first)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "dtype"),
    [
        (("trainer.precision=64-true",), "float64"),
        (("trainer.precision=bf16-true",), "bfloat16"),
        (("trainer.precision=16-true", "optimizer=sgd"), "float16"),
    ],
)
def test_weights_of_another_precision(words: tuple[str, ...], dtype: str, runs: Callable[[str], Done]) -> None:
    done = run(composed(*words, "speed.precision=auto"))
    assert {str(value.dtype) for name, value in done.last["state_dict"].items() if name.endswith("weight")} == {
        f"torch.{dtype}"
    }
    assert losses(done)[0] == pytest.approx(losses(runs("plain"))[0], rel=0.02)


@pytest.mark.slow
def test_loaders_that_are_made_anew_give_the_same_samples(runs: Callable[[str], Done]) -> None:
    words = ("trainer.reload_dataloaders_every_n_epochs=1", "datamodule.loader.num_workers=1")
    assert losses(run(composed(*words))) == losses(runs("plain"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["advanced", "pytorch"])
def test_other_profilers_write_into_the_run_folder(name: str) -> None:
    done = run(composed(f"trainer.profiler={name}", "trainer.max_epochs=1"))
    assert (done.path / "fit-profile.txt").stat().st_size > 100


@pytest.mark.slow
def test_the_clock_ends_an_endless_training() -> None:
    done = run(composed("trainer.max_epochs=-1", "trainer.max_time={seconds: 2}", "scheduler=none"))
    assert done.record["ended_by"] == "trainer.max_time"
    assert done.record["epochs"] >= 1


@pytest.mark.slow
def test_no_validation_before_the_end() -> None:
    done = run(composed("trainer.val_check_interval={hours: 1}"))
    assert done.content["checkpoint"]["chosen"] is False
    assert any("training ended before the first validation" in note for note in done.content["notes"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["default", "limit", "profiler"])
def test_presets_for_debugging(name: str) -> None:
    done = run(composed(f"debug={name}"))
    assert done.path.parent.name == "debug"
    assert (done.path / "fit-profile.txt").is_file() == (name == "profiler")
