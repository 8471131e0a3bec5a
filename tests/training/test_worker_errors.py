"""Errors of loading processes end a run with one line that names the image; killed ones with what to do."""

import os
import re
from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.data.sampling import loader_memory, worker_board, worker_errors
from segexp.data.sampling.worker_errors import MARK, SampleError, killed_worker
from segexp.system import free_memory as shared_memory
from tests.training.runs import TINY, folders, read_json

FAILING = ("datamodule._target_=tests.training.parts.FailingImage", "trainer.max_epochs=1", "panels=0")

# How it fails -> exit code and the line that is said.
SAID = {
    "data": (2, r"photos/val_001\.png: cannot be read as an image \(3 bytes; truncated\)"),
    "bug": (2, r"val_001: the whole image could not be made: ValueError: operands could not be broadcast"),
    "memory": (
        2,
        r"val_001: not enough memory for it; Use fewer loading processes \(datamodule\.loader\.num_workers=0\).*",
    ),
}


@pytest.mark.parametrize(("how", "workers"), [("data", 0), ("data", 2), ("bug", 2), ("memory", 2)])
def test_an_error_in_a_sample_is_one_line_with_its_image(
    how: str, workers: int, capsys: pytest.CaptureFixture[str]
) -> None:
    code, line = SAID[how]
    assert run([*TINY, *FAILING, f"+datamodule.how={how}", f"datamodule.loader.num_workers={workers}"]) == code
    assert re.fullmatch(f"segexp: {line}\n", capsys.readouterr().err)
    (folder,) = folders()
    record = read_json(folder / "run.json")
    assert record["state"] == "failed"
    assert re.search(line, record["error"])


def test_debug_shows_the_trace_of_the_worker(capsys: pytest.CaptureFixture[str]) -> None:
    run([*TINY, *FAILING, "+datamodule.how=bug", "datamodule.loader.num_workers=2", "debug=true"])
    err = capsys.readouterr().err
    assert "Caught SampleError in DataLoader worker process" in err
    assert "raise errors[self.how]" in err
    assert "could not be made: ValueError" in err.splitlines()[-1]


def test_a_killed_worker_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, *FAILING, "+datamodule.how=killed", "datamodule.loader.num_workers=2"]) == 1
    err = capsys.readouterr().err
    assert re.match(
        r"segexp: a loading process ended \((is killed by signal: Killed|exited unexpectedly)\) while it made "
        r"the whole image, image val_00\d \(worker [01], process \d+\), most likely by the system",
        err,
    )
    assert "memory ran out" in err
    assert "datamodule.loader.num_workers=0" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("DataLoader worker (pid(s) 12, 13) exited unexpectedly", ["(exited unexpectedly)", "num_workers"]),
        (
            "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's workers are "
            "out of shared memory. Please try to raise your shared memory limit.",
            ["(is killed by signal: Bus error)", "/dev/shm", "--shm-size"],
        ),
    ],
)
def test_what_torch_says_of_dead_workers(text: str, parts: list[str]) -> None:
    shown = killed_worker(RuntimeError(text))
    assert shown is not None
    assert shown.exit_code == 1
    assert all(part in str(shown) for part in parts)


def test_other_errors_are_left_alone() -> None:
    assert killed_worker(RuntimeError("CUDA out of memory")) is None
    assert killed_worker(KeyError("DataLoader worker (pid 7) is killed")) is None
    assert str(SampleError("a.png: gone")) == "a.png: gone"
    assert str(SampleError(f"Caught it.\nTrace\n{MARK}a.png: gone\nand more\n")) == "a.png: gone\nand more"


@pytest.mark.parametrize(("free", "where"), [("free_shared", "shared memory (/dev/shm)"), ("free_memory", "memory")])
def test_too_little_memory_is_found_before_training(
    free: str, where: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(loader_memory, free, lambda: 20_000)
    # 2 workers, 2 batches each of 2 samples of 32x32 pixels with 4 bytes.
    assert 2 * 2 * 2 * 32 * 32 * 4 > 20_000
    assert run([*TINY, "datamodule.loader.num_workers=2"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("segexp: datamodule.loader.num_workers: 2 loading processes hold up to 2 batches each")
    assert f"of {where} are free; use fewer (0: none)" in err
    assert not folders()
    assert run([*TINY, "datamodule.loader.num_workers=0", "trainer.max_epochs=0"]) == 2  # only the length is refused
    assert "num_workers" not in capsys.readouterr().err


def test_free_memory_is_that_of_the_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_memory, "CGROUP", tmp_path)
    monkeypatch.setattr(shared_memory, "MEMORY", tmp_path / "meminfo")
    (tmp_path / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable:   5000 kB\n")
    assert shared_memory.free_memory() == 5000 * 1024
    for name, text in (
        ("memory.max", "3000000"),
        ("memory.current", "2500000"),
        ("memory.stat", "inactive_file 100000\n"),
    ):
        (tmp_path / name).write_text(text)
    assert shared_memory.free_memory() == 600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert shared_memory.free_memory() == 5000 * 1024
    assert (shared_memory.gib(3 * 2**29), shared_memory.gib(2**26), shared_memory.gib(None)) == (
        "1.5 GiB", "64 MiB", "an unknown amount",
    )  # fmt: skip


def test_a_crash_is_told_from_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    board = worker_board.new_board(2)
    assert board is not None
    board.write(1, "training sample 3 of epoch 1, image photos/a b.tif")
    text = f"DataLoader worker (pid {os.getpid()}) is killed by signal: %s. "
    shown = str(killed_worker(RuntimeError(text % "Segmentation fault")))
    assert shown.startswith(
        "a loading process ended (is killed by signal: Segmentation fault) while it made training sample 3 of epoch 1, "
        f"image photos/a b.tif (worker 1, process {os.getpid()}): a library crashed in it."
    )
    monkeypatch.setattr(worker_errors, "oom_kills", lambda: (board.oom_kills or 0) + 1)
    board.oom_kills = board.oom_kills or 0
    assert "), by the system because memory ran out" in str(killed_worker(RuntimeError(text % "Killed")))
    (work,) = [found for found in worker_board.busy_workers() if found.pid == os.getpid()]
    assert (work.worker, 0 <= work.seconds < 60) == (1, True)
    board.write(1, "")
    assert str(killed_worker(RuntimeError(text % "Killed"))).startswith(
        f"a loading process ended (is killed by signal: Killed) while it waited (worker 1, process {os.getpid()})"
    )
    assert not [found for found in worker_board.busy_workers() if found.pid == os.getpid()]
