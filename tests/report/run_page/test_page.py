"""The report shows what the run folder holds, needs nothing else and lets nothing through unescaped."""

import base64
import re
import subprocess
import sys
from pathlib import Path

import pytest

from segexp.errors import DataError
from segexp.report.comparison_page.compare import compare
from segexp.report.gallery_page.page import write_gallery
from segexp.report.run_page.page import write_report
from tests.report.made_up import grouped, measured, results, run, write_json, write_picture, write_rows
from tests.report.page import Page, without_scripts

PICTURES = (
    "curves.png",
    "confusion.png",
    "scores.png",
    "reliability.png",
    "class_maps/a.png",
    "panels/best.png",
    "panels/worst.png",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_json(tmp_path / "results.json", results())
    write_json(tmp_path / "run.json", run())
    (tmp_path / "config.yaml").write_text("model:\n  width: 17\n")
    (tmp_path / "log.txt").write_text("early\n" * 50 + "the last line\n")
    rows: list[dict[str, object]] = [
        {"image": "b.tif", "row": "model", "iou/vessel": 0.91234, "dice/vessel": ""},
        {"image": "b.tif", "row": "Otsu", "iou/vessel": 0.33333, "dice/vessel": ""},
    ]
    write_rows(tmp_path / "per_image.csv", rows)
    for name in PICTURES:
        write_picture(tmp_path / name)
    return tmp_path


def page_of(folder: Path) -> Page:
    return Page(write_report(folder).read_text(encoding="utf-8"))


def test_figures_and_facts_are_there(folder: Path) -> None:
    text = page_of(folder).text
    for wanted in (
        *("cunet on drive", "finished", "3 min 07 s", "1,234,567"),
        *("0.7654", "0.8123", "0.765", "0.812", "0.6543", "0.9123"),
        *(
            "all background",
            "Otsu",
            "threshold 0.43",
            "0.43 (highest Dice of vessel, chosen on validation images)",
        ),
        *(
            "13 (max val/miou 0.7100)",
            "counts of all images added up",
            "900,000 pixels counted, 400,000 ignored",
        ),
        *("1400 × 3 × 64 × 64", "width: 17", "python -m segexp model=cunet", "abc123", "uncommitted"),
        *("2.12.0", "32-true", "123456", "few images", "the last line"),
    ):
        assert wanted in text, wanted
    assert "0.3333" not in text


def test_one_word_for_what_is_measured(folder: Path) -> None:
    summaries = compare([folder]).write(folder / "out", ["md", "tex", "html"])
    for file in (write_report(folder), write_gallery(folder.parent), *summaries):
        text = re.sub(r"<style>.*?</style>", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
        shown = Page(text).text if file.suffix == ".html" else text
        assert re.search(r"\bmeasures?\b", shown), file
        assert re.findall(r".{0,40}\bfigures?\b.{0,40}", shown, re.IGNORECASE) == [], file


def test_every_figure_stands_there_with_its_interval(folder: Path) -> None:
    write_json(folder / "results.json", measured())
    text = page_of(folder).text
    for wanted in (
        *("0.7654 [0.7010, 0.8249]", "0.8123 [0.8000, 0.8300]", "14.14 [10.00, 20.50]", "HD100 (px) ↓", "Brier ↓"),
        *("central 95 % of bootstrap samples", "intervals drawn again", "HD100 in pixels, ASD in metres"),
        "overlap over union",
    ):
        assert wanted in text, wanted
    assert "↓ marks measures of which less is better." in text
    plain = page_of_results(folder, results())
    assert "bootstrap" not in plain
    assert ("↓" in plain) == ("less is better" in plain)


def page_of_results(folder: Path, content: dict[str, object]) -> str:
    write_json(folder / "results.json", content)
    return page_of(folder).text


def test_groups_have_a_table_of_their_own(folder: Path) -> None:
    text = page_of_results(folder, grouped())
    assert "By group group images accuracy mean IoU IoU vessel Dice vessel austin 1 0.9100 0.8123 0.6000 0.7654" in text
    assert "By group" not in page_of_results(folder, results())


@pytest.mark.parametrize(
    ("inference", "words"),
    [
        ({"window": None, "images_in_windows": 0, "images_whole": 2}, "images seen whole"),
        (
            {"window": 512, "images_in_windows": 2, "images_whole": 0, "overlap": 0.25, "blend": "gaussian"},
            "images seen in windows of 512 × 512 pixels, overlap 25 %, gaussian blending",
        ),
        (
            {"window": 64, "images_in_windows": 2, "images_whole": 3, "overlap": 0.5, "blend": "constant"},
            "images seen 2 in windows of 64 × 64 pixels, overlap 50 %, constant blending; 3 whole",
        ),
    ],
)
def test_how_images_were_seen(folder: Path, inference: dict[str, object], words: str) -> None:
    assert words in page_of_results(folder, {**results(), "inference": inference})
    assert "images seen" not in page_of_results(folder, results())


def test_the_table_of_images_leaves_out_what_would_crowd_it(folder: Path) -> None:
    rows: list[dict[str, object]] = [{"image": "a", "row": "model", "iou/v": 0.5, "iou/mean": 0.25, "recall/v": 0.75}]
    write_rows(folder / "per_image.csv", rows)
    text = page_of(folder).text
    assert "recall" not in text.split("Measures of each image")[1].split("Names of")[0]
    assert "image IoU v a 0.5000" in text


def test_every_picture_is_embedded_once_and_nothing_is_loaded(folder: Path) -> None:
    page = page_of(folder)
    prefix = "data:image/png;base64,"
    assert all(source.startswith(prefix) for source in page.sources)
    embedded = sorted(base64.b64decode(source.removeprefix(prefix)) for source in page.sources)
    assert embedded == sorted((folder / name).read_bytes() for name in PICTURES)
    text = without_scripts((folder / "report.html").read_text(encoding="utf-8"))
    assert "http:" not in text
    assert "https:" not in text
    assert "url(" not in text
    assert page.links == [f"#{place}" for place in page.ids if place != "class-maps"]
    assert page.tags["link"] == 0
    assert page.charts == [
        "IoU of each class: background 0.9876, vessel 0.7654",
        "Dice of each class: background 0.9876, vessel 0.7654",
    ]
    assert len(page.scripts) == 2


def test_panels_run_from_worst_to_best(folder: Path) -> None:
    text = page_of(folder).text
    assert text.index("w.tif · IoU vessel -") < text.index("b.tif · IoU vessel 0.900")
    assert "g.tif" not in text


def test_panels_that_the_results_do_not_name_are_shown(folder: Path) -> None:
    write_picture(folder / "panels" / "extra.png")
    page = page_of(folder)
    assert len(page.sources) == len(PICTURES) + 1
    assert "extra" in page.text


def test_markup_in_names_stays_text(folder: Path) -> None:
    content = results()
    content["task"]["classes"] = ["<b>", '"><script>']
    content["panels"][0]["image"] = '"><img src=x>'
    write_json(folder / "results.json", content)
    page = page_of(folder)
    assert 'Dice "><script>' in page.text
    assert page.tags["script"] == 0
    assert "x" not in page.sources
    assert "&lt;b&gt;" in (folder / "report.html").read_text(encoding="utf-8")


def test_sections_without_files_are_left_out(folder: Path, tmp_path: Path) -> None:
    assert page_of(folder).ids == [
        *(
            "results",
            "panels",
            "class-maps",
            "confusion",
            "reliability",
            "curves",
            "data",
            "cost",
            "reproduce",
            "environment",
        )
    ]
    bare = tmp_path / "bare"
    bare.mkdir()
    write_json(bare / "run.json", {"state": "failed", "model": None, "git": None, "data": {"train": None}})
    page = page_of(bare)
    assert page.ids == []
    assert page.sources == []
    assert "failed" in page.text
    assert "bare" in page.text


def test_a_run_without_run_json_and_results_without_values(tmp_path: Path) -> None:
    keys = ("task", "checkpoint", "threshold", "split", "averaging", "rows", "panels", "notes")
    write_json(tmp_path / "results.json", dict.fromkeys(keys))
    assert "state unknown" in page_of(tmp_path).text


def test_images_of_many_are_folded(folder: Path) -> None:
    write_rows(folder / "per_image.csv", [{"image": f"i{n}", "row": "model", "miou": 0.5} for n in range(20)])
    write_report(folder)
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<details open>" not in text
    assert "Measures of each image (20)" in text


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run folder"):
        write_report(tmp_path)
    (tmp_path / "run.json").write_text('{"state": "run')
    with pytest.raises(DataError, match=r"run.json is no valid JSON"):
        write_report(tmp_path)
    write_json(tmp_path / "run.json", [])
    with pytest.raises(DataError, match="expected an object"):
        write_report(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_report_is_replaced_whole(folder: Path) -> None:
    write_report(folder)
    before = sorted(path.name for path in folder.iterdir())
    (folder / "report.html").write_text("old")
    assert "cunet" in page_of(folder).text
    assert sorted(path.name for path in folder.iterdir()) == before


def test_reporting_imports_neither_torch_nor_lightning() -> None:
    names = sorted(path.stem for path in Path(sys.modules["segexp.report"].__path__[0]).glob("*.py"))
    imports = "\n".join(f"import segexp.report.{name}" for name in names if name != "__init__")
    heavy = {"torch", "lightning", "matplotlib.pyplot"}
    code = f"import sys\n{imports}\nsys.exit(bool({heavy} & set(sys.modules)))"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def test_the_report_alone_needs_no_matplotlib() -> None:
    pages = "segexp.report.run_page.page, segexp.report.run_page.tables.predictors"
    code = f"import sys, {pages}; sys.exit('matplotlib' in sys.modules)"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0
