"""What is said of a path that is not there."""

from pathlib import Path

import pytest

from segexp.errors import DataError
from segexp.runs.checkpoints import refuse_missing
from segexp.runs.find import expand_place
from segexp.runs.near_paths import near_paths


@pytest.fixture(autouse=True)
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "leaves").mkdir()
    (tmp_path / "outputs" / "runs").mkdir(parents=True)
    (tmp_path / ".leavse").mkdir()
    return tmp_path


def test_near_names_and_the_place_that_was_looked_in(beside: Path) -> None:
    assert near_paths("leavse") == f". Did you mean leaves? (looked for {beside}/leavse)"
    assert near_paths(beside / "leavse") == f". Did you mean {beside}/leaves?"
    assert near_paths("xyz") == f"; beside it lie leaves, outputs (looked for {beside}/xyz)"
    assert near_paths("gone/xyz") == f" (looked for {beside}/gone/xyz)"
    assert near_paths("leaves/xyz") == f" (looked for {beside}/leaves/xyz)"


def test_runs_that_are_not_there(beside: Path) -> None:
    with pytest.raises(DataError, match=r"outputs/run: no such folder. Did you mean outputs/runs\? \(looked for /"):
        expand_place("outputs/run")
    with pytest.raises(DataError, match=r"run: no folder outputs/run; .*Did you mean outputs/runs"):
        refuse_missing(["outputs/runs", "outputs/run"])
    refuse_missing(["outputs/*", "leaves"])
