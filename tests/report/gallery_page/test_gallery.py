"""The page of all runs below a folder: rows, figures, states, damaged folders, links, weight."""

import base64
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from segexp.cli.app import run
from segexp.errors import DataError
from segexp.report.data_set import config_section, data_set_name
from segexp.report.gallery_page.entry import read_entry, run_tags
from segexp.report.gallery_page.page import write_gallery
from segexp.report.gallery_page.thumbnail import ALL_BYTES, LEAST_BYTES, MOST_BYTES, share_of_bytes, thumbnail
from segexp.report.overall_figures import overall_figures
from segexp.report.rebuild import write_reports
from segexp.runs.contents import read_record
from tests.report.gallery_page.drawn import draw_runs
from tests.report.made_up import results, write_json
from tests.report.page import Page


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("lab") / "outputs"
    draw_runs(top, 18, side=64)
    damaged = top / "old" / "cut"
    damaged.mkdir(parents=True)
    (damaged / "run.json").write_text('{"state": "fini')
    lost = top / "old" / "lost"
    lost.mkdir()
    for name in ("config.yaml", "log.txt"):
        (lost / name).write_text("seed: 0\n")
    write_gallery(top)
    return top


@pytest.fixture(scope="module")
def page(runs: Path) -> Page:
    return Page((runs / "gallery.html").read_text(encoding="utf-8"))


def test_each_run_is_a_row_with_its_state_and_leads_to_its_report(runs: Path, page: Page) -> None:
    assert page.tags["tr"] == 1 + 20
    assert "20 runs: 2 failed, 14 finished, 2 interrupted, 2 unreadable" in page.text
    reports = [link for link in page.links if link.endswith("report.html")]
    assert len(reports) == 16
    assert all((runs / link).is_file() and not link.startswith("/") for link in page.links)
    assert page.links.count("multirun/2026-11-24_20-20-50/summary.html") == 9


def test_a_damaged_folder_is_a_row_with_its_reason(page: Page) -> None:
    assert "run.json is no valid JSON" in page.text
    assert "is no run folder: it holds neither run.json nor results.json" in page.text
    assert "OutOfMemoryError: asked for <b>20 GB</b>" in page.text
    assert "trace" not in page.text


def test_choices_count_their_runs(page: Page) -> None:
    for choice in ("drive (6)", "mnist (6)", "cunet (6)", "lab (18)", "week 3 (4)", "interrupted (2)"):
        assert choice in page.text
    data = page.data[0]
    assert len(data["rows"]) == len(data["tags"]) == 20
    assert "HD95 (px) (12)" in page.text
    assert sum(data["lower"]) == 1


def test_nothing_is_loaded_and_pictures_are_embedded(page: Page) -> None:
    assert all(source.startswith("data:image/jpeg;base64,") for source in page.sources)
    assert len(page.sources) == 12
    assert "http" not in "".join(page.scripts)


def test_the_command_makes_it_alone(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["report", str(runs), "pages=none"]) == 0
    assert capsys.readouterr().out.split() == [str(runs / "gallery.html")]


def test_missing_pages_alone_are_made(tmp_path: Path) -> None:
    (draw_runs(tmp_path / "runs", 6, side=16)[4] / "report.html").unlink()
    made, failed = write_reports(tmp_path / "runs", pages_of_runs="missing")
    assert failed == []
    assert [str(page.relative_to(tmp_path / "runs")) for page in made] == [
        "inria_unet_little/2026-11-24_0004/report.html", "gallery.html",
    ]  # fmt: skip
    single = made[0].parent
    assert write_reports(single, pages_of_runs="missing") == ([], [])
    with pytest.raises(DataError, match="pages=none makes the gallery"):
        write_reports(single, pages_of_runs="none")


def test_figures_are_of_all_classes_and_the_main_one_is_first(runs: Path) -> None:
    entry = next(read_entry(path, runs, 0) for path in sorted(runs.glob("drive_*/*")))
    assert [(figure.label, round(figure.value, 4), figure.lower) for figure in entry.figures] == [
        ("mean IoU", 0.5, False), ("ROC-AUC", 0.9, False), ("Dice", 0.6, False), ("HD95 (px)", 30.0, True),
    ]  # fmt: skip
    assert entry.picture == ""


