"""Stopped and resumed is the same run, bit for bit."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from segexp.errors import ConfigError
from segexp.training.endings import Interrupted
from tests.training.runs import LEARNING, Done, checkpoint, composed, folders, go, read_json, run, same_weights, without

EPOCHS = "trainer.max_epochs=4"
STOP = "{_target_: tests.training.parts.Stop, epoch: 2}"
SPOIL = "{_target_: tests.training.parts.Spoil, epoch: 1}"
VARIANTS = {
    "none": ("scheduler=none",),
    "onecycle": (),
    "onecycle and average": ("callbacks=ema",),
    "none and average": ("callbacks=ema", "scheduler=none"),
    "cosine by epoch": ("scheduler=cosine", "scheduler.interval=epoch"),
    "plateau": ("scheduler=plateau", "scheduler.patience=0", "scheduler.monitor=val/miou", "augment=none"),
    "batch norm": ("model.norm=batch", "optimizer=sgd"),
    "workers": ("datamodule.loader.num_workers=1", "augment=strong"),
    "accumulated": ("trainer.accumulate_grad_batches=2", "datamodule.train_images=5"),
}


def interrupted(*overrides: str, extra: str = "") -> Path:
    """The last.ckpt that the message of a run stopped in epoch 3 of 4 names."""
    with pytest.raises(Interrupted) as caught:
        go(*overrides, EPOCHS, f"callbacks.extra=[{STOP}{extra}]")
    found = re.search(r"resume=(\S+)", str(caught.value))
    assert found is not None
    return Path(found[1]) / "checkpoints" / "last.ckpt"


def assert_same(straight: Done, resumed: Done) -> None:
    for name in ("last", "best"):
        one, two = getattr(straight, name), getattr(resumed, name)
        assert one["epoch"] == two["epoch"]
        assert same_weights(one, two)
        assert one["segexp"]["threshold_logit"] == two["segexp"]["threshold_logit"]
    assert str(straight.last["optimizer_states"]) == str(resumed.last["optimizer_states"])
    assert straight.last["lr_schedulers"] == resumed.last["lr_schedulers"]
    assert without(straight.rows, "seconds") == without(resumed.rows, "seconds")
    assert straight.content["checkpoint"] == resumed.content["checkpoint"]
    assert straight.content["rows"] == resumed.content["rows"]


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_two_and_two_epochs_are_four(variant: tuple[str, ...]) -> None:
    straight = go(EPOCHS, *variant)
    last = interrupted(*variant)
    assert [row["epoch"] for row in straight.rows] == ["0", "1", "2", "3"]
    assert_same(straight, go(EPOCHS, *variant, f"resume={last}"))


def test_random_numbers_of_torch_go_on() -> None:
    with_dropout = replace(composed(EPOCHS), model={"_target_": "tests.training.parts.Dropping"})
    stopping = replace(with_dropout, callbacks=composed(f"callbacks.extra=[{STOP}]").callbacks)
    straight = run(with_dropout)
    with pytest.raises(Interrupted):
        run(stopping)
    last = folders()[-1] / "checkpoints" / "last.ckpt"
    assert_same(straight, run(replace(with_dropout, resume=str(last))))


def test_more_epochs_than_planned() -> None:
    straight = go("scheduler=none", EPOCHS)
    half = go("scheduler=none", "trainer.max_epochs=2")
    resumed = go("scheduler=none", EPOCHS, f"resume={half.path / 'checkpoints' / 'last.ckpt'}")
    assert_same(straight, resumed)
    assert resumed.path != half.path


def test_more_steps_than_planned() -> None:
    """Ended by steps, in the middle of a schedule that does not follow the length."""
    words = ("scheduler=none", "trainer.max_epochs=9")
    straight = go(*words, "trainer.max_steps=4")
    half = go(*words, "trainer.max_steps=2")
    assert (half.record["ended_by"], len(half.rows)) == ("trainer.max_steps", 1)
    resumed = go(*words, "trainer.max_steps=4", f"resume={half.path}")
    assert_same(straight, resumed)
    # Those of run.json are rounded to tenths, and on a busy machine somewhat later than the last checkpoint.
    seconds = [checkpoint(each.path, "last")["callbacks"]["TrainingTime"]["seconds"] for each in (half, resumed)]
    assert 0 < seconds[0] < seconds[1]
    assert seconds[1] - 0.1 <= resumed.record["train_seconds"] < seconds[1] + 60
    with pytest.raises(ConfigError, match=r"max_steps: found 3, but the run .* has done 4 steps; give 5 or more"):
        go(*words, "trainer.max_steps=3", f"resume={resumed.path}")


def test_an_earlier_best_epoch_stays_the_best() -> None:
    settings = (*LEARNING, "monitor=val/loss")
    straight = go(*settings, EPOCHS, f"callbacks.extra=[{SPOIL}]")
    assert straight.content["checkpoint"]["epoch"] == 0
    last = interrupted(*settings, extra=f",{SPOIL}")
    resumed = go(*settings, EPOCHS, f"callbacks.extra=[{SPOIL}]", f"resume={last}")
    assert_same(straight, resumed)
    assert (resumed.path / "checkpoints" / "best.ckpt").is_file()
    assert (last.parent / "best.ckpt").is_file()


def test_a_finished_run_goes_straight_to_its_test() -> None:
    done = go()
    again = go(f"resume={done.path}")
    assert again.content["rows"] == done.content["rows"]
    assert again.content["checkpoint"] == done.content["checkpoint"]
    assert without(again.rows) == without(done.rows)


def test_a_run_that_had_stopped_early_does_not_train_on() -> None:
    """Stopped after epoch 2 of 9 and interrupted in its test; with more patience it may train on."""
    early = (
        "trainer.max_epochs=9",
        "scheduler=none",
        "callbacks.early_stopping.patience=1",
        f"callbacks.extra=[{SPOIL}]",
    )
    straight = go(*LEARNING, *early)
    assert straight.record["ended_by"] == "callbacks.early_stopping"
    assert len(straight.rows) < 9
    with pytest.raises(Interrupted) as caught:
        go(*LEARNING, *early[:-1], f"callbacks.extra=[{SPOIL},{{_target_: tests.training.parts.StopInTest}}]")
    found = re.search(r"resume=(\S+)", str(caught.value))
    assert found is not None
    resumed = go(*LEARNING, *early, f"resume={found[1]}")
    assert same_weights(straight.best, resumed.best)
    assert without(straight.rows, "seconds") == without(resumed.rows, "seconds")
    for part in ("checkpoint", "rows"):
        assert straight.content[part] == resumed.content[part]
    assert (resumed.record["epochs"], resumed.record["ended_by"]) == (len(straight.rows), straight.record["ended_by"])
    patient = go(*LEARNING, *early, "callbacks.early_stopping.patience=3", f"resume={found[1]}")
    assert len(patient.rows) > len(straight.rows)


def test_last_without_best_chooses_from_here_on(capsys: pytest.CaptureFixture[str]) -> None:
    last = interrupted()
    (last.parent / "best.ckpt").unlink()
    resumed = go(EPOCHS, f"resume={last}")
    assert resumed.content["checkpoint"]["epoch"] in (2, 3)
    assert "no best.ckpt of the same run beside it" in capsys.readouterr().out


def test_a_best_newer_than_last_is_left_to_be_found_again() -> None:
    """A kill between the two writes at the end of an epoch."""
    straight = go(*LEARNING, EPOCHS, "monitor=val/loss")
    assert straight.content["checkpoint"]["epoch"] > 1
    last = interrupted(*LEARNING, "monitor=val/loss")
    (last.parent / "best.ckpt").write_bytes((straight.path / "checkpoints" / "best.ckpt").read_bytes())
    assert_same(straight, go(*LEARNING, EPOCHS, "monitor=val/loss", f"resume={last}"))


def test_a_best_of_another_run_is_not_taken() -> None:
    settings = (*LEARNING, "monitor=val/loss")
    other = go(*settings, "trainer.max_epochs=1", "seed=5")
    last = interrupted(*settings, extra=f",{SPOIL}")
    (last.parent / "best.ckpt").write_bytes((other.path / "checkpoints" / "best.ckpt").read_bytes())
    resumed = go(*settings, EPOCHS, f"callbacks.extra=[{SPOIL}]", f"resume={last}")
    assert resumed.content["checkpoint"]["epoch"] in (2, 3)
    assert not same_weights(resumed.best, other.best)


def test_what_cannot_go_on_leaves_nothing_behind(outputs: Path) -> None:
    done = go(EPOCHS)
    last = done.path / "checkpoints" / "last.ckpt"
    garbage = Path("garbage.ckpt")
    garbage.write_bytes(b"no checkpoint")
    foreign = Path("foreign.ckpt")
    torch.save({"state_dict": {}}, foreign)
    sweep = Path("sweep").absolute()
    sweep.mkdir()
    (sweep / "manifest.json").write_text("{}")
    cases = {
        ("resume=nowhere.ckpt",): "no file nowhere.ckpt",
        (f"resume={garbage}",): "is no checkpoint of segexp",
        (f"resume={foreign}",): "is no checkpoint of segexp",
        (
            f"resume={last}",
            EPOCHS,
            "datamodule.scene=cells",
            "loss=ce",
        ): r"found \S+ of shape \[3.*but .* \S+ of shape \[1",
        (f"resume={last}", EPOCHS, "model.base=3"): "holds another model: found UNet .base 3., but the run .*"
        rf"has UNet .base \d+.; with all options of that run: python -m segexp from={done.path} resume={last}$",
        (
            f"resume={last}",
            "trainer.max_epochs=6",
        ): "trainer.max_epochs: found 6, .* has 4, over which its learning rate is scheduled; use that, or start anew "
        rf"without resume .python -m segexp from={done.path} trainer.max_epochs=6.; with all options of .* from=",
        (f"resume={outputs}",): "resume: .* holds no checkpoints/last.ckpt; give the folder of a run that finished",
        (f"resume={sweep}",): f"holds a sweep; go on with all of it by python -m segexp sweep.resume={sweep}",
    }
    for overrides, message in cases.items():
        with pytest.raises(ConfigError, match=message):
            go(*overrides)
    assert folders() == [path for path in folders() if path.resolve() == done.path]
    assert len(list((outputs / "custom_custom_custom").iterdir())) == 1


def test_interrupted_run_folder() -> None:
    last = interrupted()
    folder = last.parent.parent
    record = read_json(folder / "run.json")
    assert record["state"] == "interrupted"
    assert "ended" in record
    assert checkpoint(folder, "last")["epoch"] == 1
    assert not (folder / "results.json").exists()
