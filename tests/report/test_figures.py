"""The matplotlib figures: what is refused, what is written, and that nothing global changes."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.pictures.class_maps import plot_class_maps
from segexp.report.plots.confusion import plot_confusion
from segexp.report.plots.curves import plot_curves, read_history
from segexp.report.plots.reliability import plot_reliability
from segexp.report.plots.scores import ThresholdPoint, plot_scores
from tests.report.made_up import PARTS, VESSELS, write_rows

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)
DARKEST_VIRIDIS, BRIGHTEST_VIRIDIS = (68, 1, 84), (253, 231, 36)


def read(path: Path) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB), np.uint8)


def amount(picture: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - colour).max(axis=2) <= 2).sum())


def history(path: Path) -> Path:
    rows: list[dict[str, object]] = [
        {"epoch": 1, "train/loss": 0.5, "val/loss": 0.7, "val/miou": 0.6, "val/iou/a": 0.4, "lr": 1e-5},
        {"epoch": 0, "train/loss": 1.0, "val/loss": "", "val/miou": "", "val/iou/a": "nan", "lr": 1e-3},
        {"epoch": "", "train/loss": 9.0, "val/loss": "", "val/miou": "", "val/iou/a": "", "lr": ""},
    ]
    write_rows(path, rows)
    return path


def test_history_is_sorted_and_empty_cells_are_nan(tmp_path: Path) -> None:
    read_back = read_history(history(tmp_path / "metrics.csv"))
    assert read_back.epochs == [0, 1]
    assert read_back.columns["train/loss"] == [1.0, 0.5]
    assert np.isnan(read_back.columns["val/loss"][0])
    assert read_back.starting("val/iou") == ["val/iou/a"]


def test_curves_draw_both_losses(tmp_path: Path) -> None:
    picture = read(plot_curves(history(tmp_path / "metrics.csv"), tmp_path / "curves.png", best_epoch=1))
    loss = picture[:, : picture.shape[1] // 3]
    assert amount(loss, BLUE) > 100
    assert amount(loss, ORANGE) > 10


def test_axes_without_columns_are_left_out(tmp_path: Path) -> None:
    write_rows(tmp_path / "metrics.csv", [{"epoch": 0, "train/loss": 1.0}])
    full = read(plot_curves(history(tmp_path / "full.csv"), tmp_path / "full.png"))
    single = read(plot_curves(tmp_path / "metrics.csv", tmp_path / "single.png"))
    assert single.shape[1] * 3 == pytest.approx(full.shape[1], abs=3)


def test_curves_name_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.csv cannot be read"):
        plot_curves(tmp_path / "none.csv", tmp_path / "out.png")
    write_rows(tmp_path / "step.csv", [{"step": 1}])
    with pytest.raises(DataError, match="no column 'epoch'"):
        plot_curves(tmp_path / "step.csv", tmp_path / "out.png")
    write_rows(tmp_path / "empty.csv", [{"epoch": 1, "seconds": 2}])
    with pytest.raises(DataError, match="nothing to draw"):
        plot_curves(tmp_path / "empty.csv", tmp_path / "out.png")
    assert not (tmp_path / "out.png").exists()


def test_confusion_normalises_rows(tmp_path: Path) -> None:
    perfect = np.array([[1_000_000, 0], [0, 3]])
    picture = read(plot_confusion(perfect, ["a", "b$c"], tmp_path / "confusion.png"))
    full, empty = amount(picture, (8, 48, 107)), amount(picture, (247, 251, 255))
    # two cells each: the second diagonal cell is full although its count is 300,000 times smaller
    assert full == pytest.approx(empty, rel=0.05)
    assert full > 10_000


def test_confusion_with_an_absent_class_and_with_wrong_counts(tmp_path: Path) -> None:
    plot_confusion(np.array([[5, 1], [0, 0]]), ["a", "b"], tmp_path / "absent.png")
    for counts in (np.zeros((2, 3)), np.array([[1, -1], [0, 1]])):
        with pytest.raises(DataError, match="2 rows and columns"):
            plot_confusion(counts, ["a", "b"], tmp_path / "wrong.png")


def test_class_maps_have_a_row_per_class(tmp_path: Path) -> None:
    truth = np.zeros((60, 80), np.uint8)
    truth[:, 40:] = 2
    probabilities = np.stack([(truth == index).astype(np.float32) for index in range(3)])
    image = np.zeros((60, 80, 3), np.uint8)
    picture = read(plot_class_maps(image, probabilities, truth, PARTS, tmp_path / "maps.png"))
    maps = picture[:, picture.shape[1] // 3 : round(picture.shape[1] * 0.85)]
    first, second, third = np.array_split(maps, 3)
    for part in (first, third):
        assert amount(part, BRIGHTEST_VIRIDIS) > 0.3 * amount(part, DARKEST_VIRIDIS) > 1000
    assert amount(second, BRIGHTEST_VIRIDIS) == 0


def test_class_maps_complete_one_plane_and_refuse_logits(tmp_path: Path) -> None:
    truth, image = np.full((8, 8), 255, np.uint8), np.zeros((8, 8), np.uint8)
    plane = np.full((1, 8, 8), 0.25, np.float32)
    plot_class_maps(image, plane, truth, VESSELS, tmp_path / "maps.png")
    with pytest.raises(DataError, match="Apply the sigmoid"):
        plot_class_maps(image, plane - 3, truth, VESSELS, tmp_path / "maps.png")
    with pytest.raises(DataError, match=r"shape \(3, 8, 8\)"):
        plot_class_maps(image, plane, truth, PARTS, tmp_path / "maps.png")


def test_scores_mark_the_threshold_on_both_curves(tmp_path: Path) -> None:
    line = np.linspace(0, 1, 200_000)
    point = ThresholdPoint(0.43, 0.1, 0.8, 0.7)
    arguments = ((line, line**0.1), (line, 1 - line**9))
    marked = read(plot_scores(*arguments, point, 0.97, None, tmp_path / "a.png", foreground_share=0.1))
    plain = read(plot_scores(*arguments, None, 0.97, 0.9, tmp_path / "b.png"))
    half = marked.shape[1] // 2
    assert min(amount(marked[:, :half], ORANGE), amount(marked[:, half:], ORANGE)) > 80
    assert amount(plain, ORANGE) == 0
    assert amount(plain, BLUE) > 500


def test_scores_refuse_curves_of_unequal_length(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="precision-recall"):
        plot_scores((np.ones(3), np.ones(3)), (np.ones(3), np.ones(2)), None, None, None, tmp_path / "scores.png")


def test_settings_of_matplotlib_stay_as_they_were(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    plot_confusion(np.eye(2, dtype=np.int64), ["a", "b"], tmp_path / "confusion.png")
    assert dict(matplotlib.rcParams) == before


def test_reliability_draws_a_line_per_class_and_skips_empty_bins(tmp_path: Path) -> None:
    points = {
        "a": {"probability": [0.2, None, 0.9], "share": [0.8, None, 0.1], "pixels": [10, 0, 90]},
        "b": {"probability": [None, 0.5, None], "share": [None, 0.5, None], "pixels": [0, 50, 0]},
    }
    both = read(plot_reliability(points, {"a": 0.1, "b": None}, {"a": 0.2, "b": 0.3}, tmp_path / "both.png"))
    one = read(plot_reliability({"b": points["b"]}, {"b": 0.1}, {"b": 0.3}, tmp_path / "one.png"))
    assert amount(both, BLUE) > 500
    assert amount(both, ORANGE) > 100
    assert amount(one, ORANGE) == 0
    # A rising line of "a" would be drawn in the upper right; it falls, so the upper right of the axes is empty.
    upper_right = both[40:200, -160:]
    assert amount(upper_right, BLUE) == 0
    with pytest.raises(DataError, match="at least one class"):
        plot_reliability({}, {}, {}, tmp_path / "none.png")
