"""A job of a sweep that is broken off when only its pictures are missing has finished."""

import json
from pathlib import Path

import pytest

from segexp.sweeps import job
from segexp.sweeps.layout import JobFiles
from segexp.training.endings import Interrupted
from tests.sweeps.made import create, seeds


@pytest.mark.parametrize(
    ("state", "outcome"), [("finished", "finished"), ("interrupted", "interrupted"), ("", "interrupted")]
)
def test_what_ctrl_c_leaves(state: str, outcome: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (one,) = seeds(0)
    create(tmp_path, [one])

    def stopped(*_: object) -> None:
        folder = tmp_path / one.folder
        folder.mkdir(parents=True)
        if state:
            (folder / "run.json").write_text(json.dumps({"state": state}))
        raise Interrupted("stop")

    monkeypatch.setattr(job, "run_training", stopped)
    assert job.run_job(tmp_path, 0) == 130
    assert JobFiles(tmp_path, 0).outcome() == (outcome, None)
