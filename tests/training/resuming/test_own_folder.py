"""A run that is stopped between two things that record its end leaves no page that refreshes itself for ever."""

from dataclasses import replace
from pathlib import Path

import pytest

from segexp.errors import Interrupted
from segexp.invocation import Invocation
from segexp.report.run_page.page import REPORT, refreshes, render_report
from segexp.report.run_page.progress import Progress
from segexp.training.resuming.own_folder import own_run_folder
from tests.training.runs import composed, read_json


def test_its_live_page_gives_way_to_a_final_one(tmp_path: Path) -> None:
    experiment = replace(composed(), invocation=Invocation(folder=tmp_path / "run"))
    with pytest.raises(Interrupted), own_run_folder(experiment) as folder:
        folder.write_json("run.json", {"state": "running"})
        folder.write_text(REPORT, render_report(folder.path, Progress(1, 4, 10.0)))
        assert refreshes(folder.path / REPORT)
        raise KeyboardInterrupt
    assert read_json(folder.path / "run.json")["state"] == "interrupted"
    assert (folder.path / REPORT).is_file() and not refreshes(folder.path / REPORT)
