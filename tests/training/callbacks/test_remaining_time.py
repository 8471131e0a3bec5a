"""How long a training will last is said after its first seconds, and then with every epoch."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from segexp.runs.folder import RunFolder
from segexp.training.callbacks import remaining_time
from segexp.training.callbacks.remaining_time import RemainingTime
from segexp.training.loggers.epoch_table import EpochTable
from segexp.training.run_length import Batches, RunLength
from segexp.windows.settings import Inference


@pytest.mark.parametrize(
    ("epochs", "said"), [(40, "2 s a step, about 3 min an epoch, 2 h 13 min in all: ends "), (None, "")]
)
def test_first_steps_are_measured(
    epochs: int | None, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps of 2 s each, of which the first three do not count; 100 an epoch."""
    lines: list[str] = []
    clock = iter(2.0 * number for number in range(1000))
    monkeypatch.setattr(remaining_time.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(remaining_time.LOG, "info", lines.append)
    callback = RemainingTime(RunLength(Batches(100, 4, 4), Batches(100, 4, 4), 100, 4000, epochs), Inference())
    trainer: Any = SimpleNamespace(datamodule=None, current_epoch=0, check_val_every_n_epoch=1, is_global_zero=True)
    module: Any = None
    for _ in range(20):
        callback.on_train_batch_end(trainer, module)
    assert [line.partition("ends ")[0] + "ends " for line in lines] == ([f"time        {said}"] if said else [])


def test_lines_of_epochs_say_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    monkeypatch.setattr("segexp.training.loggers.epoch_table.LOG", SimpleNamespace(info=lines.append))
    for most, epochs in ((None, 31), (130.0, 31), (None, 3), (None, None)):
        table = EpochTable(RunFolder(tmp_path), "val/miou", "max", epochs, most_seconds=most)
        table.log_metrics({"epoch": 0, "val/miou": 0.5, "train/loss": 1.0, "seconds": 20.0})
    ends = [line.partition("20.0 s")[2] for line in lines]
    assert ends == ["  10 min left  best", "  2 min left  best", "  best", "  best"]


def test_windows_that_overlap_are_seen_more_than_once() -> None:
    inference = Inference(window=100, overlap=0.5)
    assert inference.seen_pixels(100, 80) == 8000
    assert inference.seen_pixels(200, 100) == 3 * 100 * 100
    assert Inference(window=None).seen_pixels(5000, 5000) == 5000**2
