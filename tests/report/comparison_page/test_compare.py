"""The three summaries: their contents, links, and what the page needs."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import cv2
import numpy as np
import pytest

from segexp.errors import DataError
from segexp.report.comparison_page.compare import compare, summary_folder, write_summary
from segexp.report.pictures.panels import draw_panel, split_panel
from segexp.report.pictures.png import save_png
from tests.report.comparison_page.made import make_run
from tests.report.made_up import VESSELS, write_json
from tests.report.run_page.test_page import Page, without_scripts

ROOT = Path(__file__).parents[3]


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Two seeds of cunet, one run of unet, one that failed."""
    folder = tmp_path / "a sweep#1"
    make_run(folder / "1", {"a": 0.5, "b": 0.7, "c": 0.3}, seed=0)
    make_run(folder / "2", {"a": 0.7, "b": 0.5, "c": 0.5}, seed=1, train_seconds=80.0)
    make_run(folder / "3", {"a": 0.7, "b": 0.7, "c": 0.7}, model="unet")
    make_run(folder / "4", {"a": 0.7}, model="wnet", state="failed", error="out of memory")
    return folder


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_csv_has_a_row_per_configuration_with_every_figure(sweep: Path) -> None:
    files = write_summary(sweep)
    assert [file.name for file in files] == ["summary.csv", "summary.md", "summary.html"]
    assert all(file.parent == sweep for file in files)
    first, second = rows(sweep / "summary.csv")
    assert (first["configuration"], first["model"], first["seeds"], first["n"]) == ("unet", "unet", "0", "1")
    assert (second["configuration"], second["seeds"], second["n"]) == ("cunet", "0 1", "2")
    # Means of the images: 0.5 and 17/30; the pooled Dice is 0.01 higher.
    mean = (0.5 + 1.7 / 3) / 2
    assert float(second["test/image_dice/vessel"]) == pytest.approx(mean)
    assert float(second["test/dice/vessel"]) == pytest.approx(mean + 0.01)
    assert float(second["test/dice/vessel.sd"]) == pytest.approx((1.7 / 3 - 0.5) / 2**0.5)
    assert second["test/dice/vessel.n"] == "2"
    assert first["test/dice/vessel.sd"] == ""
    assert float(second["train_seconds"]) == 70.0
    assert second["parameters"] == "1000"
    assert float(second["train_samples_per_second"]) == pytest.approx(33.333333)
    assert (second["difference_of"], second["difference_to"]) == ("miou", "unet")
    assert second["difference_averaged"] == "mean over images"
    assert float(second["difference"]) == pytest.approx(mean - 0.7)
    assert (second["images_better"], second["images_worse"]) == ("0", "3")
    assert float(second["difference.low"]) < float(second["difference"]) < float(second["difference.high"])
    assert second["runs"] == "1 2"
    assert (first["difference"], first["difference_to"]) == ("", "")
    assert "test/mean/ece" not in first