@pytest.mark.parametrize(
    ("row", "labels"),
    [
        ({}, []),
        ({"dataset": None, "image": []}, []),
        ({"dataset": {"miou": None, "auc": True, "accuracy": 0.5}}, ["accuracy"]),
        ({"dataset": {"dice": {"a": 0.1, "b": 0.3, "c": 0.2}, "mean": {"dice": 0.2}}}, ["Dice"]),
        ({"dataset": {"dice": {"a": 0.1, "b": 0.3, "c": 0.2}}}, []),
        ({"dataset": {"loss": 0.25}}, ["loss"]),
    ],
)
def test_figures_of_odd_rows(row: dict[str, object], labels: list[str]) -> None:
    content = {"task": {"classes": ["a", "b", "c"]}, "rows": [{"name": "model", **row}]}
    assert [figure.label for figure in overall_figures(content)] == labels


def test_pictures_share_the_bytes_of_the_page() -> None:
    assert share_of_bytes(0) == share_of_bytes(1) == MOST_BYTES
    assert 200 * share_of_bytes(200) <= ALL_BYTES
    assert share_of_bytes(ALL_BYTES // LEAST_BYTES + 1) == 0


def test_a_picture_is_no_larger_than_its_share(runs: Path) -> None:
    folder = read_record(next(iter(sorted(runs.glob("drive_*/*")))))
    sizes = []
    for share in (MOST_BYTES, 5000, 3000):
        text = thumbnail(folder, share)
        assert 0 < len(text) <= share
        content = np.frombuffer(base64.b64decode(text.partition(",")[2]), np.uint8)
        sizes.append(cv2.imdecode(content, cv2.IMREAD_COLOR).shape[:2])
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0][1] > 2 * sizes[0][0]
    assert thumbnail(folder, 100) == thumbnail(folder, 0) == ""


def test_pictures_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    folder = draw_runs(tmp_path / "runs", 1, side=16)[0]
    (folder / "panels/layers/01/truth.png").write_bytes(b"no picture")
    assert thumbnail(read_record(folder), MOST_BYTES) == ""
    outside = tmp_path / "outside.png"
    cv2.imwrite(str(outside), np.zeros((8, 8, 3), np.uint8))
    content = json.loads((folder / "results.json").read_text())
    content["panels"] = [{"file": "../../../outside.png"}, {"file": 5}, {"file": ""}]
    content["panels"] = content["panels"][:1]
    write_json(folder / "results.json", content)
    assert thumbnail(read_record(folder), MOST_BYTES) == ""


def test_a_picture_with_numbers_of_no_class_costs_the_picture_alone(tmp_path: Path) -> None:
    folder = draw_runs(tmp_path / "runs", 1, side=16)[0]
    content = json.loads((folder / "results.json").read_text())
    three = {"classes": ["a", "b", "c"], "colours": [[0, 0, 0], [9, 9, 9], [255, 0, 0]]}
    write_json(folder / "results.json", content | {"task": three})
    assert read_entry(folder, tmp_path, MOST_BYTES).picture != ""
    cv2.imwrite(str(folder / "panels/layers/01/truth.png"), np.full((16, 16), 7, np.uint8))
    entry = read_entry(folder, tmp_path, MOST_BYTES)
    assert (entry.state, entry.picture, entry.figures[0].label) == ("finished", "", "mean IoU")
    write_json(folder / "results.json", content | {"task": three | {"classes": ["a", "a", "b"]}})  # refused by spec_of
    entry = read_entry(folder, tmp_path, MOST_BYTES)
    assert (entry.state, entry.picture) == ("finished", "")


def test_a_sweep_is_what_has_a_manifest_and_is_linked_where_it_has_a_page(tmp_path: Path) -> None:
    single, job = draw_runs(tmp_path / "runs", 2, side=16)
    (single.parent / "summary.html").write_text("<p>written by compare</p>")
    page = Page(write_gallery(tmp_path / "runs").read_text(encoding="utf-8"))
    assert [link for link in page.links if "summary" in link] == ["multirun/2026-11-24_20-20-50/summary.html"]
    (job.parent / "summary.html").unlink()
    page = Page(write_gallery(tmp_path / "runs").read_text(encoding="utf-8"))
    assert not [link for link in page.links if "summary" in link]
    assert "sweep 2026-11-24_20-20-50" in page.text


