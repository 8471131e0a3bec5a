"""Class probability maps: a row per class, and what is refused."""

from pathlib import Path

import numpy as np
import pytest

from segexp.errors import DataError
from segexp.report.pictures.class_maps import TEXT, plot_class_maps
from tests.report.made_up import PARTS, VESSELS
from tests.report.run_page.test_chart_files import amount, read

DARKEST_VIRIDIS, BRIGHTEST_VIRIDIS = (68, 1, 84), (253, 231, 36)


def test_class_maps_have_a_row_per_class(tmp_path: Path) -> None:
    truth = np.zeros((60, 80), np.uint8)
    truth[:, 40:] = 2
    probabilities = np.stack([(truth == index).astype(np.float32) for index in range(3)])
    image = np.zeros((60, 80, 3), np.uint8)
    picture = read(plot_class_maps(image, probabilities, truth, PARTS, tmp_path / "maps.png"))
    maps = picture[: -4 * TEXT, picture.shape[1] // 3 :]
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
