"""datamodule.loader.batch_size=auto, and what is said where a step runs out of memory."""

from typing import Any
from unittest import mock

import pytest
import torch

from segexp.cli.app import run as run_command
from segexp.data.settings import DataSettings
from segexp.errors import ConfigError
from segexp.training.estimate import batch_size
from segexp.training.estimate.batch_size import FoundBatch, _corrected, _halved
from segexp.training.estimate.memory import MemoryEstimate
from segexp.training.estimate.out_of_memory import is_out_of_memory
from segexp.training.resuming.run_split import taken_up
from tests.training.runs import TINY, composed, folders, go

MIB = 2**20
AUTO = ("datamodule.loader.batch_size=auto", "datamodule.train_images=6")


def test_a_run_finds_stores_and_says_its_batch_size(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of six samples an epoch four are the largest power of two; the weights are those of a run with 4."""
    found = go(*AUTO, "trainer.max_epochs=1")
    assert found.last["segexp"]["config"]["datamodule"]["loader"]["batch_size"] == 4
    assert "    batch_size: 4\n" in (found.path / "config.yaml").read_text(encoding="utf-8")
    assert found.record["data"]["loader"]["batch_size"] == 4
    (note,) = [note for note in found.content["notes"] if note.startswith("datamodule.loader.batch_size=auto: 4, ")]
    assert note in capsys.readouterr().out
    given = go("datamodule.loader.batch_size=4", *AUTO[1:], "trainer.max_epochs=1")
    first, second = found.last["state_dict"], given.last["state_dict"]
    assert all(torch.equal(first[name], second[name]) for name in first), "no trial has left a trace"
    # The same words once more go on with the size that was found, whatever fits now.
    again = taken_up(composed(*AUTO, f"resume={found.path}"))
    assert again.datamodule["loader"]["batch_size"] == 4


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("trainer.overfit_batches=1",), "trainer.overfit_batches=1 trains on a few batches"),
        (("trainer.devices=2",), "trainer.devices=2 may be several"),
        (("datamodule.loader.eval_batch_size=auto",), "datamodule.loader.eval_batch_size: found 'auto', expected"),
        (("datamodule.loader.batch_size=all",), "expected a whole number, a value of at least 1 | auto"),
    ],
)
def test_where_it_means_nothing(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        composed(*AUTO, *words)
    assert why in str(caught.value) and "\n" not in str(caught.value)


def test_a_datamodule_built_by_hand_wants_a_number() -> None:
    with pytest.raises(ConfigError, match=r"found auto, .* give a number here"):
        DataSettings(loader={"batch_size": "auto"})


@pytest.fixture
def estimate() -> MemoryEstimate:
    """Fixed parts of 60 MiB, 10 MiB for each of 8 samples."""
    return MemoryEstimate("cuda", 8, 20 * MIB, 20 * MIB, 20 * MIB, 80 * MIB, 5 * MIB, 0, 0, 0)


def test_a_gpu_is_tried_with_ever_smaller_batches() -> None:
    def step(size: int) -> None:
        if size > 10:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    assert _halved(32, step, 0) == FoundBatch(8, (32, 16, 8), 0)
    with pytest.raises(ZeroDivisionError):
        _halved(32, lambda size: 1 // 0, 0)


def test_on_a_processor_a_small_batch_corrects_the_estimate(
    estimate: MemoryEstimate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step took 140 MiB beyond gradients and state where 80 and a reserve of 14 were expected."""
    monkeypatch.setattr(batch_size, "process_memory", lambda: 500 * MIB)
    monkeypatch.setattr(batch_size, "forget_peak", lambda: True)
    monkeypatch.setattr(batch_size, "peak_memory", lambda: 680 * MIB)
    tried: list[int] = []
    corrected = _corrected(estimate, tried.append)
    assert tried == [8]
    assert corrected.activations == 140 * MIB * 80 * MIB // (80 * MIB + estimate.reserve)
    monkeypatch.setattr(batch_size, "peak_memory", lambda: 560 * MIB)
    assert _corrected(estimate, tried.append) == estimate, "never less than the estimate"


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("shapes do not match"), False),
        (ConfigError("not enough memory"), False),
    ],
)
def test_errors_of_memory_are_known(error: Exception, found: bool) -> None:
    assert is_out_of_memory(error) is found


@pytest.mark.parametrize(
    ("where", "error", "words"),
    [
        (
            "training_step",
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
            ("datamodule.loader.batch_size=1", "trainer.accumulate_grad_batches=2 makes the gradients those of before"),
        ),
        (
            "validation_step",
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
            ("inference.window=256", "datamodule.loader.eval_batch_size=1"),
        ),
    ],
)
def test_a_step_that_does_not_fit_says_what_to_lower(
    where: str, error: Exception, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """In the second epoch: the first one is kept, and the line to go on with it is said."""
    from segexp.tasks.segmentation import Segmentation

    original = getattr(Segmentation, where)

    def step(self: Any, *args: Any) -> Any:
        if self.current_epoch == 1:
            raise error
        return original(self, *args)

    with mock.patch.object(Segmentation, where, step):
        assert run_command([*TINY]) == 1
    told = capsys.readouterr()
    (line,) = [line for line in told.err.splitlines() if line.startswith("segexp: ")]
    assert line.startswith(f"segexp: not enough memory for a step of {where.partition('_')[0]} on cpu: ")
    assert all(word in line for word in words)
    assert "Traceback" not in told.err
    assert "the first 1 epochs are kept in " in told.out and "resume=" in told.out
    (folder,) = folders()
    assert (folder / "checkpoints/last.ckpt").is_file()
