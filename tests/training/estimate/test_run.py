"""What a run says that it will take, and what is refused for it."""

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.config.experiment import Experiment
from segexp.data.splits.rules import PHASES
from segexp.errors import ConfigError
from segexp.system.free_memory import gib
from segexp.training.building.optimizer import first_step_numbers, optimizer_numbers
from segexp.training.estimate import limits
from segexp.training.estimate.duration import TimeEstimate, ends, in_words, time_left
from segexp.training.estimate.limits import Room, refuse_oversize, smaller, warn_of_size
from segexp.training.estimate.memory import MemoryEstimate
from segexp.training.estimate.probe import draw_batch
from segexp.training.estimate.run import RunEstimate, estimate_run
from segexp.training.estimate.step_time import train_once
from segexp.training.hardware import with_hardware
from segexp.training.prepare import Prepared, prepare
from tests.training.conftest import Finished
from tests.training.runs import TINY, composed, folders

MIB = 2**20


def taken(experiment: Experiment) -> tuple[Prepared, RunEstimate]:
    prepared = prepare(with_hardware(experiment), allocator=False)
    items = {phase: prepared.datamodule.items(phase) for phase in PHASES}
    return prepared, estimate_run(prepared.experiment, prepared.module, prepared.datamodule, items, Path())


def test_weights_gradients_and_state_are_exact() -> None:
    prepared, found = taken(composed("optimizer=adamw"))
    numbers = sum(p.numel() for p in prepared.module.model.parameters())
    buffers = sum(b.numel() for b in prepared.module.buffers())
    memory = found.memory
    assert (memory.weights, memory.gradients, memory.optimizer) == (4 * (numbers + buffers), 4 * numbers, 8 * numbers)
    assert memory.known and memory.batch == 2
    # An image of 32x32 pixels and three channels is the least that a sample leaves.
    assert memory.activations > 2 * memory.sample > 2 * 3 * 32 * 32 * 4
    assert memory.total == (
        memory.weights + memory.gradients + memory.optimizer + memory.activations + memory.reserve + memory.data
        + memory.program
    )  # fmt: skip
    assert memory.data == 10 * 32 * 32 * 4, "ten images of RGB with their masks"
    assert found.disk.checkpoints == 3 * (memory.weights + memory.optimizer)

    first = next(prepared.module.model.parameters())
    first.requires_grad_(False)
    items = {phase: prepared.datamodule.items(phase) for phase in PHASES}
    frozen = estimate_run(prepared.experiment, prepared.module, prepared.datamodule, items, Path()).memory
    assert memory.gradients - frozen.gradients == 4 * first.numel(), "frozen weights have no gradient"
    assert memory.optimizer - frozen.optimizer == 8 * first.numel(), "and no state"


def test_steps_are_measured_on_what_the_task_learns() -> None:
    prepared = prepare(with_hardware(composed("task=reconstruction", "augment=none")), allocator=False)
    batch = draw_batch(prepared.datamodule, prepared.datamodule.items("train"))
    assert batch["target"].ndim == 3, "masks, of which a reconstruction learns nothing"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train_once(prepared.module, batch, "cpu")


@pytest.mark.parametrize(
    ("name", "keys", "numbers"),
    [("SGD", {}, 0), ("SGD", {"momentum": 0.9}, 1), ("Adam", {}, 2), ("LBFGS", {"history_size": 5}, 13)],
)
def test_numbers_that_an_optimizer_keeps(name: str, keys: dict[str, float], numbers: float) -> None:
    section = {"_target_": f"torch.optim.{name}", "lr": 0.1, **keys}
    assert optimizer_numbers(section) == numbers
    # LBFGS: the direction and the gradient before; its history comes with later steps.
    assert first_step_numbers(section) == (2 if name == "LBFGS" else numbers)


def test_a_run_says_it_in_its_first_lines_and_in_run_json(finished: Finished) -> None:
    memory, disk = finished.record["estimate"]["memory"], finished.record["estimate"]["disk"]
    assert memory["weights"] >= 4 * finished.record["model"]["parameters"]
    assert memory["total"] > memory["least"] > memory["weights"]
    log = (finished.path / "log.txt").read_text(encoding="utf-8")
    assert f"memory      about {gib(memory['total'])}: weights " in log
    written = sum(path.stat().st_size for path in (finished.path / "checkpoints").iterdir())
    # The third is the one that is being written; words and tables come to the weights of so small a network.
    assert disk["checkpoints"] * 2 // 3 <= written <= disk["total"]


def test_what_cannot_fit_is_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(limits, "memory_limit", lambda: 2**14)  # one image of 32x32 and the ten decoded are more
    assert run([*TINY]) == 2
    err = capsys.readouterr().err
    assert err.startswith("segexp: memory: training takes ") and err.count("\n") == 1
    assert "but the memory that this process may have is 0 MiB" in err and "trainer.allow_oversize=true" in err
    assert not folders()


