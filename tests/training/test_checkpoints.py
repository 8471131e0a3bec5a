"""Checkpoints: tensors and plain types, whole or not at all."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from segexp.errors import ResourceError
from segexp.runs.checkpoint_format import FORMAT
from segexp.spec import DataSpec
from segexp.training.callbacks.checkpoint_io import AtomicCheckpointIO
from tests.training.conftest import Finished
from tests.training.runs import go

PLAIN = (int, float, str, bool, type(None), torch.Tensor)


def odd_ones(value: Any, path: str = "") -> list[str]:
    """Places that hold something else than tensors and plain types."""
    if isinstance(value, dict):
        return [odd for key, item in value.items() for odd in odd_ones(item, f"{path}.{key}")]
    if isinstance(value, list | tuple):
        return [odd for index, item in enumerate(value) for odd in odd_ones(item, f"{path}[{index}]")]
    return [] if type(value) in PLAIN else [f"{path}: {type(value)}"]


@pytest.mark.parametrize("name", ["best", "last"])
def test_tensors_and_plain_types_only(finished: Finished, name: str) -> None:
    stored = getattr(finished, name)
    assert odd_ones({key: value for key, value in stored.items() if key != "callbacks"}) == []
    assert odd_ones(stored["callbacks"]) == []


def test_ema_and_plateau_load_safely_too() -> None:
    done = go(
        "callbacks=ema", "scheduler=plateau", "callbacks.early_stopping.patience=3", "trainer.max_time='00:01:00:00'"
    )
    assert odd_ones(done.last) == []
    assert done.last["averaging_state"]


def test_config_and_spec_are_inside(finished: Finished) -> None:
    stored = finished.best["segexp"]
    assert stored["config"] == finished.config | {"name": stored["config"]["name"]}
    spec = DataSpec.from_dict(stored["spec"])
    assert spec.classes == ("background", "building")
    assert 0 < min(spec.mean) < max(spec.mean) < 255


def test_what_is_written_is_what_is_kept_of_its_format(finished: Finished) -> None:
    """Whoever changes it raises the number of the format, and keeps a checkpoint of the one before."""
    path = Path(__file__).parents[1] / "fixtures" / "formats" / str(FORMAT) / "checkpoints" / "last.ckpt"
    kept, written = torch.load(path, weights_only=True)["segexp"], finished.last["segexp"]
    assert list(written) == list(kept)
    assert {part: list(written[part]) for part in ("spec", "split")} == {
        part: list(kept[part]) for part in ("spec", "split")
    }


def test_written_and_read_back(tmp_path: Path) -> None:
    target = tmp_path / "new" / "x.ckpt"
    AtomicCheckpointIO().save_checkpoint({"a": torch.arange(3)}, target)
    assert torch.load(target, weights_only=True)["a"].tolist() == [0, 1, 2]
    assert [path.name for path in target.parent.iterdir()] == ["x.ckpt"]


@pytest.mark.parametrize("where", ["torch.save", "os.fsync", "os.replace"])
@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_kill_in_mid_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, error: BaseException
) -> None:
    target = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"epoch": 1}, target)
    old = target.read_bytes()

    def fail(*arguments: Any) -> None:
        if where == "torch.save":
            arguments[1].write(b"half a file")
        raise error

    owner, name = {"torch.save": (torch, "save"), "os.fsync": (os, "fsync"), "os.replace": (os, "replace")}[where]
    monkeypatch.setattr(owner, name, fail)
    with pytest.raises(type(error)):
        AtomicCheckpointIO().save_checkpoint({"epoch": 2}, target)
    assert target.read_bytes() == old
    assert os.listdir(tmp_path) == ["last.ckpt"]  # noqa: PTH208


def test_a_full_disk_is_told_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch itself says "enforce fail at inline_container"."""
    target = tmp_path / "last.ckpt"

    class Full:
        def __init__(self, stream: Any) -> None:
            self.stream = stream

        def write(self, content: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.stream, name)

        def __enter__(self) -> "Full":
            return self

        def __exit__(self, *_: object) -> None:
            self.stream.close()

    first = Path.open
    monkeypatch.setattr(Path, "open", lambda self, *given, **keys: Full(first(self, *given, **keys)))
    with pytest.raises(ResourceError, match=r"last\.ckpt: no space left on the disk; make room there"):
        AtomicCheckpointIO().save_checkpoint({"weights": torch.zeros(100_000)}, target)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_a_failed_write_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("segexp.training.callbacks.checkpoint_io.torch.save", fail)
    with pytest.raises(OSError, match="disk full"):
        go()
