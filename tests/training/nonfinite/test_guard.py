"""Steps whose loss or gradient is not finite: training stops and keeps them, or leaves them out without a trace."""

import json
import weakref
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
from segexp.tasks.steps.trace import rough_range, value_range
from segexp.training.building.datamodule import build_datamodule
from segexp.training.nonfinite.causes import Setting
from segexp.training.nonfinite.evidence import SeenBatch, describe_samples
from segexp.training.nonfinite.gradients import all_finite, gradient_norms, gradients_of
from segexp.training.nonfinite.guard import IN_A_ROW, MANUAL, NonFiniteGuard
from segexp.training.nonfinite.step import losses_bad
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


def micro_steps(guard: NonFiniteGuard, module: Any, losses: list[float]) -> list[weakref.ref[Any]]:
    """Shows batches of one accumulation to a guard; which of them are in memory is seen by the references."""
    found, trainer = [], SimpleNamespace(accumulate_grad_batches=len(losses))
    for number, loss in enumerate(losses):
        image = torch.ones(2, 2)
        found.append(weakref.ref(image))
        shown: tuple[Any, Any, Any, int] = (trainer, module, {"x": image, "index": torch.arange(2)}, number)
        guard.on_train_batch_start(*shown)
        guard.on_before_backward(shown[0], module, torch.tensor(loss))
        guard.on_train_batch_end(trainer, module, None, *shown[2:])  # type: ignore[arg-type] # what is asked of one
        del image, shown
    return found


def test_the_last_batch_of_an_accumulation_and_the_first_bad_one_stay_in_memory(tmp_path: Path) -> None:
    module: Any = nn.Linear(2, 1)
    guard = NonFiniteGuard(RunFolder(tmp_path), Setting())
    held = micro_steps(guard, module, [1.0, torch.nan, torch.inf, 1.0, 1.0])
    assert [each() is not None for each in held] == [False, True, False, False, True]
    trainer: Any = SimpleNamespace(precision_plugin=None, current_epoch=0, global_step=7, datamodule=None)
    with pytest.raises(DivergedError, match=r"the loss is nan in batch 2 of epoch 1.*the batch and its figures"):
        guard.on_before_optimizer_step(trainer, module, torch.optim.SGD(module.parameters(), lr=0.1))
    with np.load(tmp_path / "not_finite" / "step_000007.npz", allow_pickle=False) as inputs:
        assert inputs["x"].shape == (2, 2)


def test_batches_of_an_optimizer_that_lightning_does_not_know_are_forgotten(tmp_path: Path) -> None:
    module: Any = nn.Linear(2, 1)
    module.automatic_optimization = False
    guard = NonFiniteGuard(RunFolder(tmp_path), Setting(skips=True))
    held = micro_steps(guard, module, [1.0] * (MANUAL - 1))
    assert [each() is not None for each in held] == [False] * (MANUAL - 2) + [True]
    (last,) = micro_steps(guard, module, [torch.nan])
    assert last() is None
    # A loss of that optimizer is no reason to leave out a step of another one.
    micro_steps(guard, module, [1.0])
    trainer: Any = SimpleNamespace(precision_plugin=None, current_epoch=0, global_step=7, datamodule=None)
    guard.on_before_optimizer_step(trainer, module, torch.optim.SGD(module.parameters(), lr=0.1))
    assert guard.skipped == 0


def test_whether_a_loss_is_finite_may_come_late(tmp_path: Path) -> None:
    waited: list[int] = []
    event: Any = SimpleNamespace(synchronize=lambda: waited.append(1))
    fine, bad = (SeenBatch(0, {"x": 1}, torch.tensor(1.0), late=(torch.tensor(it), event)) for it in (True, False))
    assert (losses_bad([fine, fine]).item(), losses_bad([fine, bad]).item()) == (False, False)
    fine.let_go()
    bad.let_go()
    assert (fine.batch, bad.batch, waited) == (None, {"x": 1}, [1, 1])
    assert losses_bad([fine, bad]).item() is True
    assert fine.facts(None, 0)["outputs"] is None


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex64, torch.bfloat16])
def test_gradients_of_any_type_are_judged(dtype: torch.dtype) -> None:
    weights = [nn.Parameter(torch.ones(2, dtype=dtype)), nn.Parameter(torch.ones(1)), nn.Parameter(torch.ones(3))]
    weights[0].grad, weights[1].grad = torch.tensor([3.0, 4.0], dtype=dtype), torch.tensor([2.0])
    found, gradients = gradients_of(torch.optim.SGD(weights, lr=0.1))
    assert [id(weight) for weight in found] == [id(weight) for weight in weights[:2]]
    norms = gradient_norms(gradients)
    assert (norms.tolist(), bool(all_finite(gradients, norms))) == ([5.0, 2.0], True)
    weights[1].grad[0] = torch.inf
    assert not all_finite(gradients, gradient_norms(gradients))


