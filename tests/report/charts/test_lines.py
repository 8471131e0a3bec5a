"""Charts of lines: points stand in the data, holes stay holes, what differs is told apart."""

import math
from typing import Any

import pytest

from segexp.report.charts.chart import Chart, log_ticks
from segexp.report.charts.lines import FINEST, HEIGHT, MARKED, Line, MarkedPoint, line_chart


def points_of(chart: Chart, series: int = 0) -> list[tuple[float, float]]:
    return [(row["x"], row["y"]) for row in chart.spec["data"]["values"] if row["s"] == series]


def layers_of(chart: Chart, mark: str) -> list[dict[str, Any]]:
    return [layer for layer in chart.spec["layer"] if layer["mark"]["type"] == mark]


def test_points_and_names_stand_in_the_data() -> None:
    chart = line_chart("a", [Line("b", [(0, 0), (0.5, 1), (1, 0.5)])], ("x", ""), unit=(True, True))
    assert chart is not None
    assert points_of(chart) == [(0, 0), (0.5, 1), (1, 0.5)]
    assert [(entry.name, entry.colour, entry.style) for entry in chart.legend] == [("b", "var(--c0)", "solid")]
    assert chart.summary == "a: b"
    assert chart.height == HEIGHT
    x, y = (chart.spec["encoding"][channel] for channel in ("x", "y"))
    assert (x["title"], y["title"]) == ("x", None)
    assert x["scale"]["domain"] == y["scale"]["domain"] == [-0.02, 1.02]


def test_holes_are_left_out() -> None:
    points = [(0, 1.0), (1, math.nan), (2, 3.0), (3, math.inf), (4, 1e200)]
    chart = line_chart(
        "a", [Line("b", points), Line("none", [(0, math.nan)])], ("x", "y"), marks=[MarkedPoint("m", (0, 1))]
    )
    assert chart is not None
    assert points_of(chart) == [(0, 1.0), (2, 3.0)]
    assert [(entry.name, entry.series) for entry in chart.legend] == [("b", 0), ("m", 1)]
    assert line_chart("a", [Line("b", [])], ("x", "y")) is None


def test_short_lines_show_their_points_and_long_ones_are_thinned() -> None:
    points = [(number / 10_000, 0.5) for number in range(10_001)]
    chart = line_chart("a", [Line("long", points), Line("short", points[:MARKED])], ("x", "y"), unit=(True, True))
    assert chart is not None
    kept = points_of(chart)
    assert len(kept) <= 1 / FINEST + 2
    assert (kept[0], kept[-1]) == (points[0], points[-1])
    (dots,) = layers_of(chart, "circle")
    assert {row["s"] for row in dots["data"]["values"]} == {1}


def test_a_mark_and_an_upright_line_stand_out() -> None:
    line = Line("b", [(0, 1), (1, 2)], None, "dotted")
    chart = line_chart("a", [line], ("x", "y"), marks=[MarkedPoint("chosen", (1, 2))], upright=(0.5, "best"))
    assert chart is not None
    (rule,) = layers_of(chart, "rule")
    (text,) = layers_of(chart, "text")
    assert rule["data"]["values"] == text["data"]["values"] == [{"x": 0.5, "text": "best"}]
    assert [layer["data"]["values"][-1]["s"] for layer in layers_of(chart, "circle")] == [0, 1]
    assert [entry.colour for entry in chart.legend] == ["var(--soft)", "var(--c1)"]


def test_a_logarithmic_axis_has_round_ticks_and_no_zero() -> None:
    chart = line_chart("a", [Line("b", [(0, 0.0), (1, 10.0), (2, 100_000.0)])], ("x", "y"), log=True)
    assert chart is not None
    assert points_of(chart) == [(1, 10.0), (2, 100_000.0)]
    assert chart.spec["encoding"]["y"]["axis"]["values"] == [10, 100, 1000, 10_000, 100_000]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0.9, 11, [1, 2, 5, 10]), (1, 1000, [1, 10, 100, 1000]), (3, 4, [])],
)
def test_ticks_are_few(low: float, high: float, expected: list[float]) -> None:
    assert log_ticks(low, high) == expected


@pytest.mark.parametrize(
    ("count", "ticks"), [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (6, [1, 2, 3, 4, 5, 6]), (7, None)]
)
def test_an_axis_that_counts_has_whole_ticks_alone(count: int, ticks: list[int] | None) -> None:
    chart = line_chart("a", [Line("b", [(n + 1, 0.5) for n in range(count)])], ("epoch", ""), whole=True)
    assert chart is not None
    assert chart.spec["encoding"]["x"]["axis"].get("values") == ticks
    assert chart.spec["encoding"]["x"]["axis"]["format"] == "d"


def test_ticks_reach_what_is_marked() -> None:
    line = [Line("b", [(1, 0.5), (2, 0.6)])]
    chart = line_chart("a", line, ("epoch", ""), whole=True, upright=(4.0, "best: 4"))
    assert chart is not None
    assert chart.spec["encoding"]["x"]["axis"]["values"] == [1, 2, 3, 4]
