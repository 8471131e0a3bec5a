"""Charts in files are read without colours: no two lines have one dash, no two series of points one shape."""

from typing import Any

from segexp.report.charts.files import render_charts
from segexp.report.charts.grey import DASHED, SHAPES, told_without_colour
from segexp.report.charts.lines import Line, MarkedPoint, line_chart
from segexp.report.run_page.charts.latents import latent_charts
from tests.report.made_up import write_rows

POINTS = [(0.0, 1.0), (1.0, 2.0)]


def channels(spec: dict[str, Any], name: str) -> list[list[Any]]:
    return [layer["encoding"][name]["scale"]["range"] for layer in spec["layer"] if name in layer["encoding"]]


def test_every_line_has_a_dash_of_its_own_and_keeps_its_colour() -> None:
    lines = [
        Line("a", POINTS, 0),
        Line("b", POINTS, 1),
        Line("c", POINTS, 2, "dashed"),
        Line("d", POINTS, None, "dotted"),
    ]
    chart = line_chart("t", [*lines, Line("e", POINTS, 3)], ("", ""), marks=[MarkedPoint("m", POINTS[0])])
    assert chart is not None
    spec = told_without_colour(chart.spec)
    (dashes,) = channels(spec, "strokeDash")
    assert dashes[0] == [1, 0]
    assert dashes[2:4] == [[5, 3], [1.5, 3]]
    assert len({tuple(dash) for dash in dashes}) == len(dashes) == 6
    assert channels(spec, "color") == channels(dict(chart.spec), "color")
    # The page has a legend that switches lines off: there a solid line stays solid.
    assert channels(dict(chart.spec), "strokeDash")[0][:2] == [[1, 0], [1, 0]]
    svg = render_charts([chart], "svg").decode()
    assert all(f'stroke-dasharray="{",".join(map(str, dash))}"' in svg for dash in dashes)


def test_more_lines_than_dashes_and_more_series_than_shapes_are_drawn_all_the_same() -> None:
    many = len(DASHED) + 2
    chart = line_chart("t", [Line(str(n), POINTS, n) for n in range(many)], ("", ""))
    assert chart is not None
    (dashes,) = channels(told_without_colour(chart.spec), "strokeDash")
    assert len(dashes) == many
    assert len({tuple(dash) for dash in dashes}) == len(DASHED)


def test_points_of_several_classes_have_shapes(tmp_path: Any) -> None:
    for count in (1, 3, len(SHAPES) + 1):
        codes = [{"image": f"i{n}", "class": str(n % count), "x": n, "y": n * n % 7} for n in range(20)]
        write_rows(tmp_path / "latents.csv", codes)
        names = [str(n) for n in range(count)]
        (chart,) = latent_charts(tmp_path / "latents.csv", {"latents": {"axes": ["x", "y"], "classes": names}})
        shapes = channels(told_without_colour(chart.spec), "shape")
        assert shapes == ([list(SHAPES[:count])] if 1 < count <= len(SHAPES) else [])
    assert b"LiberationSans" in render_charts([chart], "pdf")  # its letters are text, and in the file
