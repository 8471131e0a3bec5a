"""Points by cost and value: the front, deviations, labels that lie on nothing."""

from typing import Any

import pytest

from segexp.report.charts.beside import DOT, sides
from segexp.report.charts.chart import SI_FORMAT, Chart
from segexp.report.charts.scatter import FRONT, MANY, OTHER, ScatterPoint, scatter_chart


def point(name: str, x: float, y: float, deviation: float | None = None) -> ScatterPoint:
    return ScatterPoint(name, x, y, deviation, f"{name} told")


def drawn(points: list[ScatterPoint], front: list[int]) -> Chart:
    chart = scatter_chart(points, front, ("parameters", "Dice"), form=SI_FORMAT)
    assert chart is not None
    return chart


def labels_of(chart: Chart) -> set[str]:
    layers = [layer for layer in chart.spec["layer"] if layer["mark"]["type"] == "text"]
    return {row["label"] for layer in layers for row in layer["data"]["values"]}


def layer_of(chart: Chart, mark: str) -> dict[str, Any]:
    found: dict[str, Any] = next(layer for layer in chart.spec["layer"] if layer["mark"]["type"] == mark)
    return found


def test_points_stand_by_cost_and_value_and_the_front_is_filled() -> None:
    chart = drawn([point("small", 1e3, 0.5), point("large", 1e6, 0.8, 0.1), point("poor", 1e6, 0.6)], [0, 1])
    rows = {row["label"]: row for row in chart.spec["data"]["values"]}
    assert {name: (row["x"], row["y"], row["s"]) for name, row in rows.items()} == {
        "small": (1e3, 0.5, FRONT), "large": (1e6, 0.8, FRONT), "poor": (1e6, 0.6, OTHER),
    }  # fmt: skip
    assert rows["large"]["told"] == "large told"
    assert labels_of(chart) == {"small", "large", "poor"}
    # Far apart, costs are on a logarithmic axis.
    assert chart.spec["encoding"]["x"]["scale"]["type"] == "log"
    assert {1000, 1_000_000} <= set(chart.spec["encoding"]["x"]["axis"]["values"])
    (bar,) = layer_of(chart, "rule")["data"]["values"]
    assert (bar["low"], bar["high"]) == pytest.approx((0.7, 0.9))
    steps = [(row["x"], row["y"]) for row in layer_of(chart, "line")["data"]["values"]]
    assert steps[:2] == [(1e3, 0.5), (1e6, 0.8)]
    assert steps[2] == (chart.spec["encoding"]["x"]["scale"]["domain"][1], 0.8)


def test_near_costs_are_on_a_plain_axis_and_so_is_what_is_reached() -> None:
    chart = drawn([point("a", 1.0, 0.05), point("b", 2.0, 0.5)], [0, 1])
    for channel in ("x", "y"):
        assert "type" not in chart.spec["encoding"][channel]["scale"]
    assert not [layer for layer in chart.spec["layer"] if layer["mark"]["type"] == "rule"]


def test_one_cost_is_no_chart() -> None:
    assert scatter_chart([point("a", 5, 0.1), point("b", 5, 0.2)], [1], ("", "")) is None
    assert scatter_chart([], [], ("", "")) is None


def test_of_many_points_those_of_the_front_alone_are_labelled() -> None:
    points = [point(f"p{number}", 1.0 + number, 0.5 - number / 100) for number in range(MANY + 1)]
    assert labels_of(drawn(points, [0])) == {"p0"}


def test_labels_lie_on_no_point_and_on_no_other_label() -> None:
    near = [(100.0, 100.0), (104.0, 100.0), (100.0, 130.0), (96.0, 97.0), (300.0, 100.0)]
    found = sides(near, ["first", "second", "third", "fourth", "alone"], (400.0, 200.0))
    assert found[4] == "right"
    assert found[0] != found[1]
    assert sides(near[:1], ["too long for so little room"], (120.0, 110.0)) == [None]
    crowd = [(100.0 + DOT * number, 100.0) for number in range(6)]
    assert len([side for side in sides(crowd, ["name"] * 6, (400.0, 200.0)) if side]) < 6


def test_a_label_keeps_off_lines_where_there_is_room() -> None:
    line = (100.0, 99.0, 200.0, 101.0)
    assert sides([(100.0, 100.0)], ["name"], (200.0, 200.0), [line]) == ["left"]
    assert sides([(10.0, 0.0)], ["name"], (200.0, 10.0), [(10.0, -1.0, 200.0, 1.0)]) == ["right"]
