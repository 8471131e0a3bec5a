"""The drawn plots: places of points, ticks and labels, what is marked, what is escaped."""

import re
from xml.etree import ElementTree

import pytest

from segexp.report.charts.label_places import DOT, places
from segexp.report.charts.scale import amount, fitted, linear_ticks, time_unit
from segexp.report.comparison_page.interval_bar import common_scale, interval_bar
from segexp.report.comparison_page.paired import Difference
from segexp.report.comparison_page.parallel import Line, axis, parallel
from segexp.report.comparison_page.scatter import MANY, Point, scatter
from segexp.report.comparison_page.spread import Spread


def point(name: str, cost: float, value: float, deviation: float | None = None) -> Point:
    return Point(name, cost, Spread(value, deviation, 2))


def drawn(points: list[Point], *, lower: bool = False) -> ElementTree.Element:
    text = scatter(points, "parameters", "mean IoU", amount, lower=lower)
    assert text is not None
    return ElementTree.fromstring(text)


def texts(root: ElementTree.Element, kind: str) -> list[str]:
    return [str(element.text) for element in root.iter("text") if element.get("class") == kind]


def test_points_lie_by_cost_and_value_and_the_front_is_filled() -> None:
    root = drawn([point("small", 1e3, 0.5), point("large", 1e6, 0.8, 0.1), point("poor", 1e6, 0.6)])
    dots = {dot[0].text: dot[-1] for dot in root.iter("g") if dot[0].tag == "title"}
    told = {str(text).partition(":")[0]: dot for text, dot in dots.items()}
    assert {name: dot.get("class") for name, dot in told.items()} == {
        "small": "dot on",
        "large": "dot on",
        "poor": "dot",
    }
    x = {name: float(str(dot.get("cx"))) for name, dot in told.items()}
    y = {name: float(str(dot.get("cy"))) for name, dot in told.items()}
    assert x["small"] < x["large"] == x["poor"]
    assert y["large"] < y["poor"] < y["small"]
    assert "large: 0.8000 ± 0.1000, 1M, on the front" in dots
    assert sorted(texts(root, "label")) == ["large", "poor", "small"]
    assert texts(root, "axis") == ["parameters", "mean IoU (higher is better)"]
    # Far apart, costs are on a logarithmic axis.
    assert {"1k", "1M"} <= {str(element.text) for element in root.iter("text")}
    deviations = [line for line in root.iter("line") if line.get("class") == "deviation"]
    assert len(deviations) == 1


def test_less_may_be_better_in_both() -> None:
    root = drawn([point("small", 1.0, 0.9), point("large", 2.0, 0.8), point("poor", 2.0, 0.95)], lower=True)
    assert len([dot for dot in root.iter("circle") if dot.get("class") == "dot on"]) == 2
    assert "mean IoU (lower is better)" in texts(root, "axis")


def test_one_cost_is_no_plot() -> None:
    assert scatter([point("a", 5, 0.1), point("b", 5, 0.2)], "parameters", "IoU", amount, lower=False) is None
    assert scatter([], "parameters", "IoU", amount, lower=False) is None


def test_the_measure_is_never_on_a_logarithmic_axis() -> None:
    root = drawn([point("a", 1.0, 0.05), point("b", 2.0, 0.5)])
    assert {"0.2", "0.4"} <= {str(element.text) for element in root.iter("text")}


def test_names_are_escaped() -> None:
    root = drawn([point("<b>&", 1.0, 0.1), point('"x"', 2.0, 0.2)])
    assert sorted(texts(root, "label")) == ['"x"', "<b>&"]


def test_of_many_points_those_of_the_front_alone_are_labelled() -> None:
    points = [point(f"p{number}", 1.0 + number, 0.5 - number / 100) for number in range(MANY + 1)]
    assert texts(drawn(points), "label") == ["p0"]


def test_labels_lie_on_no_point_and_on_no_other_label() -> None:
    points = [(100.0, 100.0), (104.0, 100.0), (100.0, 106.0), (96.0, 97.0), (300.0, 100.0)]
    names = ["first", "second", "third", "fourth", "alone"]
    found = places(points, names, (0.0, 0.0, 400.0, 200.0))
    boxes = [place.box for place in found if place is not None]
    assert len(boxes) == 5
    dots = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in points]
    for number, box in enumerate(boxes):
        for other in boxes[:number] + dots:
            assert box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
    alone = found[4]
    assert alone is not None
    assert (alone.anchor, alone.leads) == ("start", False)
    assert places(points, ["too long for so little room"], (90.0, 90.0, 120.0, 110.0)) == [None]


def test_a_label_keeps_off_lines_where_there_is_room() -> None:
    (place,) = places([(100.0, 100.0)], ["name"], (0.0, 0.0, 200.0, 200.0), [(100.0, 99.0, 200.0, 101.0)])
    assert place is not None
    assert place.anchor == "end"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]), (0.61, 0.68, [0.62, 0.64, 0.66, 0.68]), (-3, 12, [0.0, 5.0, 10.0])],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert linear_ticks(low, high) == pytest.approx(expected)


