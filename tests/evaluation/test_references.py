"""Figures of others stand beside those of a run: in results.json, on the terminal and on the page."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from segexp.cli.app import run
from segexp.evaluation.references import reference_entries
from segexp.report.run_page.tables.references import reference_table
from tests.training.runs import TINY, composed, folders, read_json

ROWS = [
    {"name": "model", "dataset": {"miou": 0.5, "iou": {"cell": 0.25}}, "image": {"hd95": 3.0}},
    {"name": "model at 0.5", "dataset": {"miou": 0.75, "iou": {"cell": None}}, "image": {}},
]


def entries(tmp_path: Path, **keys: Any) -> list[dict[str, Any]]:
    metrics = tmp_path / "metrics.csv"
    metrics.write_text("epoch,train/loss,val/miou\n0,0.8,0.1\n1,0.4,\n2,0.2,0.3\n", encoding="utf-8")
    experiment = dataclasses.replace(composed(), **keys)
    return reference_entries(experiment, {"rows": ROWS}, metrics)


def test_a_figure_of_the_test_of_the_last_epoch_or_of_each_epoch(tmp_path: Path) -> None:
    references: dict[str, float | list[float]] = {
        "test/miou": 0.6, "test/image_hd95": 2.0, "train/loss": 0.25, "val/miou": [0.1, 0.2], "val/auc": 0.9,
    }  # fmt: skip
    found = entries(tmp_path, references=references, references_from="a paper")
    assert [(entry["figure"], entry["found"]) for entry in found] == [
        ("test/miou", 0.5), ("test/image_hd95", 3.0), ("train/loss", 0.2), ("val/miou", [0.1, None]), ("val/auc", None)
    ]  # fmt: skip
    assert {entry["from"] for entry in found} == {"a paper"}


def test_another_row(tmp_path: Path) -> None:
    found = entries(tmp_path, references={"test/miou": 0.6, "test/iou/cell": 1}, references_row="model at 0.5")
    assert [entry["found"] for entry in found] == [0.75, None]


def test_the_table_has_a_line_for_each_epoch() -> None:
    table = reference_table(
        {
            "references": [
                {"figure": "train/loss", "reference": [0.5, 0.25, 0.125], "found": [0.75, 0.25], "from": "a lab"},
                {"figure": "test/miou", "reference": 0.9, "found": None, "from": "a lab"},
            ]
        }
    )
    assert table is not None
    assert table.title == "beside the reference (a lab)"
    assert table.rows == (
        ("train/loss, epoch 1", "0.5000", "0.7500", "+0.2500"),
        ("train/loss, epoch 2", "0.2500", "0.2500", "+0.0000"),
        ("train/loss, epoch 3", "0.1250", "-", "-"),
        ("test/miou", "0.9000", "-", "-"),
    )


@pytest.mark.parametrize("results", [{}, {"references": "x"}, {"references": [1, "a"]}])
def test_no_table_without_references(results: dict[str, Any]) -> None:
    assert reference_table(results) is None


def test_a_run_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["metric=none", "bootstrap=0", "panels=0", "references={test/miou: 0.99, train/loss: [9.0]}"]
    assert run([*TINY, *words, "references_from=nobody"]) == 0
    assert "beside the reference (nobody)" in capsys.readouterr().out
    folder = folders()[0]
    stored = read_json(folder / "results.json")
    first, second = stored["references"]
    assert first["found"] == stored["rows"][0]["dataset"]["miou"]
    assert second["reference"] == [9.0]
    assert 0 < second["found"][0] < 9
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Beside the reference (nobody)" in page


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("references={test/mioux: 0.9}", "references.test/mioux: "),
        ("references={miou: 0.9}", "references: found 'miou', expected train/<figure>, val/<figure> or test/<figure>"),
        ("references={test/miou: high}", "references.test/miou: found 'high', expected a number"),
    ],
)
def test_no_such_figure(word: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*TINY, word]) == 2
    assert message in capsys.readouterr().err
    assert not folders()