def test_texts_of_others_are_shortened_to_a_line(tmp_path: Path) -> None:
    folder = draw_runs(tmp_path / "runs", 1, side=16)[0]
    long = "\x1b[31m" + "x" * 100_000
    record = json.loads((folder / "run.json").read_text())
    record |= {"name": long, "state": long, "model": {"name": long}, "choices": {"task": long}}
    content = json.loads((folder / "results.json").read_text())
    content |= {"task": content["task"] | {"datamodule": long}, "labels": {"hd95": long}, "kind": long}
    write_json(folder / "run.json", record)
    write_json(folder / "results.json", content)
    (folder / "config.yaml").write_text(f"logger:\n  wandb:\n    tags: [{'y' * 100_000}]\n")
    entry = read_entry(folder, tmp_path, 0)
    texts = (entry.title, entry.name, entry.state, entry.data, entry.model, entry.task, *entry.tags)
    assert all(0 < len(text) <= 100 and "\x1b" not in text for text in texts), texts
    assert all(len(figure.label) <= 100 for figure in entry.figures)
    assert write_gallery(tmp_path / "runs").stat().st_size < 100_000


def test_names_of_data_sets(tmp_path: Path) -> None:
    def named(option: str, config: str) -> str:
        write_json(tmp_path / "results.json", results() | {"task": {"datamodule": option}})
        (tmp_path / "config.yaml").write_text(config)
        return data_set_name(read_record(tmp_path))

    assert named("drive", "datamodule:\n  root: data/DRIVE\n") == "drive"
    assert named("folder", "seed: 0\ndatamodule:\n  _target_: a.B\n  root: data/my leaves/\nmodel: {}\n") == "my leaves"
    assert named("folder", "datamodule:\n  root: 'C:\\data\\leaves'\n") == "leaves"
    assert named("folder (drawn)", "datamodule:\n  root: leaves\n") == "leaves (drawn)"
    assert named("synthetic", "datamodule:\n  scene: cells\n") == "synthetic cells"
    for odd in ("", "datamodule: 3\n", *(f"datamodule:\n  root: {root}\n" for root in ("null", "[", ".", "3"))):
        assert named("folder", odd) == "folder"


def test_tags_of_any_logger() -> None:
    assert run_tags("logger:\n  wandb:\n    tags:\n    - a\n    - 5\n  mlflow:\n    tags: {who: me}\nx: 1\n") == (
        "a", "5", "who=me",
    )  # fmt: skip
    assert run_tags("logger:\n  wandb:\n    tags: [b, a]\ntags: [a, 'week 3']\n") == ("a", "week 3", "b")
    assert run_tags("logger: {}\ntags: [none]\n") == ("none",)
    assert run_tags("logger: {}\ntags: none\n") == ()
    assert run_tags("logger:\n  wandb:\n    tags: a\n") == ()
    assert config_section("a:\n  b: 1\nab:\n  c: 2\n", "a") == {"b": 1}


def test_references_that_stand_for_millions_of_tags_stop_nothing() -> None:
    levels = "".join(f"    l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))
    bomb = f"logger:\n  wandb:\n    l0: &l0 [x]\n{levels}    tags: [*l9, *l9]\n"
    assert run_tags(bomb) == ()
    assert config_section(bomb, "logger") == {}
    assert run_tags("logger:\n  wandb:\n    tags: &a [*a]\n") == ()


def test_tags_are_words_and_numbers() -> None:
    odd = f"[[x], {{a: 1}}, null, 0x{'f' * 9000}, 1.5, word]"
    assert run_tags(f"logger:\n  wandb:\n    tags: {odd}\n  mlflow:\n    tags: {{a: [x], b: null, c: 3}}\n") == (
        "1.5", "word", "c=3",
    )  # fmt: skip


def test_a_folder_that_may_not_be_read_stops_nothing(tmp_path: Path) -> None:
    draw_runs(tmp_path / "runs", 2, side=16)
    (tmp_path / "runs" / "self").symlink_to(tmp_path / "runs")
    os.mkfifo(tmp_path / "runs" / "pipe")
    assert "2 runs: 2 finished" in Page(write_gallery(tmp_path / "runs").read_text(encoding="utf-8")).text