def test_scales_leave_room_and_know_their_kind() -> None:
    scale = fitted([1.0, 2.0], 0, 100, room=0.1)
    assert not scale.log
    assert (scale.low, scale.high) == pytest.approx((0.9, 2.1))
    assert scale.at(1.5) == pytest.approx(50)
    wide = fitted([1.0, 10_000.0], 0, 100, room=0.0)
    assert wide.log
    assert wide.at(100.0) == pytest.approx(50)
    assert wide.ticks() == pytest.approx([1, 10, 100, 1000, 10_000])
    assert fitted([0.0, 10_000.0], 0, 100).low == 0.0
    assert fitted([3.0], 0, 100).at(3.0) == pytest.approx(50)
    assert [amount(value) for value in (950, 29_465, 1_234_567)] == ["950", "29.5k", "1.23M"]
    assert [time_unit(value) for value in (100, 600, 9000)] == [("s", 1.0), ("min", 60.0), ("h", 3600.0)]


def test_parallel_axes_have_a_line_per_configuration() -> None:
    lines = [
        Line("best", {"model": "unet", "lr": 0.01, "base": 16}, 0.8),
        Line("worst", {"model": "cunet", "lr": 0.0001, "base": 16}, 0.4),
        Line("third", {"model": "cunet", "lr": 0.001, "base": 16}, 0.6),
    ]
    text = parallel(lines, {"model": "model", "lr": "lr", "base": "base"}, "mean IoU", lower=False)
    assert text is not None
    root = ElementTree.fromstring(text)
    # base is the same everywhere.
    assert texts(root, "axis") == ["model", "lr", "mean IoU"]
    paths = {str(path[0].text): path for path in root.iter("path")}
    assert set(paths) == {"best: 0.8000", "worst: 0.4000", "third: 0.6000"}
    assert {path.get("class") for path in paths.values()} == {"line", "line best"}
    assert paths["best: 0.8000"].get("class") == "line best"
    assert [paths[name].get("stroke") for name in sorted(paths, reverse=True)] == ["#d55e00", "#96969b", "#0072b2"]
    starts = {name: re.findall(r"[\d.]+ ([\d.]+)", str(path.get("d"))) for name, path in paths.items()}
    assert starts["worst: 0.4000"][0] == starts["third: 0.6000"][0] != starts["best: 0.8000"][0]
    flipped = parallel(lines, {"model": "model"}, "ECE", lower=True)
    assert flipped is not None
    assert '<path class="line best"' in flipped
    assert "#0072b2" in flipped.partition("worst: 0.4000")[0].rpartition("<path")[2]


def test_nothing_varied_is_no_plot() -> None:
    lines = [Line(str(number), {"lr": 1, "base": number}, number / 10) for number in range(3)]
    assert parallel(lines, {"lr": "lr"}, "IoU", lower=False) is None
    assert parallel(lines, {"base": "base"}, "IoU", lower=False) is not None
    assert parallel(lines[:2], {"base": "base"}, "IoU", lower=False) is None


def test_numbers_lie_by_size_words_in_a_row_and_what_is_missing_at_the_bottom() -> None:
    numbers = axis([1, 2, 4, "-"], 100.0, 0.0)
    assert numbers.places["4"] < numbers.places["2"] < numbers.places["1"] < numbers.places["-"] == 100.0
    assert numbers.places["2"] - numbers.places["4"] == pytest.approx(2 * (numbers.places["1"] - numbers.places["2"]))
    words = axis(["b", "a", True], 100.0, 0.0)
    assert words.places == {"b": 0.0, "a": 50.0, "true": 100.0}
    crowded = axis([1 + number / 1000 for number in range(50)], 100.0, 0.0)
    assert len(crowded.labels) < 10


def test_bars_show_which_differences_are_clear() -> None:
    worse = Difference({"a": -0.2, "b": -0.1}, (-0.2, -0.1), lower=False)
    unclear = Difference({"a": -0.1, "b": 0.2}, (-0.1, 0.2), lower=False)
    error = Difference({"a": -0.2, "b": -0.1}, (-0.2, -0.1), lower=True)
    scale = common_scale([worse, unclear])
    assert scale is not None
    assert (scale.low, scale.high) == pytest.approx((-0.216, 0.216))
    told = {name: ElementTree.fromstring(interval_bar(found, scale)).get("aria-label")
            for name, found in {"worse": worse, "unclear": unclear, "error": error, "base": None}.items()}  # fmt: skip
    assert told == {"worse": "worse", "unclear": "no clear difference", "error": "better", "base": "the base"}
    mean = next(ElementTree.fromstring(interval_bar(worse, scale)).iter("circle"))
    assert float(str(mean.get("cx"))) == pytest.approx(scale.at(-0.15), abs=0.05)
    assert common_scale([]) is None
    assert common_scale([Difference({"a": 0.0}, None, lower=False)]) is None
