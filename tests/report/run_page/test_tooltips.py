"""What a page tells of the name of a figure, and of parts of the data with too few images."""

from pathlib import Path

import pytest

from segexp.report.run_page.few_images import FEWEST, few_images
from segexp.report.run_page.page import write_report
from segexp.report.run_page.tooltips import find_tooltips
from tests.report.made_up import measured, run, write_json


def test_every_name_of_a_figure_has_its_meaning() -> None:
    tips = find_tooltips(measured())
    assert tips["iou"] == tips["iou vessel"] == "overlap over union"
    assert tips["mean iou"] == "mean over the classes of overlap over union"
    assert tips["auc"] == tips["roc-auc"]
    assert tips["hd100 (px) ↓"].startswith("distance between outlines")
    assert "method" not in tips


def test_those_of_a_user_are_kept_by_the_results() -> None:
    content = {"meanings": {"own": "what <I> mean"}, "labels": {"own": "Own"}, "rows": [{"dataset": {"own": 1.0}}]}
    assert find_tooltips(content)["own"] == "what <I> mean"
    assert find_tooltips({}) == {
        "mean iou": "mean over the classes of overlap over union",
        "mean dice": "mean over the classes of twice the overlap over both sizes",
    }


def test_the_page_shows_them(tmp_path: Path) -> None:
    write_json(tmp_path / "results.json", measured())
    write_json(tmp_path / "run.json", run())
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert '<div class="name"><abbr title="mean over the classes of overlap over union">Mean IoU</abbr></div>' in text
    assert '<th scope="col" class="number"><abbr title="overlap over union">IoU</abbr></th>' in text
    assert "2 images for the test, fewer than 20: intervals are too narrow" in text
    assert "for training, fewer" not in text


def test_few_test_images_are_said_once_on_a_page(tmp_path: Path) -> None:
    content = measured()
    content["rows"][0]["interval"]["dataset"]["miou"] = [0.8125, 0.83]
    write_json(tmp_path / "results.json", content)
    write_json(tmp_path / "run.json", {"data": {"val": {"images": 4}, "test": {"images": 2}}})
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert text.count("fewer than 20") == text.count("measures hang on single images") == 1
    assert "2 test images, fewer than 20, are a first indication only" in text
    assert "4 images for validation, fewer than 5" in text


@pytest.mark.parametrize(("part", "fewest"), [(part, fewest) for part, (fewest, *_) in FEWEST.items()])
def test_parts_with_too_few_images_are_named(part: str, fewest: int) -> None:
    assert few_images({"data": {part: {"images": fewest}}}, {}) == []
    assert few_images({"data": {part: {"images": fewest - 1}}}, {})[0].startswith(f"{fewest - 1} images for ")
    assert few_images({"data": {part: {"images": 1}}}, {})[0].startswith("1 image for ")


def test_unknown_counts_say_nothing() -> None:
    assert few_images({}, {}) == few_images({"data": None}, {"split": None}) == []
    assert few_images({"data": {"train": {"images": True}, "val": {"images": "2"}, "test": {"images": -1}}}, {}) == []
    assert len(few_images({}, {"split": {"name": "test", "images": 3}})) == 1
