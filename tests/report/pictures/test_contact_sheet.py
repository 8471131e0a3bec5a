"""Pictures of the contact sheet: outlines, hatch, places."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from segexp.report.pictures.captions import INK
from segexp.report.pictures.contact_sheet import (
    CELL,
    SheetCell,
    _label_place,
    draw_cell,
    draw_row,
    draw_sheet,
    outline_colours,
    sheet_legend,
)
from segexp.report.pictures.pixels import IGNORED_DARK
from segexp.report.pictures.png import save_png
from segexp.spec import DataSpec, MaskTarget

SPEC = DataSpec(MaskTarget(("ground", "thing", "other"), ((0, 0, 0), (200, 100, 0), (10, 10, 40))))


def cell(side: int = 64, **more: object) -> SheetCell:
    mask = np.zeros((side, side), np.uint8)
    mask[side // 4 : side // 2, side // 4 : side // 2] = 1
    mask[-side // 4 :] = 255
    return SheetCell("a sample", np.full((side, side, 3), 60, np.uint8), mask, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", [64, 256, 512])
def test_outlines_lie_on_the_border_of_the_class_and_leave_the_image_free(side: int) -> None:
    rgb = draw_cell(cell(side), SPEC)
    assert rgb.shape == (CELL, CELL, 3)
    colour = np.array(outline_colours(SPEC)[1])
    painted = (rgb == colour).all(axis=2)
    rows, columns = np.nonzero(painted)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (64, 127, 64, 127)
    assert painted[64, 64:128].all()
    assert painted[64:128, 127].all()
    assert not painted[70:120, 70:120].any()
    assert (rgb[90, 90] == 60).all()
    assert (rgb[30, 30] == 60).all()


@pytest.mark.parametrize("grey", [0, 255])
def test_an_outline_is_double_so_that_it_is_seen_on_white_and_on_black(grey: int) -> None:
    mask = np.zeros((256, 256), np.uint8)
    mask[64:128, 64:128], mask[64:128, 128:160] = 1, 2
    rgb = draw_cell(SheetCell("a", np.full((256, 256, 3), grey, np.uint8), mask), SPEC)
    assert (rgb[63, 63:160] == INK).all()
    assert (rgb[63:129, 63] == INK).all()
    assert (rgb[100, 62] == grey).all()
    # Where two classes meet, both keep their colours.
    colours = outline_colours(SPEC)
    assert tuple(rgb[100, 127]) == colours[1]
    assert tuple(rgb[100, 128]) == colours[2]


def test_ignored_pixels_are_hatched_and_the_image_shows_between() -> None:
    rgb = draw_cell(cell(), SPEC)[200:250, 5:250].reshape(-1, 3)
    dark = (rgb == IGNORED_DARK).all(axis=1).mean()
    assert 0.4 < dark < 0.6
    assert ((rgb > 92) & (rgb < 102)).all(axis=1).mean() > 0.4


def test_dark_classes_get_a_bright_outline_and_the_first_none() -> None:
    colours = outline_colours(SPEC)
    assert set(colours) == {1, 2}
    assert all(max(colour) == 255 for colour in colours.values())
    assert [entry.name for entry in sheet_legend(SPEC, ignored=True)] == ["thing", "other", "ignored (255)"]
    assert [entry.name for entry in sheet_legend(SPEC, ignored=False)] == ["thing", "other"]


def test_places_are_drawn_where_they_are() -> None:
    corners = np.array([(8, 4), (40, 4), (40, 30), (8, 30)], np.float32)
    plain, marked = draw_cell(cell(), SPEC), draw_cell(cell(marks=[("1", corners)]), SPEC)
    rows, columns = np.nonzero((plain != marked).any(axis=2))
    assert (rows.min(), rows.max()) == pytest.approx((14, 122), abs=4)
    assert (columns.min(), columns.max()) == pytest.approx((30, 162), abs=4)
    assert (marked[60, 32] > 200).all()


def test_numbers_of_places_do_not_cover_each_other() -> None:
    corners = np.array([(8, 4), (40, 4), (40, 30), (8, 30)], np.float32)
    beyond = corners - (300, 300)
    marked = draw_cell(cell(marks=[(str(number), corners) for number in range(3)]), SPEC)
    white = (marked == 255).all(axis=2)
    first, second, third = (white[y : y + 15, x : x + 12].mean() for x, y in ((32, 16), (160, 16), (160, 120)))
    assert min(first, second, third) > 0.4
    # What lies beyond the picture has its number within it, one beside the other as long as there is room.
    taken = [_label_place(corners.astype(np.int32), (256, 256, 3), []), (0, 0)]
    assert taken[0] == (8, 4)
    assert _label_place(beyond.astype(np.int32), (256, 256, 3), taken) == (0, 0)
    assert _label_place(np.array([(3, 3), (200, 3), (200, 90), (3, 90)], np.int32), (256, 256, 3), taken) == (200, 3)


def test_sixteen_bits_one_band_and_oblong_images() -> None:
    image = np.linspace(0, 60000, 40 * 90).reshape(40, 90, 1).astype(np.uint16)
    rgb = draw_cell(SheetCell("deep", image, np.zeros((40, 90), np.uint8)), SPEC)
    assert (rgb[85:] == 255).all()
    assert int(rgb[5:75, 20:160].max()) > 100


def test_a_sheet_has_title_rows_and_is_a_png(tmp_path: Path) -> None:
    rows = [draw_row([cell(), cell(), cell()], SPEC), draw_row([cell()], SPEC)]
    rgb = draw_sheet(rows, SPEC, "drive, augment=strong", ignored=True)
    assert rgb.shape[1] > 3 * CELL
    assert rgb.shape[0] > 2 * CELL
    path = save_png(tmp_path / "sheet.png", rgb)
    assert np.array_equal(cv2.imread(str(path))[..., ::-1], rgb)