def test_the_markdown_marks_the_best(sweep: Path) -> None:
    write_summary(sweep)
    text = (sweep / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("# 2 configurations on drive\n")
    line = next(line for line in text.splitlines() if line.startswith("| unet |"))
    assert line.split(" | ")[1:4] == ["1", "**0.6000**", "**0.6000**"]
    line = next(line for line in text.splitlines() if line.startswith("| cunet |"))
    assert line.split(" | ")[1:3] == ["2", "0.4333 ± 0.0471"]
    assert "| cunet | -0.1667 | [-0.3000, -0.1000] | 0.250 | 0 | 3 | 3 |" in text
    assert "- 4 (failed): out of memory" in text
    assert "> There are 3 test images: with fewer than 20" in text


def test_an_arrow_is_explained_where_there_is_one(sweep: Path, tmp_path: Path) -> None:
    figures = {"miou": 0.5, "hd95": {"vessel": 12.0}}
    results = {"units": {"hd95": "px"}, "rows": [{"name": "model", "dataset": figures, "image": figures}]}
    make_run(tmp_path / "other" / "1", {"a": 0.5}, results=results)
    for folder, explained in ((sweep, 0), (tmp_path / "other", 1)):
        write_summary(folder)
        text, page = ((folder / f"summary.{kind}").read_text(encoding="utf-8") for kind in ("md", "html"))
        for shown in (text, Page(page).text):
            assert shown.count("less is better") == shown.count("; ↓: less is better.") == explained
            assert ("(px) ↓" in shown) == bool(explained)


def test_the_page_shows_tables_plots_and_links(sweep: Path) -> None:
    write_summary(sweep)
    text = (sweep / "summary.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.ids == ["results-all", "differences-all", "cost-all", "images-all", "all-all", "runs"]
    wanted = (
        *("a sweep#1", "2 configurations on drive", "0.4333 ± 0.0471", "[-0.3000, -0.1000]", "out of memory"),
        *("all background", "Ahead of the second by", "Images that differ most", "33.3"),
    )
    assert [words for words in wanted if words not in page.text] == []
    # unet in the table of results, all that count in that of runs, and the one left out.
    assert [unquote(link).partition("/")[0] for link in page.links] == ["3", "3", "1", "2", "4"]
    assert all((sweep / unquote(link)).is_file() for link in page.links)
    assert page.charts == [
        "Intervals of the differences: cunet -0.1667 [-0.3000, -0.1000], worse",
        "mean IoU, all pixels (higher is better) against training time (s): "
        "unet: 0.6000, 60, on the front; cunet: 0.4333 ± 0.0471, 70",
    ]
    text = without_scripts(text)
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert len(page.scripts) == 3
    assert page.tags["link"] == page.tags["img"] == 0
    assert text.count('class="number best"') >= 5


def test_links_lead_from_the_folder_of_the_page_to_the_reports(sweep: Path, tmp_path: Path) -> None:
    out = tmp_path / "else" / "where"
    compare([sweep / "3", f"{sweep}/[12]"]).write(out)
    links = Page((out / "summary.html").read_text(encoding="utf-8")).links
    assert links[0] == "../../a%20sweep%231/3/report.html"
    assert all((out / unquote(link)).is_file() for link in links)


def test_markup_in_names_stays_text(tmp_path: Path) -> None:
    for number, name in enumerate(("<script>alert(1)</script>", '"><img src=x>', "<b>&amp;")):
        images = {"<i>": 0.5, "b": 0.7 - number / 10}
        make_run(
            tmp_path / str(number), images, config={"note": name}, overrides=["note=x"], train_seconds=10.0 + number
        )
    write_summary(tmp_path)
    page = Page((tmp_path / "summary.html").read_text(encoding="utf-8"))
    assert "note=<script>alert(1)</script>" in page.text
    assert len(page.scripts) == 3
    assert page.tags["script"] == len(page.scripts) + len(page.data)
    assert "note=<script>alert(1)</script>" in str(page.data)
    assert page.tags["img"] == page.tags["i"] == page.tags["b"] == 0
    assert {"cost-all", "keys-all"} <= set(page.ids)
    assert "<b>&amp;" in page.text


def test_two_test_sets_are_two_tables(sweep: Path) -> None:
    for number, model in enumerate(("cunet", "unet")):
        make_run(sweep / f"other{number}", {"x": 0.2 + number / 10, "y": 0.9}, model=model, seed=5)
    write_summary(sweep)
    page = Page((sweep / "summary.html").read_text(encoding="utf-8"))
    assert {"results-a", "results-b", "differences-b"} <= set(page.ids)
    assert "tested on 2 different sets of images" in page.text
    found = rows(sweep / "summary.csv")
    assert [row["test_set"] for row in found] == ["A", "A", "B", "B"]
    assert len({row["configuration"] for row in found}) == 4


def with_panel(run: Path, image: str, seed: int) -> None:
    """A panel of an image of 96 x 96 with a random prediction, listed in results.json."""
    generator = np.random.default_rng(seed)
    picture = generator.integers(0, 255, (96, 96, 3), dtype=np.uint8)
    truth, prediction = (generator.integers(0, 2, (96, 96), dtype=np.uint8) for _ in range(2))
    save_png(run / "panels" / f"{image}.png", draw_panel(picture, truth, prediction, VESSELS, image, {"Dice": 0.5}))
    content = json.loads((run / "results.json").read_text())
    content["panels"].append({"file": f"panels/{image}.png", "image": image})
    write_json(run / "results.json", content)


def test_images_that_two_runs_have_drawn_stand_side_by_side(sweep: Path) -> None:
    with_panel(sweep / "2", "a", 0)
    with_panel(sweep / "3", "a", 1)
    with_panel(sweep / "3", "c", 2)
    write_summary(sweep)
    page = Page((sweep / "summary.html").read_text(encoding="utf-8"))
    # Image with truth, and two predictions; c was drawn by one run only.
    assert len(page.sources) == 3
    assert len(set(page.sources)) == 3
    assert "cunet mean IoU 0.6000 · seed 1" in page.text
    assert "unet mean IoU 0.6000" in page.text


def test_a_panel_is_cut_in_the_middle(tmp_path: Path) -> None:
    run = make_run(tmp_path / "1", {"a": 0.5})
    with_panel(run, "a", 0)
    whole = cv2.imread(str(run / "panels" / "a.png"))
    assert whole is not None
    cut = split_panel(np.asarray(whole, np.uint8))
    assert cut is not None
    # Parts are 96 x 3 pixels wide: letters of 13 pixels, a margin of 6, a title line of 26.
    assert cut[0].shape == cut[1].shape == (whole.shape[0] - 32, whole.shape[1] // 2, 3)
    assert np.array_equal(cut[1], whole[-cut[1].shape[0] :, -cut[1].shape[1] :])
    assert split_panel(np.zeros((50, 51, 3), np.uint8)) is None


def test_a_picture_that_is_no_panel_is_shown_whole(sweep: Path) -> None:
    for name in ("2", "3"):
        with_panel(sweep / name, "a", 0)
        cv2.imwrite(str(sweep / name / "panels" / "a.png"), np.full((40, 41, 3), int(name), np.uint8))
    write_summary(sweep)
    assert len(Page((sweep / "summary.html").read_text(encoding="utf-8")).sources) == 2


def test_the_terminal_gets_a_compact_table(sweep: Path) -> None:
    text = compare([sweep]).text()
    assert re.search(r"^unet +1 +0\.6000\* +base +1,000 +1 min 00 s$", text, re.MULTILINE)
    assert re.search(
        r"^cunet +2 +0\.4333 ± 0\.0471 +-0\.1667 \[-0\.3000, -0\.1000\] +1,000 +1 min 10 s$", text, re.MULTILINE
    )
    assert "left out: 4 (failed): out of memory" in text
    assert max(map(len, text.splitlines()[:6])) <= 120


def test_a_row_that_a_trivial_predictor_beats_says_so(tmp_path: Path) -> None:
    make_run(tmp_path / "a", {"x": 0.4, "y": 0.4}, model="weak")
    make_run(tmp_path / "b", {"x": 0.9, "y": 0.8}, model="good")
    comparison = compare([str(tmp_path)])
    sentence = "weak is worse than all background (mean IoU 0.3000 against 0.3500)."
    assert [note for note in comparison.notes if "worse" in note] == [sentence]
    assert f"note: {sentence}" in comparison.text()
    written = {path.name: path.read_text(encoding="utf-8") for path in comparison.write(tmp_path)}
    assert "| weak worse than all background | 1 |" in written["summary.md"]
    assert '>weak</a> <small class="bad">worse than all background</small>' in written["summary.html"]
    assert written["summary.html"].count("worse than all background") == 2


def test_a_single_run_is_a_table_too(tmp_path: Path) -> None:
    make_run(tmp_path / "1", {"a": 0.5})
    write_summary(tmp_path)
    page = Page((tmp_path / "summary.html").read_text(encoding="utf-8"))
    assert page.ids == ["results-all", "all-all", "runs"]
    assert len(rows(tmp_path / "summary.csv")) == 1


def test_runs_that_have_all_failed_are_named(tmp_path: Path) -> None:
    make_run(tmp_path / "1", {"a": 0.5}, state="failed", error="out of memory")
    with pytest.raises(DataError, match=r"no run has finished(.|\n)*1 \(failed\): out of memory"):
        write_summary(tmp_path)
    assert not (tmp_path / "summary.csv").exists()


def test_where_summaries_go(sweep: Path) -> None:
    assert summary_folder([sweep], None) == sweep
    assert summary_folder([sweep], "else") == Path("else")
    for places in ([sweep / "1"], [sweep / "1", sweep / "2"], [f"{sweep}/*"]):
        found = summary_folder(places, None)
        assert found.parent == Path("outputs", "compare")
        assert found.is_dir()


def test_without_torch_and_without_matplotlib_where_no_panel_is_cut(sweep: Path) -> None:
    code = (
        "import sys, pathlib; from segexp.report.comparison_page.compare import write_summary; "
        "write_summary(pathlib.Path(sys.argv[1])); "
        "sys.exit(' '.join({'torch', 'lightning', 'matplotlib', 'cv2'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(sweep)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert (done.returncode, done.stderr) == (0, "")


CLICKS = """
<script>
const words = (table) => [...table.tBodies[0].rows].map((row) => row.cells[0].textContent.trim()).join(",");
const table = document.querySelector("#results-all table");
const said = [];
for (const column of [2, 2, 0, 0]) {
  table.tHead.rows[0].cells[column].querySelector("button").click();
  said.push(words(table) + " " + table.tHead.rows[0].cells[column].getAttribute("aria-sort"));
}
document.body.innerHTML = "<pre>" + said.join("\\n") + "</pre>";
</script>
"""


def test_a_click_on_a_head_sorts(sweep: Path, tmp_path: Path, browser: Callable[[Path], str]) -> None:
    write_summary(sweep)
    page = tmp_path / "clicked.html"
    text = (sweep / "summary.html").read_text(encoding="utf-8")
    page.write_text(text.replace("</body>", CLICKS + "</body>"), encoding="utf-8")
    found = re.search(r"<pre>(.*?)</pre>", browser(page), re.DOTALL)
    assert found
    assert found[1].splitlines() == [
        "unet,cunet descending", "cunet,unet ascending", "cunet,unet ascending", "unet,cunet descending",
    ]  # fmt: skip


@pytest.fixture
def browser(tmp_path: Path) -> Callable[[Path], str]:
    """The document of a page after its scripts have run, in a headless Chromium."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium")

    def open_page(page: Path) -> str:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
                 "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"]  # fmt: skip
        command = [program, *flags, "--dump-dom", page.resolve().as_uri()]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    return open_page
