"""Rows of values with intervals: where they stand, what is told of them, and what is left out."""

from typing import Any

from segexp.report.charts.chart import Chart
from segexp.report.charts.files import render_charts
from segexp.report.charts.intervals import DOT, MOST, VALUE, Interval, interval_chart
from segexp.report.charts.palette import BAD


def rows_of(chart: Chart, mark: str) -> list[list[dict[str, Any]]]:
    return [layer["data"]["values"] for layer in chart.spec["layer"] if layer["mark"]["type"] == mark]


def test_values_dots_and_intervals() -> None:
    dots = [(f"i{number}", 0.5) for number in range(9)]
    rows = [Interval("a", 0.6, (0.5, 0.7), "0.6 [0.5, 0.7]", dots), Interval("b", None, None, "absent")]
    chart = interval_chart("Dice", rows, ("an image", "all"), highest=1.0)
    assert chart is not None
    images, values = rows_of(chart, "circle")
    assert [dot["told"] for dot in images] == [name for name, _ in dots]
    assert min(dot["level"] for dot in images) == -(MOST + 1)
    assert {dot["s"] for dot in images} == {DOT}
    (value,) = values
    assert (value["row"], value["x"], value["low"], value["high"], value["s"]) == ("a", 0.6, 0.5, 0.7, VALUE)
    assert value["told"] == "a: 0.6 [0.5, 0.7]"
    ((absent,),) = rows_of(chart, "text")
    assert (absent["row"], absent["text"]) == ("b", "absent")
    assert chart.spec["encoding"]["y"]["scale"]["domain"] == ["a", "b"]
    assert chart.spec["encoding"]["x"]["scale"]["domain"][1] == 1.0
    assert [entry.name for entry in chart.legend] == ["an image", "all"]
    assert chart.summary == "Dice: a 0.6 [0.5, 0.7], b absent"


def test_differences_have_a_line_at_zero_and_no_dots() -> None:
    rows = [Interval("a", -0.2, (-0.3, -0.1), "worse", colour=BAD), Interval("b", -0.1, None, "open")]
    chart = interval_chart("Difference", rows, ("", "difference"), axis="Dice", zero=True)
    assert chart is not None
    zero, intervals = rows_of(chart, "rule")
    assert zero == [{"x": 0.0}]
    assert [value["row"] for value in intervals] == ["a"]
    low, high = chart.spec["encoding"]["x"]["scale"]["domain"]
    assert low < -0.3 < 0 < high
    assert len(chart.legend) == 1
    assert chart.spec["encoding"]["x"]["title"] == "Dice"


def test_nothing_is_no_chart() -> None:
    assert interval_chart("Dice", [Interval("a", None, None, "")], ("", ""), zero=True) is None
    assert interval_chart("Dice", [], ("", "")) is None
    assert interval_chart("Dice", [Interval("a", 1e200, None, "")], ("", "")) is None


def test_long_names_are_cut_in_the_middle_where_their_end_tells_them_apart() -> None:
    names = [f"cunet, bce_jaccard, augment=strong, max_epochs=40, lr={rate}" for rate in ("0.0011", "0.0047")]
    chart = interval_chart("Difference", [Interval(name, 0.1, None, "") for name in names], ("", "difference"))
    assert chart is not None
    drawn = render_charts([chart], "svg").decode("utf-8")
    for name in names:
        assert f"{name[:25]}…{name[-14:]}" in drawn
