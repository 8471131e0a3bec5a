"""What a tracker has been told already is not told again, and is safe before a checkpoint is."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment

from segexp.training.loggers.background_queue import BackgroundQueue
from segexp.training.loggers.tensorboard_run import logged_by_tensorboard as in_tensorboard
from segexp.training.loggers.tracking import once_each, tell_early
from segexp.training.loggers.wandb_history import logged_by_wandb as in_wandb


class Listed(Logger):
    name, version = "listed", ""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[tuple[dict[str, float], int | None]] = []

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        self.lines.append((dict(metrics), step))

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None: ...

    @property
    @rank_zero_experiment
    def experiment(self) -> None: ...


def test_each_figure_of_a_step_is_told_once() -> None:
    logger = once_each(Listed())
    tell_early([logger, Listed()], {"loss": 1.0, "lr": 0.1}, epoch=0, step=3)
    logger.log_metrics({"loss": 1.0, "lr": 0.1, "epoch": 0}, 3)
    logger.log_metrics({"loss": 2.0, "val": 5.0, "epoch": 0}, 3)
    logger.log_metrics(metrics={"loss": 2.0}, step=4)
    assert logger.lines == [
        ({"loss": 1.0, "lr": 0.1, "epoch": 0}, 3), ({"val": 5.0}, 3), ({"loss": 2.0}, 4)
    ]  # fmt: skip


def test_what_a_killed_run_has_told_is_read_back(tmp_path: Path) -> None:
    logger = TensorBoardLogger(str(tmp_path), name="", version="")
    for step in (1, 3):
        logger.log_metrics({"val/loss": 0.5, "z_final/test/miou": 0.25}, step)
    logger.save()
    (path,) = tmp_path.glob("events*")
    path.write_bytes(path.read_bytes()[:-3])
    found = in_tensorboard(tmp_path)
    assert ("val/loss", 1) in found
    assert ("test/miou", 1) in found
    assert ("test/miou", 3) not in found
    assert in_tensorboard(tmp_path / "none") == set()


def framed(*messages: bytes) -> bytes:
    """LevelDB's framing, a message in two parts among them."""
    content = b":W&B" + bytes(3)
    for message in messages:
        for part, kind in ((message[:3], 2), (message[3:], 4)):
            content += bytes(4) + len(part).to_bytes(2, "little") + bytes([kind]) + part
    return content


def history(step: int) -> bytes:
    """A record of W&B: a loss at a step."""
    from wandb.proto import wandb_internal_pb2

    record = wandb_internal_pb2.Record()
    for name, value in {"val/loss": 0.5, "trainer/global_step": step}.items():
        item = record.history.item.add()
        item.nested_key.append(name)
        item.value_json = json.dumps(value)
    text: bytes = record.SerializeToString()
    return text


@pytest.mark.parametrize("cut", [0, 2])
def test_offline_runs_of_wandb_are_read_back(tmp_path: Path, cut: int) -> None:
    place = tmp_path / "wandb" / "offline-run-20261130-abc"
    place.mkdir(parents=True)
    content = framed(history(1), history(3))
    path = place / "run-abc.wandb"
    path.write_bytes(content[: len(content) - cut])
    os.utime(path, (0, 0))  # one that was written just now is waited for
    assert in_wandb(tmp_path) == {("val/loss", 1), *([] if cut else [("val/loss", 3)])}
    path.write_bytes(b"nothing of the kind")
    os.utime(path, (0, 0))
    assert in_wandb(tmp_path) == set()


WRITER = """
import pathlib, sys, time
stream = open(sys.argv[1], "ab")
print("open", flush=True)
time.sleep(1.5)
stream.write(pathlib.Path(sys.argv[2]).read_bytes())
"""


def test_rows_of_a_writer_that_outlives_its_run_are_waited_for(tmp_path: Path) -> None:
    """After kill -9 of a run on a busy machine: its file is old and its process of W&B still has rows."""
    place = tmp_path / "wandb" / "offline-run-20261130-abc"
    place.mkdir(parents=True)
    path, rest = place / "run-abc.wandb", tmp_path / "rest"
    content = framed(history(1), history(3))
    path.write_bytes(content[:7])
    rest.write_bytes(content[7:])
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(rest)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        os.utime(path, (0, 0))
        assert in_wandb(tmp_path) == {("val/loss", 1), ("val/loss", 3)}


def test_a_queue_is_waited_for_but_not_for_ever() -> None:
    done: list[int] = []
    queue = BackgroundQueue("service")
    queue.put(lambda: done.append(1))
    queue.drain(5.0)
    assert done == [1]
    queue.put(lambda: 1 // 0)
    queue.drain(60.0)
    assert queue.failed
