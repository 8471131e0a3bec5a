"""``report`` makes pages again from folders alone, those of sweeps with links to the pages of their runs."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.errors import DataError
from segexp.report import rebuild
from segexp.report.rebuild import Pages, write_reports
from segexp.report.run_page.page import refreshes, render_report, write_report
from segexp.report.run_page.progress import Progress
from segexp.runs.lock import Owner
from tests.report.comparison_page.made import make_run
from tests.report.made_up import write_json
from tests.report.page import Page

IMAGES = {"a": 0.5, "b": 0.75}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    folder = tmp_path / "sweep"
    make_run(folder / "000_model-cunet", IMAGES)
    make_run(folder / "001_model-unet", IMAGES, model="unet")
    broken = folder / "002_model-zoo"
    broken.mkdir()
    write_json(broken / "run.json", {"state": "failed", "error": "no memory"})
    write_json(folder / "manifest.json", {"jobs": []})
    return folder


def test_a_sweep_gets_its_page_and_those_of_its_runs(sweep: Path) -> None:
    pages, failed = write_reports(sweep)
    assert failed == []
    assert [str(page.relative_to(sweep)) for page in pages] == [
        "000_model-cunet/report.html", "001_model-unet/report.html", "002_model-zoo/report.html", "summary.html",
    ]  # fmt: skip
    links = Page(pages[-1].read_text(encoding="utf-8")).links
    assert {link for link in links if link.endswith("report.html")} == {str(p.relative_to(sweep)) for p in pages[:-1]}
    assert "failed" in pages[2].read_text(encoding="utf-8")
    runs = [Page(page.read_text(encoding="utf-8")) for page in pages[:-1]]
    assert all("../summary.html" in page.links and "sweep sweep / " in page.text for page in runs)


def test_a_page_in_a_sweep_under_way_says_when_the_summary_comes(sweep: Path) -> None:
    told = "sweep sweep (its summary is made when the sweep ends) / "
    for state, waits in (("running", True), ("waiting", True), ("finished", False)):
        write_json(sweep / "manifest.json", {"jobs": [{"number": 0, "state": state}]})
        page = Page(write_report(sweep / "000_model-cunet").read_text(encoding="utf-8"))
        assert (told in page.text) == waits
        assert "../summary.html" in page.links


def test_links_of_a_moved_sweep_still_lead_to_its_runs(sweep: Path, tmp_path: Path) -> None:
    write_reports(sweep)
    moved = tmp_path / "elsewhere"
    shutil.move(sweep, moved)
    page = Page((moved / "summary.html").read_text(encoding="utf-8"))
    for link in page.links:
        assert link.startswith("#") or (moved / link).is_file(), link


def test_a_run_of_no_sweep_leads_to_none(sweep: Path) -> None:
    (sweep / "manifest.json").unlink()
    write_reports(sweep)
    page = Page((sweep / "000_model-cunet" / "report.html").read_text(encoding="utf-8"))
    assert not [link for link in page.links if not link.startswith("#")]


def test_globs_lists_and_single_runs(sweep: Path) -> None:
    assert len(write_reports(f"{sweep}/00*")[0]) == 3
    one, other = sweep / "000_model-cunet", sweep / "001_model-unet"
    assert write_reports([one, str(other), one])[0] == [one / "report.html", other / "report.html"]
    assert not (sweep / "summary.html").exists()


def live_page(folder: Path, state: str, owner: str = "") -> str:
    """Leaves a run as a training does after an epoch."""
    write_json(folder / "run.json", {"state": state})
    (folder / ".lock").write_text(owner) if owner else None
    page = render_report(folder, Progress(1, 4, 10.0))
    (folder / "report.html").write_text(page, encoding="utf-8")
    return page


@pytest.mark.parametrize("pages", ["all", "missing"])
def test_the_page_of_a_run_under_way_is_left_to_its_training(sweep: Path, pages: Pages) -> None:
    folder = sweep / "000_model-cunet"
    live = live_page(folder, "running", Owner.here().line())
    made, failed = write_reports(sweep, pages_of_runs=pages)
    assert failed == []
    assert (folder / "report.html").read_text(encoding="utf-8") == live
    # it is where all are, so that report open=true shows it
    assert (folder / "report.html" in made) == (pages == "all")


@pytest.mark.parametrize("pages", ["all", "missing"])
@pytest.mark.parametrize(
    ("state", "owner"),
    [("running", replace(Owner.here(), started="1").line()), ("failed", ""), ("interrupted", "")],
)
def test_the_live_page_of_a_run_that_has_ended_is_none(sweep: Path, pages: Pages, state: str, owner: str) -> None:
    folder = sweep / "000_model-cunet"
    live_page(folder, state, owner)
    assert folder / "report.html" in write_reports(sweep, pages_of_runs=pages)[0]
    assert not refreshes(folder / "report.html")
    assert folder / "report.html" not in write_reports(sweep, pages_of_runs="missing")[0]


def test_a_gallery_is_made_also_where_compare_has_left_its_page(sweep: Path) -> None:
    (sweep.parent / "summary.html").write_text("<p>written by compare</p>")
    assert write_reports(sweep.parent, pages_of_runs="none")[0] == [sweep.parent / "gallery.html"]
    with pytest.raises(DataError, match="pages=none makes the gallery"):
        write_reports(sweep, pages_of_runs="none")


def test_pages_of_compare_are_left_as_they_are(sweep: Path) -> None:
    pages = [sweep.parent / name / "summary.html" for name in ("compare/2026-11-30", ".")]
    for page in pages:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<p>written by compare</p>")
    made, failed = write_reports(sweep.parent)
    assert failed == []
    assert sweep / "summary.html" in made
    assert {page.read_text() for page in pages} == {"<p>written by compare</p>"}


def test_charts_are_drawn_of_all_runs_whatever_pages_are_made(sweep: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    def draw(folder: Path, kind: str) -> list[Path]:
        drawn.append(f"{folder.name[:3]}.{kind}")
        return [folder / f"curves.{kind}"]

    monkeypatch.setattr(rebuild, "save_charts", draw)
    (sweep / "000_model-cunet" / "report.html").write_text("<p>a page</p>")
    choices: tuple[Pages, ...] = ("none", "missing", "all")
    for pages in choices:
        drawn.clear()
        made = write_reports(sweep, ["svg", "pdf"], pages)[0]
        assert drawn == ["000.svg", "000.pdf", "001.svg", "001.pdf", "002.svg", "002.pdf"]
        assert sweep / "000_model-cunet" / "curves.svg" in made


def test_a_run_that_cannot_be_read_is_named_and_the_others_are_made(sweep: Path) -> None:
    (sweep / "000_model-cunet" / "results.json").write_text("{")
    pages, failed = write_reports(sweep)
    assert len(pages) == 3
    assert len(failed) == 1
    assert "000_model-cunet" in failed[0]
    with pytest.raises(DataError, match="no valid JSON"):
        write_reports(sweep / "000_model-cunet")


def test_places_without_a_run_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no run"):
        write_reports(tmp_path / "empty")
    with pytest.raises(DataError, match="no such folder"):
        write_reports(tmp_path / "none")
    with pytest.raises(DataError, match="no run folder was given"):
        write_reports([])


def test_the_command_takes_words_and_prints_the_pages(sweep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(sweep / "000_model-cunet")]) == 0
    assert capsys.readouterr().out.strip() == str(sweep / "000_model-cunet" / "report.html")
    assert run(["report", f"run={sweep / 'none'}"]) == 2


def test_the_command_needs_no_torch(sweep: Path) -> None:
    code = (
        "import sys\nfrom segexp.cli.app import run\n"
        f"code = run(['report', {str(sweep)!r}])\n"
        "sys.exit(code or bool({'torch', 'lightning', 'matplotlib'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
