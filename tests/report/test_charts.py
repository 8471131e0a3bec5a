"""Plots of the report: values stand where they belong, holes stay holes, words are told."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from segexp.report.charts.calibration import calibration_charts
from segexp.report.charts.decision import decision_charts
from segexp.report.charts.lines import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Line, Mark, line_chart
from segexp.report.charts.spread import spread_charts
from segexp.report.charts.training import training_charts
from segexp.report.run_page.confusion_table import confusion_table
from tests.report.made_up import measured, results, write_rows


def path_of(drawing: str, colour: str = "c0") -> list[tuple[float, float]]:
    found = re.search(rf'<path class="line {colour} [^"]*" d="M([^"]*)"', drawing)
    assert found, drawing[:300]
    return [(float(x), float(y)) for x, y in (pair.split() for pair in found[1].split("L"))]


def test_points_lie_where_the_axes_say() -> None:
    chart = line_chart("a", [Line("b", [(0, 0), (0.5, 1), (1, 0.5)])], ("x", "y"), unit=(True, True))
    assert chart is not None
    wide, high = WIDTH - RIGHT - LEFT, HEIGHT - BOTTOM - TOP
    ends = [(LEFT, TOP + high), (LEFT + wide / 2, TOP), (LEFT + wide, TOP + high / 2)]
    assert path_of(chart.drawing) == [pytest.approx(end, abs=0.1) for end in ends]
    assert chart.legend == (("c0 solid", "b"),)
    assert 'aria-label="a: b"' in chart.drawing


def test_holes_are_left_out_and_names_escaped() -> None:
    points = [(0, 1.0), (1, math.nan), (2, 3.0)]
    chart = line_chart("a", [Line("<b>", points), Line("none", [(0, math.nan)])], ("x", "y"), marks=[Mark("m", (0, 1))])
    assert chart is not None
    assert len(path_of(chart.drawing)) == 2
    assert [name for _, name in chart.legend] == ["<b>", "m"]
    assert "<b>" not in chart.drawing
    assert "nan" not in chart.drawing
    assert line_chart("a", [Line("b", [])], ("x", "y")) is None


def test_long_lines_are_thinned_but_keep_their_ends() -> None:
    points = [(number / 10_000, 0.5) for number in range(10_001)]
    chart = line_chart("a", [Line("b", points)], ("x", "y"), unit=(True, True))
    assert chart is not None
    path = path_of(chart.drawing)
    assert len(path) < 600
    assert (path[0][0], path[-1][0]) == (LEFT, WIDTH - RIGHT)


def test_training_charts_have_the_columns_of_metrics(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"epoch": n, "train/loss": 1 / (n + 1), "val/loss": loss, "val/miou": 0.5, "val/iou/v": 0.1, "lr": 1e-3}
        for n, loss in enumerate((2, "", 2))
    ]
    write_rows(tmp_path / "metrics.csv", rows)
    loss, measures, rate = training_charts(tmp_path / "metrics.csv", 1, "val/miou")
    assert [name for _, name in loss.legend] == ["training", "validation"]
    assert len(path_of(loss.drawing)) == 3
    assert len(path_of(loss.drawing, "c1")) == 2
    assert 'class="upright"' in measures.drawing
    assert [name for _, name in measures.legend] == ["mean IoU", "IoU v"]
    assert rate.title == "Learning rate"
    assert training_charts(tmp_path / "gone.csv", 1, "val/miou") == []


def test_decision_charts_mark_the_chosen_threshold(tmp_path: Path) -> None:
    names = ("threshold", "logit", "recall", "precision", "false_positive_rate", "dice", "iou")
    figures = (
        (0.9, 2.2, 0.2, 1.0, 0.0, 0.3333, 0.2),
        (0.43, -0.3, 0.8, 0.8, 0.1, 0.8, 0.667),
        (0.0, "", 1.0, 0.25, 1.0, 0.4, 0.25),
    )
    rows: list[dict[str, object]] = [dict(zip(names, line, strict=True)) for line in figures]
    write_rows(tmp_path / "thresholds.csv", rows)
    content = measured()
    over, roc, precision = decision_charts(tmp_path / "thresholds.csv", content)
    assert over.note == (
        "Dice 0.7654 at the chosen threshold 0.430. The highest Dice on these test images would be 0.8000, at 0.430."
    )
    content["rows"][0]["dataset"]["dice"]["vessel"] = 0.8001
    (better, *_) = decision_charts(tmp_path / "thresholds.csv", content)
    assert better.note == "Dice 0.8001 at the chosen threshold 0.430. None of 3 others gives more on these test images."
    content["rows"][0]["dataset"]["dice"]["vessel"] = None
    (near, *_) = decision_charts(tmp_path / "thresholds.csv", content)
    assert near.note.startswith("Dice 0.8000 near the chosen threshold 0.430. The highest")
    assert roc.legend[0][1] == "model, area 0.9500"
    wide, high = WIDTH - RIGHT - LEFT, HEIGHT - BOTTOM - TOP
    place = f'cx="{LEFT + 0.1 * wide:.1f}" cy="{TOP + 0.2 * high:.1f}"'.replace(".0", "")
    assert f'class="mark c1" {place}' in roc.drawing
    assert ("muted dotted", "guessing, 0.250") in precision.legend
    assert decision_charts(tmp_path / "gone.csv", content) == []


def test_calibration_leaves_out_empty_bins() -> None:
    content = results()
    content["reliability"] = {"vessel": {"probability": [0.1, None], "share": [0.2, None], "pixels": [100, 0]}}
    content["rows"][0]["dataset"]["ece"] = {"vessel": 0.1}
    shares, pixels = calibration_charts(content)
    assert [name for _, name in shares.legend] == ["perfect", "vessel, ECE 0.1000"]
    assert shares.drawing.count("vessel, ECE 0.1000: 0.1, 0.2") == 1
    assert pixels.drawing.count("<circle") == 1
    assert calibration_charts(results()) == []


def test_spread_shows_every_image_and_the_interval() -> None:
    images = [{"image": f"i{n}", "row": "model", "iou/vessel": f"0.{n}", "iou/background": ""} for n in range(5, 9)]
    others = [{"image": "i5", "row": "Otsu", "iou/vessel": "0.1", "iou/background": "0.1"}]
    (chart, *_) = spread_charts(measured(), [*images, *others])
    assert chart.drawing.count('class="image"') == 4
    assert chart.drawing.count('class="interval"') == 1
    assert "i7: 0.7000" in chart.drawing
    assert "0.7654 [0.701, 0.825]" in chart.drawing
    assert spread_charts(measured(), []) == []


def test_confusion_shares_add_up() -> None:
    content: dict[str, Any] = results()
    content["confusion"] = [[3_000, 1_000], [0, 0]]
    table = confusion_table(content)
    assert table is not None
    (name, cells), (_, absent) = table.rows
    assert name == "background"
    assert [(cell.share, cell.text, cell.count) for cell in cells] == [
        (0.75, "75.0 %", "3,000"),
        (0.25, "25.0 %", "1,000"),
    ]
    assert [cell.text for cell in absent] == ["-", "-"]
    assert confusion_table(results()) is None
