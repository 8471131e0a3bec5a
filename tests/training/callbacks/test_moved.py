"""A ModelCheckpoint of the user's knows its files after the run folder was moved."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from segexp.training.callbacks.moved import follow_folder, moved


def state(folder: str) -> dict[str, Any]:
    best = f"{folder}/a.ckpt"
    return {
        "dirpath": folder, "best_model_path": best, "kth_best_model_path": best, "last_model_path": "",
        "best_k_models": {best: torch.tensor(0.5)}, "best_model_score": torch.tensor(0.5), "kth_value": 0.5,
    }  # fmt: skip


def test_files_are_found_again_and_removed_for_better_ones(tmp_path: Path) -> None:
    callback = ModelCheckpoint(str(tmp_path / "extra"), monitor="val/loss")
    (follow,) = follow_folder(str(tmp_path / "checkpoints" / "last.ckpt"), tmp_path)
    checkpoint = {"callbacks": {callback.state_key: state("/old/run/extra")}}
    trainer: Any = SimpleNamespace(callbacks=[callback, follow])
    follow.on_load_checkpoint(trainer, None, checkpoint)  # type: ignore[arg-type] # no module is needed
    callback.load_state_dict(checkpoint["callbacks"][callback.state_key])
    best = str(tmp_path / "extra" / "a.ckpt")
    assert callback.best_k_models == {best: torch.tensor(0.5)}
    assert (callback.best_model_path, callback.kth_best_model_path, callback.last_model_path) == (best, best, "")


@pytest.mark.parametrize("there", ["/old/run/other", "s3://mine/extra", "", "/elsewhere"])
def test_another_folder_is_left_as_it_is(there: str, tmp_path: Path) -> None:
    assert moved(state(there), str(tmp_path / "extra"), tmp_path) == state(there)


def test_a_folder_out_of_the_run_has_not_moved_with_it(tmp_path: Path) -> None:
    assert moved(state("/old/extra"), "/mnt/extra", tmp_path) == state("/old/extra")


def test_a_new_run_does_not_take_over_files_of_the_earlier_one(tmp_path: Path) -> None:
    assert follow_folder(None, tmp_path) == []
    assert follow_folder(str(tmp_path / "a" / "checkpoints" / "last.ckpt"), tmp_path / "b") == []
