"""Whole runs: one that goes on elsewhere, what is made of one, two at a time, and DDP on one device."""

import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from segexp import load
from segexp.cli.app import run as segexp
from segexp.training.endings import Interrupted
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.gpu.conftest import Note
from tests.gpu.device import VESSELS, Device, composed
from tests.sweeps.real import manifest, sweep_folder
from tests.sweeps.real import run as start
from tests.training.runs import checkpoint, folders, read_json, run, same_weights, table

STOP = "callbacks.stop={_target_: tests.training.parts.Stop, epoch: 1}"
PLAIN = ("optimizer=sgd", "optimizer.lr=0.01", "scheduler=none", "speed.precision=float32", "trainer.max_epochs=3")
"""Steps that do not enlarge rounding, as Adam does."""


def keys(drive: Path, *overrides: str) -> list[str]:
    return [*VESSELS, f"datamodule.root={drive}", *overrides]


def largest_difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Of the weights of two checkpoints."""
    first, second = one["state_dict"], other["state_dict"]
    assert first.keys() == second.keys()
    return max(float((first[name].cpu() - second[name].cpu()).abs().max()) for name in first)


@pytest.mark.parametrize("begins", ["the processor", "the device"])
def test_a_run_goes_on_where_it_did_not_begin(begins: str, device: Device, drive: Path, note: Note) -> None:
    processor = Device("cpu")
    places = (processor, device) if begins == "the processor" else (device, processor)
    straight = run(composed(processor, *keys(drive, *PLAIN)))
    with pytest.raises(Interrupted):
        run(composed(places[0], *keys(drive, *PLAIN, STOP)))
    last = folders()[-1] / "checkpoints" / "last.ckpt"
    resumed = run(composed(places[1], *keys(drive, *PLAIN, f"resume={last}")))
    difference = largest_difference(straight.last, resumed.last)
    note(begins=begins, largest_difference_of_a_weight=difference)
    assert resumed.last["epoch"] == straight.last["epoch"]
    assert difference < 1e-3
    assert float(resumed.rows[-1]["val/loss"]) == pytest.approx(float(straight.rows[-1]["val/loss"]), abs=2e-3)


def test_the_scale_of_the_loss_goes_on(device: Device, drive: Path, note: Note) -> None:
    half = keys(drive, "trainer.max_epochs=3", *device.precision("16-mixed"))
    straight = run(composed(device, *half))
    with pytest.raises(Interrupted):
        run(composed(device, *half, STOP))
    resumed = run(composed(device, *half, f"resume={folders()[-1] / 'checkpoints' / 'last.ckpt'}"))
    (state,) = (value for key, value in straight.last.items() if "Precision" in key)
    note(scale=float(state["scale"]), steps_since_it_grew=float(state["_growth_tracker"]))
    assert state == next(value for key, value in resumed.last.items() if "Precision" in key)
    assert state["_growth_tracker"] > 0
    assert same_weights(straight.last, resumed.last)


def test_panels_page_and_files_of_a_run(device: Device, drive: Path, note: Note) -> None:
    assert segexp(device.vessels(drive, "panel_epochs=1", "panels=2")) == 0
    (path,) = folders()
    assert read_json(path / "run.json")["device"] == device.title
    assert len(list((path / "panels").rglob("*.png"))) >= 3
    assert "<html" in (path / "report.html").read_text(encoding="utf-8")
    # It is read where there is no GPU: all tensors of the file must be able to go there.
    kept = torch.load(path / "checkpoints" / "best.ckpt", weights_only=True, map_location="cpu")["state_dict"]
    for name in ("torchscript", "safetensors"):
        assert segexp(["export", f"run={path}", f"format={name}", "rounds=0", "images=2"]) == 0
    weights = load_file(next((path / "exports").glob("*.safetensors")))
    assert {name for name in kept if name.startswith("model.")} == {f"model.{name}" for name in weights}
    image = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    here, there = (load(path, device=name).probabilities(image) for name in ("cpu", device.name))
    difference = float(np.abs(here - there).max())
    note(largest_difference_of_a_probability=difference)
    assert difference < 1e-3


def test_two_jobs_at_a_time_give_what_each_gives_alone(device: Device, drive: Path, note: Note) -> None:
    words = device.vessels(drive)
    shared = ["sweep.jobs=2", *(["sweep.gpus=[0]"] if device.name == "cuda" else [])]
    ended = start([sys.executable, "-m", "segexp", "-m", *words, *shared, "seed=0,1"])
    assert ended.returncode == 0, ended.stdout + ended.stderr
    jobs = manifest(sweep_folder())
    assert [job["gpu"] for job in jobs] == ["0" if device.name == "cuda" else None] * 2
    note(seconds=str([job["seconds"] for job in jobs]))
    alone = start([sys.executable, "-m", "segexp", *words, "seed=1", "output_dir=alone"])
    assert alone.returncode == 0, alone.stdout + alone.stderr
    (path,), shared_run = folders(Path("alone")), sweep_folder() / jobs[1]["folder"]
    assert same_weights(checkpoint(path, "last"), checkpoint(shared_run, "last"))
    assert not same_weights(checkpoint(path, "last"), checkpoint(sweep_folder() / jobs[0]["folder"], "last"))
    assert len(table(path / "metrics.csv")) == len(table(shared_run / "metrics.csv")) == 2


@pytest.mark.filterwarnings("ignore:It is recommended to use")
def test_ddp_of_one_device_is_a_training_without_it(device: Device, drive: Path, note: Note) -> None:
    weights = []
    for strategy in ("auto", "ddp"):
        prepared = prepare(with_hardware(composed(device, *keys(drive, *PLAIN))), allocator=False)
        trainer = pl.Trainer(
            accelerator=device.accelerator, devices=1, strategy=strategy, max_epochs=1, logger=False,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
            use_distributed_sampler=False,
        )  # fmt: skip
        trainer.fit(prepared.module, datamodule=prepared.datamodule)
        weights.append({"state_dict": {key: value.clone() for key, value in prepared.module.state_dict().items()}})
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
    difference = largest_difference(*weights)
    note(largest_difference_of_a_weight=difference)
    assert difference < 1e-5
