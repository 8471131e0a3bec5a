"""Steps whose loss or gradient is not finite: training stops and keeps them, or leaves them out without a trace."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from segexp.data.folder import FolderDataModule
from segexp.errors import DivergedError
from segexp.runs.folder import RunFolder
from segexp.training.build import build_datamodule
from segexp.training.nonfinite.causes import Setting
from segexp.training.nonfinite.evidence import describe_samples
from segexp.training.nonfinite.guard import IN_A_ROW, NonFiniteGuard
from tests.data.folder.parts import pairs
from tests.training.runs import composed, folders, go, read_json, same_weights, without

AT = "+callbacks.bad={_target_: tests.training.parts.NotFinite, steps: %s, how: %s}"
PLAIN = ("scheduler=none", "optimizer=adamw", "model.norm=batch", "baselines=false", "metric=none", "bootstrap=0")


def test_training_stops_and_keeps_the_batch() -> None:
    crops = ("datamodule.crop_size=16", "datamodule.crops_per_image=2", "augment=none")
    with pytest.raises(DivergedError) as caught:
        go(*PLAIN, *crops, "optimizer.lr=0.125", AT % ([5], "loss"))
    (folder,) = folders()
    kept = read_json(folder / "not_finite" / "step_000005.json")
    assert (kept["epoch"], kept["batch"], kept["step"], kept["learning_rates"]) == (1, 1, 5, [0.125])
    assert (kept["loss"], kept["terms"]["total"], kept["weights_finite"], kept["bad_inputs"]) == (
        "nan",
        "nan",
        True,
        [],
    )
    assert kept["outputs"]["not_finite"] == 0
    assert -100 < kept["outputs"]["min"] <= kept["outputs"]["max"] < 100
    assert set(kept["gradient_norms"].values()) == {"nan"}
    assert "of finite outputs is not finite" in kept["cause"]
    # The places are those of the pixels: cut there, the images give the inputs.
    experiment = composed(*PLAIN, *crops)
    data = build_datamodule(experiment.datamodule, experiment.augment)
    data.setup()
    images = {item.name: item.image for item in data.items("train")}
    with np.load(folder / kept["inputs"], allow_pickle=False) as inputs:
        assert inputs["index"].tolist() == [sample["index"] for sample in kept["samples"]]
        for sample, pixels in zip(kept["samples"], inputs["image"], strict=True):
            top, left = sample["place"]["top"], sample["place"]["left"]
            cut = images[sample["image"]][top : top + 16, left : left + 16]
            assert np.array_equal(pixels.transpose(1, 2, 0), cut)
    names = ", ".join(dict.fromkeys(sample["image"] for sample in kept["samples"]))
    message = str(caught.value)
    assert message.startswith(f"the loss is nan in batch 2 of epoch 2 ({names}): the loss")
    assert "trainer.on_nan=skip" in message
    assert message.endswith(f"; the batch and its figures: {folder / 'not_finite' / 'step_000005.json'}")
    assert "\n" not in message


def test_a_step_left_out_leaves_no_trace_but_a_count() -> None:
    short = go(*PLAIN, "trainer.max_steps=3", "trainer.max_epochs=-1")
    longer = go(*PLAIN, "trainer.max_steps=4", "trainer.max_epochs=-1", "trainer.on_nan=skip", AT % ([3], "gradient"))
    assert same_weights(short.last, longer.last)
    assert longer.last["global_step"] == 4
    assert (longer.content["skipped_steps"], longer.record["skipped_steps"]) == (1, 1)
    assert "skipped_steps" not in short.content
    assert not any("NonFiniteGuard" in key for key in short.last["callbacks"])
    kept = read_json(longer.path / "not_finite" / "step_000003.json")
    assert isinstance(kept["loss"], float)
    assert "its gradient is not" in kept["cause"]
    log = (longer.path / "log.txt").read_text()
    assert "WARNING left out (1 so far): the gradient is not finite though the loss is" in log


def test_the_mean_of_an_epoch_is_without_it_and_a_resume_is_exact() -> None:
    words = (*PLAIN, "trainer.on_nan=skip", AT % ([1, 4], "loss"), "monitor=val/loss")
    whole = go(*words, "trainer.max_epochs=4")
    assert whole.content["skipped_steps"] == 2
    assert all(np.isfinite(float(row["train/loss"])) for row in whole.rows)
    first = go(*words, "trainer.max_epochs=2")
    rest = go(*words, "trainer.max_epochs=4", f"resume={first.path / 'checkpoints' / 'last.ckpt'}")
    assert same_weights(whole.last, rest.last)
    assert rest.content["skipped_steps"] == 2
    assert without(rest.rows, "seconds") == without(whole.rows, "seconds")


def bad_step(skips: bool, tmp_path: Path) -> tuple[NonFiniteGuard, Any]:
    """A guard and a call of a step whose gradient is infinite and whose loss is not."""
    guard = NonFiniteGuard(RunFolder(tmp_path), Setting(skips=skips))
    module: Any = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)

    def step(loss: float = 1.0, gradient: float = torch.inf, scale: float | None = None) -> None:
        scaler = None if scale is None else SimpleNamespace(get_scale=lambda: scale)
        trainer: Any = SimpleNamespace(
            precision_plugin=SimpleNamespace(scaler=scaler), current_epoch=0, global_step=0, datamodule=None
        )
        guard.on_train_batch_start(trainer, module, {"x": torch.ones(2, 2)}, 0)
        module[1].running_mean.fill_(gradient)
        guard.on_before_backward(trainer, module, torch.tensor(loss))
        for weight in module.parameters():
            weight.grad = torch.full_like(weight, gradient)
        guard.on_before_optimizer_step(trainer, module, optimizer)

    return guard, (step, module)


def test_what_the_scaler_leaves_out_is_not_counted(tmp_path: Path) -> None:
    guard, (step, module) = bad_step(True, tmp_path)
    step(scale=1024.0)
    assert (guard.skipped, guard.state_dict()) == (0, {})
    assert module[0].weight.grad is not None
    step(loss=torch.nan, scale=1024.0)
    step(scale=1.0)
    assert guard.state_dict() == {"skipped": 2, "in_a_row": 2}
    assert module[0].weight.grad is None


def test_running_statistics_are_put_back(tmp_path: Path) -> None:
    _, (step, module) = bad_step(True, tmp_path)
    step(gradient=0.5)
    step()
    assert module[1].running_mean.tolist() == [0.5]


def test_so_many_in_a_row_end_training(tmp_path: Path) -> None:
    guard, (step, _) = bad_step(True, tmp_path)
    for _ in range(IN_A_ROW - 1):
        step()
    step(gradient=1.0)
    assert guard.state_dict() == {"skipped": IN_A_ROW - 1, "in_a_row": 0}
    again = NonFiniteGuard(RunFolder(tmp_path), Setting(skips=True))
    again.load_state_dict(guard.state_dict())
    assert again.skipped == IN_A_ROW - 1
    for _ in range(IN_A_ROW - 1):
        step()
    with pytest.raises(DivergedError, match=f"{IN_A_ROW} steps in a row were not finite; the last: the gradient"):
        step()


def test_a_full_disk_costs_what_would_be_kept_alone(tmp_path: Path) -> None:
    (tmp_path / "not_finite").write_text("a file where a folder is needed")
    _, (step, _) = bad_step(False, tmp_path)
    with pytest.raises(DivergedError, match=r"the loss is 1\.0 in batch 1 of epoch 1.*not kept"):
        step()


def test_batches_of_any_form_are_kept(tmp_path: Path) -> None:
    _, (step, _) = bad_step(False, tmp_path)
    with pytest.raises(DivergedError):
        step()
    kept = json.loads((tmp_path / "not_finite" / "step_000000.json").read_text())
    assert (kept["samples"], kept["outputs"], kept["gradient_norms"]) == ([], None, {"0": "inf", "1": "inf"})
    with np.load(tmp_path / kept["inputs"], allow_pickle=False) as inputs:
        assert inputs["x"].tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("cache", ["ram", "disk", "none"])
def test_files_of_samples_are_named_whatever_is_cached(cache: str, tmp_path: Path) -> None:
    data = FolderDataModule(str(pairs(tmp_path / "set")), cache=cache)
    data.setup()
    (found,) = describe_samples(data.train_samples(), 3, [1])
    name = Path(found["image"]).stem
    assert [Path(path).stem for path in found["files"]] == [name, name]
    assert all(Path(path).is_relative_to(tmp_path / "set") for path in found["files"])
