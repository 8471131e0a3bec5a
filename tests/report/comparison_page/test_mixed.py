"""Runs of several data sets together: each table is named, ranked and celebrated by itself."""

import csv
import re
from pathlib import Path

import pytest

from segexp.report.comparison_page.compare import compare
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.figures import Figure
from tests.report.comparison_page.made import make_run
from tests.report.made_up import write_json, write_rows
from tests.report.page import Page

ROADS, CELLS = {"r1": 0.6, "r2": 0.8}, {"c1": 0.7, "c2": 0.9}


def less(images: dict[str, float], by: float) -> dict[str, float]:
    return {name: value - by for name, value in images.items()}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two losses on roads, two learning rates on cells, and much that differs between the two data sets."""
    top = tmp_path / "outputs"
    for number, loss in enumerate(("bce", "dice")):
        data = {"datamodule": {"root": "/data/roads", "crop_size": 64}}
        make_run(
            top / f"roads_{loss}", less(ROADS, number / 10), config={"loss": {"_target_": loss}, **data},
            choices={"loss": loss, "datamodule": "roads"}, overrides=["datamodule=roads", f"loss={loss}"],
        )  # fmt: skip
    for number, rate in enumerate((0.1, 0.01)):
        data = {"datamodule": {"root": "/data/cells", "crop_size": 32}}
        make_run(
            top / f"cells_{rate}", less(CELLS, number / 10), config={"optimizer": {"lr": rate}, **data},
            choices={"loss": "ce", "datamodule": "cells"},
            overrides=["datamodule=cells", "datamodule.crop_size=32", f"optimizer.lr={rate}"],
        )  # fmt: skip
    return top


def test_names_say_what_differs_within_a_test_set(mixed: Path) -> None:
    cells, roads = compare([mixed]).groups
    assert [row.name for row in cells.rows] == ["lr=0.1", "lr=0.01"]
    assert [row.name for row in roads.rows] == ["bce", "dice"]


def test_a_base_by_name_is_that_of_each_test_set(tmp_path: Path) -> None:
    for data, images in (("roads", ROADS), ("cells", CELLS)):
        for number, model in enumerate(("cunet", "unet")):
            path = tmp_path / f"{data}_{model}"
            make_run(path, less(images, number / 10), model=model, config={"datamodule": {"root": data}})
    found = compare([tmp_path], base="unet")
    assert [group.base.name for group in found.groups] == ["unet", "unet"]
    assert compare([tmp_path], base=str(tmp_path / "roads_unet")).groups[0].base.name == "cunet"
    text = Page((found.write(tmp_path)[2]).read_text(encoding="utf-8")).text
    assert "A: unet" in text
    assert "B: unet" in text


def test_names_that_are_too_long_for_the_terminal_are_told_apart(tmp_path: Path) -> None:
    for number in range(3):
        pattern = f"images/of/the/second/campaign/{'x' * 10}/{number}/part"
        make_run(
            tmp_path / str(number), less(ROADS, number / 10), config={"note": pattern, "second": pattern},
            overrides=[f"note={pattern}", f"second={pattern}"],
        )  # fmt: skip
    found = compare([tmp_path])
    table, _, names = found.text().partition("\n\n(1)")
    labels = [line[:44] for line in table.splitlines() if "…" in line]
    assert len(labels) == len(set(labels)) == 3
    assert [f"({number + 1}) " + found.groups[0].rows[number].name for number in range(3)] == (
        f"(1){names}".splitlines()[:3]
    )


def beaten(path: Path, images: dict[str, float], model: str) -> None:
    """A run whose pooled mean IoU is below the 0.35 of one class everywhere."""
    block = {"miou": 0.2, "mdice": 0.3, "dice": {"background": 0.9, "vessel": 0.1}, "auc": 0.99}
    rows = [
        {"name": "model", "dataset": block, "image": block},
        {"name": "all background", "dataset": {"miou": 0.35}, "image": {}},
    ]
    make_run(path, images, model=model, results={"rows": rows})


def texts(group: ComparisonGroup, path: Path) -> tuple[str, str]:
    found = compare([path])
    page = found.write(path)[2].read_text(encoding="utf-8")
    return found.text(), Page(page).text


def test_what_loses_to_a_trivial_predictor_is_no_best(tmp_path: Path) -> None:
    beaten(tmp_path / "a", {"x": 0.9, "y": 0.9}, "weak")
    make_run(tmp_path / "b", {"x": 0.6, "y": 0.6}, model="good")
    make_run(tmp_path / "c", {"x": 0.55, "y": 0.5}, model="fair")
    (group,) = compare([tmp_path]).groups
    assert [row.name for row in group.rows] == ["weak", "good", "fair"]
    assert group.base.name == "good"
    assert all("weak" not in group.best(figure) for figure in group.figures)
    text, page = texts(group, tmp_path)
    assert re.search(r"^weak \(worse than all background\) +1 +0\.8000 ", text, re.MULTILINE)
    assert "Best mean IoU, per image 0.5000 good" in page
    assert ", the best" in page.partition("Difference in mean IoU per image to good")[2][:12]
    with (tmp_path / "summary.csv").open() as stream:
        told = {row["configuration"]: row["no_better_than"] for row in csv.DictReader(stream)}
    assert told == {"weak": "all background", "good": "", "fair": ""}


def test_where_all_lose_nothing_is_celebrated(tmp_path: Path) -> None:
    for number in range(5):
        beaten(tmp_path / str(number), {"x": 0.9 - number / 10, "y": 0.8}, f"m{number}")
    (group,) = compare([tmp_path]).groups
    text, page = texts(group, tmp_path)
    for shown in (text, page, (tmp_path / "summary.md").read_text(encoding="utf-8")):
        assert "Best mean IoU" not in shown
        assert "the best [" not in shown
        assert ", the best" not in shown
    assert "Better than a trivial predictor 0 of 5" in page
    assert "*" not in text
    assert "5 of 5 rows are no better than a trivial predictor (all background); the tables say which." in text


def test_headline_tables_and_difference_are_one_figure(tmp_path: Path) -> None:
    """Where a class is absent from an image, the mean of the class means is not the mean over images."""
    for number, model in enumerate(("cunet", "unet")):
        path = make_run(tmp_path / model, {"x": 0.9, "y": 0.7}, model=model)
        lines = [
            {"image": name, "row": row, "miou": value}
            for row, values in (("model", (0.8 - number / 4, 0.6)), ("all background", (0.2, 0.4)))
            for name, value in zip("xy", values, strict=True)
        ]
        write_rows(path / "per_image.csv", lines)
    found = compare([tmp_path])
    (group,) = found.groups
    best, second = group.rows
    difference = group.differences[second.name].mean
    reached = [group.reached(row) for row in (best, second)]
    assert [each.mean for each in reached if each] == pytest.approx([0.7, 0.575])
    assert difference == pytest.approx(-0.125)
    text, page = texts(group, tmp_path)
    assert re.search(r"^cunet +1 +0\.7000\* +base", text, re.MULTILINE)
    assert re.search(r"^unet +1 +0\.5750 +-0\.1250 ", text, re.MULTILINE)
    assert "Best mean IoU, per image 0.7000 cunet" in page
    assert "Ahead of the second by 0.1250 unet its difference -0.1250" in page
    assert re.search(r"all background\s+0\.3500 0\.3000", page)
    with (tmp_path / "summary.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    means = [float(row["mean_over_images"]) for row in rows]
    assert means[1] - means[0] == pytest.approx(float(rows[1]["difference"]))


def test_figures_at_two_thresholds_say_so(tmp_path: Path) -> None:
    from segexp.report.run_page.decided import decided, of_monitor, of_test

    binary = {"threshold": {"value": 0.314}, "checkpoint": {"monitor": "val/miou"}}
    assert of_monitor(binary) == "at 0.5"
    assert of_test(binary) == "at 0.314"
    assert of_monitor({**binary, "checkpoint": {"monitor": "val/auc"}}) == ""
    assert of_monitor({**binary, "checkpoint": {"monitor": "val/loss/bce"}}) == ""
    assert of_monitor({"threshold": None, "checkpoint": {"monitor": "val/miou"}}) == ""
    assert decided([{}]) == ""
    other = {**binary, "threshold": {"value": 0.6}}
    assert decided([binary, other]) == (
        "Test masks are cut at the threshold that each run chose on validation images, 0.314 to 0.600. "
        "The validation measure that chose the checkpoint (val/miou) was measured with masks cut at 0.5."
    )
    path = make_run(tmp_path / "a", ROADS, model="cunet")
    make_run(tmp_path / "b", ROADS, model="unet")
    page = compare([tmp_path]).write(tmp_path)[2].read_text(encoding="utf-8")
    assert "the threshold that each run chose on validation images, 0.400. The validation measure" in page
    from segexp.sweeps.display import describe_result

    content = {**binary, "rows": [{"dataset": {"miou": 0.7}}]}
    content["checkpoint"] = {"monitor": "val/miou", "value": 0.71}
    write_json(path / "results.json", content)
    assert describe_result(path) == "val/miou 0.7100 at 0.5, test mean IoU 0.7000 at 0.314"


def test_the_best_figure_is_that_of_the_images(tmp_path: Path) -> None:
    make_run(tmp_path / "a", {"x": 0.9, "y": 0.9}, model="cunet")
    make_run(tmp_path / "b", {"x": 0.5, "y": 0.6}, model="unet")
    (group,) = compare([tmp_path]).groups
    assert group.best(Figure("image", "miou")) == group.best(Figure("dataset", "miou")) == {"cunet"}
