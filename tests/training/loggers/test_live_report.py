"""The page of a run that goes on: it refreshes itself, tells how far it is, and gives way to the final one."""

import logging
import re
from functools import partial
from pathlib import Path

import pytest

from segexp.errors import RunFolderGoneError
from segexp.evaluation.afterwards import Afterwards
from segexp.report.run_page.page import write_report
from segexp.report.run_page.progress import Progress
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord
from segexp.training.endings import ended
from segexp.training.estimate.duration import TimeEstimate, ends, time_left
from segexp.training.loggers import live_report
from segexp.training.loggers.epoch_table import EpochTable
from segexp.training.loggers.live_report import LiveReport, find_progress
from tests.report.made_up import results, run, write_json
from tests.report.page import Page

CURVE = (0.5, 0.7, 0.6)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    write_json(tmp_path / "run.json", run() | {"state": "running"})
    found = RunFolder(tmp_path)
    found.watch()
    return found


def train(folder: RunFolder, seconds: float | None) -> EpochTable:
    table = EpochTable(folder, "val/miou", "max", 40, live_report=seconds)
    for epoch, value in enumerate(CURVE):
        table.log_metrics({"epoch": epoch, "val/miou": value})
        table.log_metrics({"epoch": epoch, "train/loss": 1.0 - value, "seconds": 90.0})
    return table


def test_it_tells_how_far_the_training_is(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_report, "MOST_SHARE", 1e6)
    train(folder, 1e-9)
    text = (folder.path / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert 'http-equiv="refresh" content="60"' in text
    assert "epoch 3 of 40 · 2 min an epoch · about 56 min left to train, ends about" in page.text
    assert "best so far: epoch 2" in page.text
    assert '<progress max="40" value="3"' in text
    assert [chart for chart in page.charts if chart.startswith("Validation measures")]
    assert "running" in page.text
    assert "Not in this page" not in page.text
    # nothing is loaded from elsewhere
    assert page.sources == []


def test_the_final_page_takes_its_place(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_report, "MOST_SHARE", 1e6)
    train(folder, 1e-9)
    write_json(folder.path / "run.json", run())
    write_json(folder.path / "results.json", results())
    text = write_report(folder.path).read_text(encoding="utf-8")
    assert "http-equiv" not in text
    assert "this page loads itself again" not in text


@pytest.mark.parametrize("watched", [True, False])
def test_a_run_that_fails_leaves_no_page_that_refreshes_itself(tmp_path: Path, watched: bool) -> None:
    folder = RunFolder(tmp_path)
    folder.watch()
    record = RunRecord(folder, ["segexp"], {})
    if watched:
        LiveReport(folder, 1e-9).update(lambda: Progress(1, 4, 10.0))
        assert "http-equiv" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert str(ended(RuntimeError("no more"), folder, record, Afterwards(tmp_path, "again"))) == "no more"
    assert (tmp_path / "report.html").is_file() == watched
    if watched:
        text = (tmp_path / "report.html").read_text(encoding="utf-8")
        assert "http-equiv" not in text
        assert "RuntimeError: no more" in text


@pytest.mark.parametrize("seconds", [None, 1000.0])
def test_switched_off_or_too_soon_there_is_none(folder: RunFolder, seconds: float | None) -> None:
    train(folder, seconds)
    assert not (folder.path / "report.html").exists()
    assert (folder.path / "metrics.csv").is_file()


def test_it_takes_little_of_the_time(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    written = []

    def render(path: Path, progress: Progress) -> str:
        now[0] += 3.0
        written.append(progress.epoch)
        return "page"

    monkeypatch.setattr(live_report.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(live_report, "render_report", render)
    live = LiveReport(folder, 10.0)
    for epoch in range(1, 301):
        now[0] += 1.0
        live.update(partial(Progress, epoch, None, 10.0))
    # but for the first time 3 s of writing ask for 150 s of training
    assert written == [10, 20, 170]


def test_a_page_that_cannot_be_made_costs_one_line(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(live_report, "render_report", broken)
    # those that runs of other tests have left would write it again
    monkeypatch.setattr(logging.getLogger("segexp"), "handlers", [])
    monkeypatch.setattr(logging.getLogger("segexp"), "propagate", True)
    live = LiveReport(folder, 1e-9)
    with caplog.at_level(logging.WARNING):
        for epoch in (1, 2):
            live.update(partial(Progress, epoch, 4, 10.0))
    assert len(re.findall("report.html is not written while training", caplog.text)) == 1


def test_into_a_folder_that_is_gone_nothing_is_written(folder: RunFolder, tmp_path: Path) -> None:
    folder.path.rename(tmp_path.with_name("elsewhere"))
    live = LiveReport(folder, 1e-9)
    folder.path.mkdir()
    write_json(folder.path / "run.json", run())
    with pytest.raises(RunFolderGoneError):
        live.update(lambda: Progress(1, 4, 10.0))
    assert not (folder.path / "report.html").exists()


@pytest.mark.parametrize("seconds", [None, 1e-9])
def test_a_training_without_an_end_is_told_without_the_day_of_it(folder: RunFolder, seconds: float | None) -> None:
    table = EpochTable(folder, "val/miou", "max", 10**12, live_report=seconds)
    for epoch in range(2):
        table.log_metrics({"epoch": epoch, "train/loss": 0.5, "seconds": 90.0})
    page = folder.path / "report.html"
    assert page.is_file() == (seconds is not None)
    assert seconds is None or " left to train" in Page(page.read_text(encoding="utf-8")).text
    assert "ends about" not in (page.read_text(encoding="utf-8") if page.is_file() else "")


def test_what_lasts_beyond_the_calendar_has_no_day_of_its_end() -> None:
    estimate = TimeEstimate(0.5, 10, 1.0, 1.0, 10**12, 3.0, 5)
    assert estimate.described() == "0.5 s a step, about 6.0 s an epoch, 69444444 d 10 h in all"
    assert ends(1e300) == ends(float("inf")) == ""
    assert time_left([{"epoch": 0.0, "seconds": 1.0}], 10**400) is None


def test_how_far_it_is_is_asked_where_a_page_is_due_alone(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Progress:
        raise OverflowError("date value out of range")

    # those that runs of other tests have left would write it again
    monkeypatch.setattr(logging.getLogger("segexp"), "handlers", [])
    monkeypatch.setattr(logging.getLogger("segexp"), "propagate", True)
    with caplog.at_level(logging.WARNING):
        LiveReport(folder, None).update(broken)
        LiveReport(folder, 1000.0).update(broken)
        assert caplog.text == ""
        LiveReport(folder, 1e-9).update(broken)
    assert "report.html is not written while training (OverflowError: date value out of range)" in caplog.text


def test_progress_of_odd_tables() -> None:
    row = {"epoch": 0.0, "val/miou": float("nan")}
    assert find_progress([row], None, None, "val/miou", 1, 10.0) == Progress(1, None, 10.0, "val/miou")
    rows = [{"epoch": float(epoch), "val/loss": loss} for epoch, loss in enumerate((2.0, 1.0, 1.0))]
    found = find_progress(rows, 3, 0.0, "val/loss", -1, 1.0)
    assert (found.best_epoch, found.facts, found.refresh, found.title) == (1, ("the test follows",), 5, "epoch 3 of 3")
    assert Progress(7, None, 1e9).refresh == 60