def test_the_range_of_outputs_is_had_without_a_copy() -> None:
    values = torch.arange(24.0).reshape(2, 3, 2, 2).to(memory_format=torch.channels_last)
    assert rough_range(values).tolist() == [[0, 11], [12, 23]]
    fine = SeenBatch(0, None, torch.tensor(1.0), ranges=rough_range(values)).facts(None, 0)["outputs"]
    values[1, 2, 1, 0], values[1, 0, 0, 0] = torch.nan, -torch.inf
    bad = SeenBatch(0, None, torch.tensor(1.0), ranges=rough_range(values)).facts(None, 0)["outputs"]
    assert fine == {"min": 0, "max": 23, "not_finite": 0}
    assert bad == {"min": 0, "max": 11, "not_finite": "some"}
    assert value_range(values).tolist() == [[0, 11, 0], [13, 23, 2]]


@pytest.mark.parametrize("fused", [True, False])
def test_a_scaler_passes_over_a_step_left_out(fused: bool, tmp_path: Path) -> None:
    module: Any = nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(module.parameters(), lr=0.1, weight_decay=0.5, fused=fused)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    guard = NonFiniteGuard(RunFolder(tmp_path), Setting(skips=True))
    plugin = SimpleNamespace(scaler=scaler)
    trainer: Any = SimpleNamespace(precision_plugin=plugin, current_epoch=0, global_step=0, datamodule=None)

    def step(loss: float) -> list[list[float]]:
        optimizer.zero_grad()
        scaler.scale(module(torch.ones(1, 2)).sum()).backward()
        guard.on_train_batch_start(trainer, module, {}, 0)
        guard.on_before_backward(trainer, module, torch.tensor(loss))
        if not fused:  # as Lightning does
            scaler.unscale_(optimizer)
        guard.on_before_optimizer_step(trainer, module, optimizer)
        scaler.step(optimizer)
        scaler.update()
        moments = [state["exp_avg"] for state in optimizer.state.values()]
        return [value.flatten().tolist() for value in (*module.parameters(), *moments)]

    first = step(1.0)
    assert step(torch.nan) == first  # gradients are finite here, so that it is the guard that leaves it out
    assert guard.skipped == 1
    assert step(1.0) != first


def test_a_resume_within_a_step_of_several_batches_leaves_it_out_whole(tmp_path: Path) -> None:
    module: Any = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    first = NonFiniteGuard(RunFolder(tmp_path), Setting(skips=True))
    module[1].running_mean.fill_(0.25)
    micro_steps(first, module, [torch.nan])
    module[1].running_mean.fill_(7.0)
    torch.save({"callbacks": first.state_dict(), "weights": module.state_dict()}, tmp_path / "last.ckpt")
    # Another process: what it knows is what the file holds.
    stored = torch.load(tmp_path / "last.ckpt", weights_only=True)
    module = nn.Sequential(nn.Linear(2, 1), nn.BatchNorm1d(1))
    module.load_state_dict(stored["weights"])
    second = NonFiniteGuard(RunFolder(tmp_path), Setting(skips=True))
    second.load_state_dict(stored["callbacks"])
    micro_steps(second, module, [1.0])
    trainer: Any = SimpleNamespace(precision_plugin=None, current_epoch=0, global_step=0, datamodule=None)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    second.on_before_optimizer_step(trainer, module, optimizer)
    assert (second.skipped, module[1].running_mean.tolist()) == (1, [0.25])
    kept = read_json(tmp_path / "not_finite" / "step_000000.json")
    assert (kept["loss"], kept["batch"], kept["inputs"]) == ("nan", 0, None)
    # The next step is one of its own.
    assert second.state_dict() == {"skipped": 1, "in_a_row": 1}
    module[1].running_mean.fill_(0.5)
    micro_steps(second, module, [torch.nan])
    module[1].running_mean.fill_(9.0)
    second.on_before_optimizer_step(trainer, module, optimizer)
    assert (second.skipped, module[1].running_mean.tolist()) == (2, [0.5])
