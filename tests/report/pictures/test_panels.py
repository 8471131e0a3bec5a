"""Pixels of the panels are where and what they should be."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.pictures import panels, pixels
from segexp.report.pictures.captions import LegendEntry, break_legend
from segexp.report.pictures.png import save_png
from segexp.spec import IGNORED, DataSpec, MaskTarget
from tests.report.made_up import PARTS, VESSELS

GREYS = (pixels.IGNORED_DARK, pixels.IGNORED_LIGHT)
SIDE = 300


def parts_of(picture: NDArray[np.uint8], height: int = SIDE, width: int = SIDE) -> list[NDArray[np.uint8]]:
    """The four parts without captions: gaps of equal width, pictures at the bottom."""
    gap = (picture.shape[1] - 4 * width) // 5
    bottom = picture.shape[0] - gap
    starts = [gap + index * (width + gap) for index in range(4)]
    return [picture[bottom - height : bottom, start : start + width] for start in starts]


def quarters(*values: int) -> NDArray[np.uint8]:
    """A map of four squares: top left, top right, bottom left, bottom right."""
    return np.array(values, np.uint8).reshape(2, 2).repeat(SIDE // 2, axis=0).repeat(SIDE // 2, axis=1)


def centres(part: NDArray[np.uint8]) -> list[tuple[int, ...]]:
    near, far = part.shape[0] // 4, 3 * part.shape[0] // 4
    return [tuple(map(int, part[row, column])) for row in (near, far) for column in (near, far)]


def colour_image() -> NDArray[np.uint8]:
    return np.broadcast_to(np.array([200, 100, 50], np.uint8), (SIDE, SIDE, 3))


def test_two_classes_show_all_four_outcomes() -> None:
    picture = panels.draw_panel(colour_image(), quarters(0, 0, 1, 1), quarters(0, 1, 0, 1), VESSELS, "a", {"IoU": 0.5})
    image, truth, prediction, errors = parts_of(picture)
    assert picture.dtype == np.uint8
    assert centres(image) == [(200, 100, 50)] * 4
    background, vessel = VESSELS.colours
    assert centres(truth) == [background, background, vessel, vessel]
    assert centres(prediction) == [background, vessel, background, vessel]
    assert centres(errors) == [
        background,
        pixels.FALSE_POSITIVE,
        pixels.FALSE_NEGATIVE,
        pixels.TRUE_POSITIVE,
    ]


def test_ignored_pixels_are_grey_and_count_neither_right_nor_wrong() -> None:
    picture = panels.draw_panel(colour_image(), quarters(IGNORED, 0, IGNORED, 1), quarters(1, 1, 0, 1), VESSELS)
    _, truth, prediction, errors = parts_of(picture)
    for part in (truth, errors):
        assert centres(part)[0] in GREYS
        assert centres(part)[2] in GREYS
    left = errors[:, : SIDE // 2].reshape(-1, 3)
    assert {tuple(map(int, colour)) for colour in np.unique(left, axis=0)} == set(GREYS)
    assert centres(prediction)[0] == VESSELS.colours[1]
    assert centres(errors)[1] == pixels.FALSE_POSITIVE


def test_more_classes_show_right_dimmed_and_wrong_bright_in_the_colour_of_the_truth() -> None:
    picture = panels.draw_panel(colour_image(), quarters(1, 1, 0, 2), quarters(1, 2, 1, 2), PARTS)
    right_vessel, wrong_vessel, wrong_outside, right_tissue = centres(parts_of(picture)[3])
    assert right_vessel == (70, 14, 14)
    assert wrong_vessel == (255, 51, 51)
    assert wrong_outside == (255, 255, 255)
    assert right_tissue == (21, 42, 63)


def test_a_bright_background_is_black_and_a_dark_one_as_in_the_truth_where_right() -> None:
    bright = DataSpec(MaskTarget(("sky", "bird"), ((90, 160, 250), (20, 20, 20))))
    picture = panels.draw_panel(colour_image(), quarters(0, 0, 1, 1), quarters(0, 0, 1, 1), bright)
    assert centres(parts_of(picture)[3])[0] == pixels.TRUE_NEGATIVE
    dark = DataSpec(MaskTarget(("ground", "road", "roof"), ((40, 40, 48), (240, 140, 40), (60, 150, 150))))
    picture = panels.draw_panel(colour_image(), quarters(0, 1, 0, 2), quarters(0, 1, 2, 2), dark)
    assert centres(parts_of(picture)[3]) == [(40, 40, 48), (84, 49, 14), (255, 255, 255), (21, 52, 52)]


def test_a_black_class_beside_a_white_one_is_magenta_where_wrong() -> None:
    spec = DataSpec(MaskTarget(("a", "b", "c"), ((0, 0, 0), (255, 255, 255), (0, 90, 0))))
    assert pixels.wrong_colours(spec) == ((255, 0, 255), (255, 255, 255), (0, 255, 0))


def test_small_images_are_enlarged_by_a_whole_factor_without_new_colours() -> None:
    truth = np.zeros((40, 60), np.uint8)
    truth[0, 0] = 1
    picture = panels.draw_panel(truth * 255, truth, truth, VESSELS)
    image, shown = parts_of(picture, 280, 420)[:2]
    assert (image[:7, :7] == 255).all()
    assert (image[7:] == 0).all()
    assert (shown[:7, :7] == VESSELS.colours[1]).all()
    assert (shown[:7, 7:] == VESSELS.colours[0]).all()


def test_large_images_are_reduced_by_area_and_labels_stay_labels() -> None:
    """A pattern of single pixels becomes its mean in the image, and one class or the other in the masks."""
    image = np.indices((2048, 1024)).sum(axis=0).astype(np.uint8) % 2 * 200
    labels = np.random.default_rng(0).integers(0, 2, image.shape, dtype=np.uint8)
    picture = panels.draw_panel(image, labels, labels, VESSELS)
    shown, truth, prediction, errors = parts_of(picture, 1024, 512)
    assert picture.shape[1] < 4 * 512 + 200
    assert (shown == 100).all()
    found = {tuple(map(int, colour)) for colour in np.unique(truth.reshape(-1, 3), axis=0)}
    assert found == set(VESSELS.colours)
    assert (truth == prediction).all()
    # Right everywhere: neither false nor missed pixels come in by the reduction.
    assert {tuple(map(int, colour)) for colour in np.unique(errors.reshape(-1, 3), axis=0)} == {
        VESSELS.colours[0], pixels.TRUE_POSITIVE,
    }  # fmt: skip


def test_sixteen_bits_are_stretched_over_the_counted_pixels() -> None:
    image = np.linspace(1000, 3000, SIDE * SIDE).astype(np.uint16).reshape(SIDE, SIDE, 1)
    image[:20] = 65535
    truth = np.zeros((SIDE, SIDE), np.uint8)
    truth[:20] = IGNORED
    shown = parts_of(panels.draw_panel(image, truth, np.zeros_like(truth), VESSELS))[0]
    assert shown[25, 0, 0] < 10
    assert shown[-1, -1, 0] == 255
    assert 110 < shown[SIDE // 2 + 10, 0, 0] < 145


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_and_rgb_of_8_bits_are_shown_as_they_are(channels: int) -> None:
    image = np.full((SIDE, SIDE, channels), 7, np.uint8)
    labels = np.zeros((SIDE, SIDE), np.uint8)
    assert (parts_of(panels.draw_panel(image, labels, labels, VESSELS))[0] == 7).all()


def test_the_caption_is_written_and_the_legend_shows_the_error_colours() -> None:
    labels = np.zeros((SIDE, SIDE), np.uint8)
    plain = panels.draw_panel(labels, labels, labels, VESSELS)
    named = panels.draw_panel(labels, labels, labels, VESSELS, "bild_ä.tif", {"IoU vessel": None, "Dice": 0.76})
    caption = named[: named.shape[0] - plain.shape[0]]
    assert (caption < 60).any()
    assert (caption[:, caption.shape[1] // 2 :] == 255).all()
    strip = plain[: plain.shape[0] - SIDE - 10, -SIDE:].reshape(-1, 3)
    for colour in (pixels.FALSE_POSITIVE, pixels.FALSE_NEGATIVE):
        assert (strip == colour).all(axis=1).any()


def test_a_legend_that_is_too_long_for_a_line_goes_on_below() -> None:
    labels = np.zeros((SIDE, SIDE), np.uint8)
    names = ("background", "membrane of a cell", "cytoplasm of a cell", "nucleus of a cell")
    colours = ((0, 0, 0), (250, 120, 10), (20, 130, 240), (30, 200, 90))
    spec = DataSpec(MaskTarget(names, colours))
    size, short = panels.text_size(SIDE), panels.draw_panel(labels, labels, labels, VESSELS)
    long = panels.draw_panel(labels, labels, labels, spec)
    assert long.shape[0] - short.shape[0] == pytest.approx(1.5 * size, abs=1)
    strip = long[: long.shape[0] - SIDE - size // 2]
    truth = strip[:, SIDE : 2 * SIDE].reshape(-1, 3)
    assert [bool((truth == colour).all(axis=1).any()) for colour in colours] == [True] * 4
    many = [LegendEntry((0, 0, 0), f"class {number}") for number in range(150)]
    lines = break_legend(many, SIDE, size, 4)
    assert len(lines) == 4
    assert [entry for line in lines for entry in line] == many


def test_a_long_title_is_cut() -> None:
    labels = np.zeros((SIDE, SIDE), np.uint8)
    short = panels.draw_panel(labels, labels, labels, VESSELS, "x")
    assert panels.draw_panel(labels, labels, labels, VESSELS, "x" * 900, {"IoU": 0.5}).shape == short.shape


def test_a_label_that_is_no_class_is_named() -> None:
    labels = np.zeros((4, 4), np.uint8)
    with pytest.raises(DataError, match=r"prediction holds the values \[2, 7\]; expected 0..1"):
        panels.draw_panel(labels, labels, np.array([[0, 2], [7, 255]], np.uint8).repeat(2, 0).repeat(2, 1), VESSELS)


def test_shapes_and_types_must_fit() -> None:
    labels = np.zeros((4, 4), np.uint8)
    with pytest.raises(DataError, match=r"truth as uint8 .* got uint8 \(4, 3\)"):
        panels.draw_panel(labels, labels[:, :3], labels, VESSELS)
    with pytest.raises(DataError, match="float32"):
        panels.draw_panel(labels.astype(np.float32), labels, labels, VESSELS)


def test_save_png_writes_the_same_picture_and_leaves_no_temporary_file(tmp_path: Path) -> None:
    arguments = (colour_image(), quarters(0, 0, 1, 1), quarters(0, 1, 0, 1), VESSELS, "a")
    path = save_png(tmp_path / "panels" / "a.png", panels.draw_panel(*arguments))
    read = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    assert (read == panels.draw_panel(*arguments)).all()
    assert [file.name for file in path.parent.iterdir()] == ["a.png"]
