"""Charts of a run: values stand where they belong, the chosen is marked, words are told."""

from pathlib import Path
from typing import Any

from segexp.report.run_page.charts.calibration import calibration_charts
from segexp.report.run_page.charts.class_spread import spread_charts
from segexp.report.run_page.charts.decisions import decision_charts
from segexp.report.run_page.charts.training import training_charts
from segexp.report.run_page.tables.confusion import confusion_table
from tests.report.charts.test_intervals import rows_of
from tests.report.charts.test_lines import layers_of, points_of
from tests.report.made_up import measured, results, write_rows


def test_training_charts_have_the_columns_of_metrics(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {
            "epoch": n,
            "train/loss": 1 / (n + 1),
            "val/loss": loss,
            "val/miou": 0.5,
            "val/iou/v": 0.1,
            "val/dice/v": 0.2,
            "lr": 1e-3,
        }
        for n, loss in enumerate((2, "", 2))
    ]
    write_rows(tmp_path / "metrics.csv", rows)
    loss, measures, rate = training_charts(tmp_path / "metrics.csv", 1, "val/miou")
    assert [entry.name for entry in loss.legend] == ["training", "validation"]
    assert points_of(loss) == [(1, 1), (2, 0.5), (3, 0.33333)]
    assert points_of(loss, 1) == [(1, 2), (3, 2)]
    (best,) = layers_of(measures, "rule")
    assert best["data"]["values"] == [{"x": 2, "text": "best: 2"}]
    assert [entry.name for entry in measures.legend] == ["mean IoU", "IoU v", "Dice v"]
    assert (rate.title, rate.spec["encoding"]["y"]["scale"].get("type")) == ("Learning rate", None)
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
    assert [entry.name for entry in roc.legend] == ["model, area 0.9500", "guessing", "chosen threshold"]
    assert layers_of(roc, "circle")[-1]["data"]["values"] == [{"x": 0.1, "y": 0.8, "s": 2}]
    assert layers_of(over, "rule")[0]["data"]["values"] == [{"x": 0.43, "text": "chosen"}]
    assert ("guessing, 0.250", "dotted") in [(entry.name, entry.style) for entry in precision.legend]
    assert decision_charts(tmp_path / "gone.csv", content) == []


def test_calibration_leaves_out_empty_bins() -> None:
    content = results()
    content["reliability"] = {"vessel": {"probability": [0.1, None], "share": [0.2, None], "pixels": [100, 0]}}
    content["rows"][0]["dataset"]["ece"] = {"vessel": 0.1}
    shares, pixels = calibration_charts(content)
    assert [entry.name for entry in shares.legend] == ["perfect", "vessel, ECE 0.1000"]
    assert points_of(shares, 1) == [(0.1, 0.2)]
    assert points_of(pixels) == [(0.25, 100)]
    content["rows"][0]["dataset"]["brier"] = {"vessel": 0.02}
    assert calibration_charts(content)[0].legend[1].name == "vessel, ECE 0.1000, Brier 0.0200"
    assert calibration_charts(results()) == []


def test_spread_shows_every_image_and_the_interval() -> None:
    images = [{"image": f"i{n}", "row": "model", "iou/vessel": f"0.{n}", "iou/background": ""} for n in range(5, 9)]
    others = [{"image": "i5", "row": "Otsu", "iou/vessel": "0.1", "iou/background": "0.1"}]
    (chart, *_) = spread_charts(measured(), [*images, *others])
    dots, figures = rows_of(chart, "circle")
    assert [dot["told"] for dot in dots] == ["i5: 0.5000", "i6: 0.6000", "i7: 0.7000", "i8: 0.8000"]
    assert figures[1]["told"] == "vessel: 0.7654 [0.7010, 0.8249]"
    assert rows_of(chart, "rule") == [[figures[1]]]
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


def test_rates_far_apart_are_on_a_logarithmic_axis(tmp_path: Path) -> None:
    write_rows(tmp_path / "metrics.csv", [{"epoch": n, "lr": rate} for n, rate in enumerate((1e-2, 1e-3, 1e-5))])
    (rate,) = training_charts(tmp_path / "metrics.csv", None, "")
    assert rate.spec["encoding"]["y"]["scale"]["type"] == "log"


def test_of_many_classes_dice_is_left_out(tmp_path: Path) -> None:
    row: dict[str, object] = {"epoch": 0, "val/miou": 0.5}
    row |= {f"val/{measure}/{name}": 0.5 for name in "abcd" for measure in ("iou", "dice")}
    write_rows(tmp_path / "metrics.csv", [row])
    (measures,) = training_charts(tmp_path / "metrics.csv", 0, "val/dice/a")
    assert [entry.name for entry in measures.legend] == ["mean IoU", "IoU a", "IoU b", "IoU c", "IoU d"]
