"""Colours of classes and of errors are never alike, for people with any colour vision."""

import itertools
import re
import time
from collections.abc import Sequence

import numpy as np
import pytest

from segexp.data.folder.masks.palette import choose_class_colours, parse_colour
from segexp.data.synthetic.scenes.catalogue import SCENES
from segexp.report.charts import page
from segexp.report.charts.palette import LIGHT, SERIES
from segexp.report.pictures import pixels
from segexp.report.pictures.colours import (
    APART,
    NEAR,
    Colour,
    bright_colours,
    clearance,
    colour_distances,
    pick_clear_colour,
    to_oklab,
)
from segexp.report.pictures.contact_sheet import outline_colours
from segexp.report.pictures.overlays import overlay_errors
from segexp.report.run_page.specimens import swatches
from segexp.spec import DataSpec, MaskTarget

TWO = [choose_class_colours(2), *(info.colours for info in SCENES.values() if len(info.colours) == 2)]
TWO += [((0, 0, 0), colour) for colour in bright_colours()]
TWO += [((255, 255, 255), (0, 0, 0)), ((255, 140, 0), (30, 136, 255)), ((30, 136, 255), (255, 140, 0))]


def spec(colours: tuple[Colour, ...]) -> DataSpec:
    return DataSpec(MaskTarget(tuple(f"c{number}" for number in range(len(colours))), tuple(colours)))


def test_known_distances() -> None:
    assert colour_distances([(0, 0, 0)], [(255, 255, 255)])[0, 0] == pytest.approx(1.0, abs=1e-3)
    # Of OKLab's own table: red has lightness 0.628, and a and b of 0.225 and 0.126.
    assert to_oklab([(255, 0, 0)])[0, 0] == pytest.approx((0.628, 0.225, 0.126), abs=1e-3)
    # Red and green of one lightness are far apart for most, and near for people without green cones.
    red, green = (200, 80, 80), (110, 130, 60)
    usual = np.linalg.norm(to_oklab([red])[0, 0] - to_oklab([green])[0, 0])
    assert usual > 2 * colour_distances([red], [green])[0, 0]
    assert clearance(red, []) == 1.0


def test_two_classes_have_errors_like_none_of_them() -> None:
    for colours in TWO:
        positive, negative = pixels.error_colours(spec(tuple(colours)))
        assert min(clearance(positive, colours), clearance(negative, colours)) >= APART
        others = [pixels.TRUE_POSITIVE, pixels.TRUE_NEGATIVE, pixels.IGNORED_DARK, pixels.IGNORED_LIGHT]
        assert clearance(positive, [*others, negative]) >= APART
        assert clearance(negative, others) >= APART


def least_apart(colours: Sequence[Colour]) -> float:
    return float(min(colour_distances([one], [other])[0, 0] for one, other in itertools.combinations(colours, 2)))


def test_classes_are_told_apart_with_any_colour_vision() -> None:
    """In OKLab, as simulated for people without red, green or blue cones."""
    for count in range(2, 13):
        assert least_apart(choose_class_colours(count)) > 0.1, count
    assert all(least_apart(info.colours) > 0.15 for info in SCENES.values())


def test_series_of_charts_are_told_apart_on_light_and_dark_pages() -> None:
    light = [parse_colour(LIGHT[series], series) for series in SERIES]
    found = re.findall(r"--c\d: (#[0-9a-f]{6})", page.style())
    assert [parse_colour(colour, "") for colour in found[:7]] == light
    for colours, paper in ((light, "#fdfdfc"), ([parse_colour(colour, "") for colour in found[7:14]], "#17181a")):
        assert len(colours) == 7
        assert least_apart(colours) > 0.1
        assert min(clearance(colour, [parse_colour(paper, "")]) for colour in colours) > 0.2


def test_orange_and_blue_stay_where_they_are_clear() -> None:
    usual = (pixels.FALSE_POSITIVE, pixels.FALSE_NEGATIVE)
    assert pixels.error_colours(spec(((0, 0, 0), (230, 60, 60)))) == usual
    assert pixels.error_colours(spec(((0, 0, 0), (240, 140, 40))))[0] != pixels.FALSE_POSITIVE


@pytest.mark.parametrize("count", [3, 5, 8, 12, 40, 254])
def test_wrong_pixels_of_many_classes(count: int) -> None:
    colours = tuple(choose_class_colours(count))
    start = time.process_time()  # not that of a clock, which a busy machine lets run
    wrong = pixels.wrong_colours(spec(colours))
    assert time.process_time() - start < 10
    assert len(set(wrong)) == count
    least = [min(NEAR, clearance(own, [*colours[:k], *colours[k + 1 :]])) for k, own in enumerate(colours)]
    for k, own in enumerate(wrong if count <= 12 else wrong[:12]):
        others = [*colours[:k], *colours[k + 1 :], *wrong[:k]]
        assert clearance(own, others) >= least[k] or own in bright_colours()
    assert outline_colours(spec(colours)) == dict(enumerate(wrong[1:], 1))


@pytest.mark.parametrize(
    "colours",
    [
        ((0, 0, 0), (255, 0, 255), (255, 255, 255)),
        ((10, 0, 0), (255, 0, 0), (90, 0, 0)),
        ((0, 0, 0), (100, 100, 100), (200, 200, 200), (255, 255, 255)),
        ((0, 0, 0), (0, 0, 20), (20, 0, 0)),
    ],
)
def test_colours_of_users_that_would_have_met(colours: tuple[Colour, ...]) -> None:
    wrong = pixels.wrong_colours(spec(colours))
    for (k, one), (m, other) in itertools.combinations(enumerate(wrong), 2):
        assert clearance(one, [other, colours[m]]) > 0.05
        assert clearance(other, [colours[k]]) > 0.05


def test_panels_overlays_and_the_legend_show_the_same_colours() -> None:
    known = spec(((0, 0, 0), (255, 140, 0)))
    truth, prediction = np.array([[0, 1, 1, 0]], np.uint8), np.array([[1, 0, 1, 0]], np.uint8)
    positive, negative = pixels.error_colours(known)
    drawn = pixels.errors_to_rgb(truth, prediction, known)
    assert [tuple(map(int, colour)) for colour in drawn[0, :2]] == [positive, negative]
    assert [tuple(map(int, colour)) for colour in overlay_errors(truth, prediction, known)[0, :2, :3]] == [
        positive,
        negative,
    ]
    told = {one.name: one.colour for one in swatches({"task": {"classes": ["a", "b"], "colours": known.colours}})}
    assert told == {}
    told = {
        one.name: one.colour
        for one in swatches({"task": {"classes": ["a", "b"], "colours": [list(c) for c in known.colours]}})
    }
    assert told["error: false"] == "#{:02x}{:02x}{:02x}".format(*positive)
    assert told["error: missed"] == "#{:02x}{:02x}{:02x}".format(*negative)


def test_of_no_wanted_colour_the_clearest_is_taken() -> None:
    assert pick_clear_colour([(0, 0, 0)], [(0, 0, 0)], 0.1) == (255, 255, 255)
