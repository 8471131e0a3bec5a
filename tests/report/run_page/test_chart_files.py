"""Figures of a run as files: made from its plain files alone, what is refused, and what is drawn."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from segexp.cli.app import run as run_line
from segexp.errors import DataError
from segexp.report.run_page.charts.files import CHARTS, save_chart
from tests.report.made_up import measured, write_json, write_rows

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)
FULL, EMPTY = (8, 48, 107), (247, 251, 255)


def read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)


def amount(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - colour).max(axis=2) <= 2).sum())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose test wrote everything but its figures."""
    content: dict[str, Any] = measured()
    content["confusion"] = [[1_000_000, 0], [0, 3]]
    bins = {"probability": [0.2, None, 0.9], "share": [0.8, None, 0.1], "pixels": [10, 0, 90]}
    content["reliability"] = {"vessel": bins}
    content["latents"] = {"axes": ["code 1", "code 2"], "classes": ["1", "5"]}
    write_json(tmp_path / "results.json", content)
    dots = [{"image": f"i{n}", "row": "model", "iou/vessel": n / 10, "dice/vessel": n / 9} for n in range(5)]
    write_rows(tmp_path / "per_image.csv", dots)
    codes = [{"image": f"i{n}", "class": "15"[n % 2], "x": n / 10, "y": -n / 7} for n in range(20)]
    write_rows(tmp_path / "latents.csv", codes)
    curves: list[dict[str, object]] = [
        {"epoch": 1, "train/loss": 0.5, "val/loss": 0.7, "val/miou": 0.6, "val/iou/a": 0.4, "lr": 1e-5},
        {"epoch": 0, "train/loss": 1.0, "val/loss": "", "val/miou": "", "val/iou/a": "nan", "lr": 1e-3},
        {"epoch": "", "train/loss": 9.0, "val/loss": "", "val/miou": "", "val/iou/a": "", "lr": ""},
    ]
    write_rows(tmp_path / "metrics.csv", curves)
    names = ("threshold", "recall", "precision", "false_positive_rate", "dice", "iou")
    figures = [(1 - n / 100, n / 100, 1 - n / 200, (n / 100) ** 3, 0.5, 0.4) for n in range(101)]
    write_rows(tmp_path / "thresholds.csv", [dict(zip(names, line, strict=True)) for line in figures])
    return tmp_path


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_every_figure_is_made_from_plain_files(folder: Path, name: str, kind: str) -> None:
    path = save_chart(folder, f"{name}.{kind}")
    assert path == folder / f"{name}.{kind}"
    assert path.stat().st_size > 2000


def test_the_report_command_writes_what_there_is(folder: Path) -> None:
    (folder / "thresholds.csv").unlink()
    (folder / "latents.csv").unlink()
    write_json(folder / "run.json", {"state": "finished"})
    assert run_line(["report", str(folder), "charts=[pdf,svg]"]) == 0
    made = {path.name for path in folder.iterdir() if path.suffix in (".pdf", ".svg")}
    assert made == {
        f"{name}.{kind}" for name in ("curves", "confusion", "classes", "reliability") for kind in ("pdf", "svg")
    }
    assert run_line(["report", str(folder), "charts=[gif]"]) == 2


def test_colours_tell_series_apart(folder: Path) -> None:
    curves = read(save_chart(folder, "curves.png"))
    loss = curves[:, : curves.shape[1] // 3]
    assert amount(loss, BLUE) > 100
    assert amount(loss, ORANGE) > 10
    scores = read(save_chart(folder, "scores.png"))
    third = scores.shape[1] // 3
    # the mark of the chosen threshold
    assert min(amount(scores[:, third : 2 * third], ORANGE), amount(scores[:, 2 * third :], ORANGE)) > 60
    assert amount(read(save_chart(folder, "reliability.png")), BLUE) > 200


def test_charts_without_columns_are_left_out(folder: Path) -> None:
    full = read(save_chart(folder, "curves.png"))
    write_rows(folder / "metrics.csv", [{"epoch": 0, "train/loss": 1.0}])
    single = read(save_chart(folder, "curves.png"))
    assert single.shape[1] * 2 < full.shape[1]


def test_confusion_normalises_rows(folder: Path) -> None:
    picture = read(save_chart(folder, "confusion.png"))
    full, empty = amount(picture, FULL), amount(picture, EMPTY)
    # two cells each: the second diagonal cell is full although its count is 300,000 times smaller
    assert full == pytest.approx(empty, rel=0.06)
    assert full > 10_000


def test_an_absent_class_is_named(folder: Path) -> None:
    content = measured()
    content["confusion"] = [[5, 1], [0, 0]]
    write_json(folder / "results.json", content)
    assert "vessel (absent)" in save_chart(folder, "confusion.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CHARTS)
def test_nothing_to_draw_is_a_line(tmp_path: Path, name: str) -> None:
    write_json(tmp_path / "results.json", {"rows": []})
    with pytest.raises(DataError, match=f"holds nothing to draw {name}.png of"):
        save_chart(tmp_path, f"{name}.png")
    assert not (tmp_path / f"{name}.png").exists()
