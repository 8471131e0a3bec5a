"""The state of a callback in somebody's checkpoint names no file that Lightning would remove."""

from pathlib import Path
from typing import Any

import pytest

from segexp.errors import StoredError
from segexp.training.callbacks.paths import refuse_paths

SOURCE = Path("foreign/last.ckpt")


def state(folder: str, **paths: Any) -> dict[str, Any]:
    return {"ModelCheckpoint{'monitor': 'val/loss'}": {"dirpath": folder, **paths}, "Timer": {"seconds": 3}}


@pytest.mark.parametrize(
    ("folder", "paths"),
    [
        ("/home/me/extra", {"kth_best_model_path": "/home/me/thesis.tex"}),
        ("/home/me/extra", {"kth_best_model_path": "local:///home/me/thesis"}),
        ("/home/me/extra", {"last_model_path": "/home/me/extra/../thesis.tex"}),
        ("extra", {"best_k_models": {"thesis.tex": 0.1}}),
        ("s3://mine/extra", {"best_model_path": "s3://mine/other.ckpt"}),
        ("s3://mine/extra", {"best_model_path": "s3://mine/extra/../other.ckpt"}),
        ("", {"best_model_path": "local:///x"}),
    ],
)
def test_a_file_out_of_the_folder_of_the_callback(folder: str, paths: dict[str, Any]) -> None:
    with pytest.raises(StoredError, match=r"^foreign/last\.ckpt: callbacks\.ModelCheckpoint.*a file out of its folder"):
        refuse_paths(state(folder, **paths), SOURCE)


def test_its_own_files_are_taken() -> None:
    own = {"best_model_path": "/a/b/best.ckpt", "last_model_path": "", "best_k_models": {"/a/b/best.ckpt": 0.1}}
    refuse_paths(state("/a/b", **own), SOURCE)
    refuse_paths(state("a/b", best_model_path=str(Path("a/b/x.ckpt").resolve())), SOURCE)
    refuse_paths(state("s3://mine/extra", best_model_path="s3://mine/extra/x.ckpt"), SOURCE)
    refuse_paths({}, SOURCE)