@pytest.fixture
def estimate() -> Callable[[int], MemoryEstimate]:
    """Fixed parts of 60 MiB, and 10 MiB for each sample of a batch of 8; on a GPU, of which 10 % are a reserve."""
    one = MemoryEstimate(
        "cuda", 8, 20 * MIB, 20 * MIB, 20 * MIB, 80 * MIB, 5 * MIB, 0, 7 * MIB, 9 * MIB, first_state=20 * MIB
    )
    return one.with_batch


def test_only_a_lower_bound_refuses(estimate: Callable[[int], MemoryEstimate]) -> None:
    found = estimate(8)
    assert (found.least, found.total) == (65 * MIB, 154 * MIB)
    refuse_oversize(found, Room(65 * MIB, MIB, "it"))
    refuse_oversize(found, Room(MIB, MIB, "it"), allowed=True)
    refuse_oversize(found, Room(None, None, "it"))
    with pytest.raises(ConfigError) as refused:
        refuse_oversize(found, Room(100 * MIB, MIB, "it"), 2)
    assert str(refused.value).startswith(
        "memory: training takes 130 MiB at least (weights 40 MiB, gradients 40 MiB, optimiser state 40 MiB, one sample "
        "10 MiB in 2 processes together), but it is 100 MiB; use a smaller model"
    )
    assert replace(found, first_state=2 * MIB).least == 47 * MIB, "state of later steps is no lower bound"
    on_cpu = replace(found, device="cpu", decoded=6 * MIB, images=3 * MIB)
    assert on_cpu.least == 74 * MIB, "decoded images count, loading processes and libraries do not"
    with pytest.raises(ConfigError, match=r"142 MiB .*one sample 10 MiB, images 6 MiB, decoded images 6 MiB in 2 p"):
        refuse_oversize(on_cpu, Room(141 * MIB, MIB, "it"), 2)
    refuse_oversize(on_cpu, Room(142 * MIB, MIB, "it"), 2)
    keys = {"datamodule.loader.batch_size": 8, "datamodule.crop_size": 128}
    (line,) = warn_of_size(found, Room(200 * MIB, 120 * MIB, "it"), keys)
    assert "about 154 MiB, but 120 MiB of it are free now" in line
    assert line.endswith("use datamodule.loader.batch_size=4 or datamodule.crop_size=96")
    assert not list(warn_of_size(found, Room(200 * MIB, 160 * MIB, "it"), keys))


def test_proposed_values_fit(estimate: Callable[[int], MemoryEstimate]) -> None:
    found = estimate(8)
    assert found.largest_batch(154 * MIB) == 8
    assert found.largest_batch(150 * MIB) == 7
    assert found.largest_batch(60 * MIB) == 0
    assert found.with_batch(found.largest_batch(150 * MIB)).total <= 150 * MIB
    both = replace(found, batch=4, activations=40 * MIB)
    words = list(smaller(both, 88 * MIB, {"datamodule.loader.batch_size": 8, "datamodule.crop_size": None}))
    assert words == ["datamodule.loader.batch_size=4"], "two processes of two samples each"
    assert list(smaller(found, MIB, {"datamodule.loader.batch_size": 8, "datamodule.crop_size": 128})) == []


def test_time_in_words_and_by_the_clock() -> None:
    now = datetime(2026, 11, 30, 14, 30)
    found = TimeEstimate(0.5, 100, 10, 0.5, 60, 5, 7)
    assert (found.epoch, found.whole) == (55, 3305)
    assert found.described(now) == "0.5 s a step, about 55 s an epoch, 55 min in all: ends about 15:25"
    assert replace(found, epochs=None).described(now) == "0.5 s a step, about 55 s an epoch"
    assert ends(40_000, now) == "ends about 2026-12-01 01:36"
    shown = [in_words(seconds) for seconds in (3.21, 59.6, 600, 7_260, 100_000)]
    assert shown == ["3.2 s", "60 s", "10 min", "2 h 1 min", "1 d 3 h"]


def test_time_that_is_left() -> None:
    rows = [{"epoch": number, "seconds": 10.0 * number} for number in range(8)]
    assert time_left(rows, 10) == 2 * 50, "by the mean of the latest five"
    assert time_left(rows, None) is None
    assert time_left(rows, 10, most=30) == 30
    assert time_left([], 10) is None


def test_check_says_the_same_and_measures_steps(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", *TINY, "probe=0.01", "format=json"]) == 0
    found = json.loads(capsys.readouterr().out)["estimate"]
    _, takes = taken(composed())
    for part in ("weights", "gradients", "optimizer", "activations", "data"):
        assert found["memory"][part] == getattr(takes.memory, part), part
    assert found["disk"]["checkpoints"] == takes.disk.checkpoints
    time = found["time"]
    assert (time["steps"], time["epochs"], time["validations"]) == (2, 2, 1.0), "four images in batches of two"
    assert time["step"] > 0 and time["epoch"] == pytest.approx(2 * time["step"] + time["validation"])
    assert time["whole"] == pytest.approx(2 * time["epoch"] + time["test"])
