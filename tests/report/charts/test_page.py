"""Charts on a page: data that cannot end its element, programs that fit the files, colours for light and dark."""

import json
import re

from segexp.report.charts import bundle
from segexp.report.charts.chart import Chart
from segexp.report.charts.page import chart_json, scripts, style
from segexp.report.charts.palette import LIGHT
from tests.report.charts.test_files import EVIL, charts

PROGRAMS = {"filter", "test", "expr", "signal", "calculate", "labelExpr", "timeUnit", "href", "url", "init", "bind"}
"""Keys of Vega-Lite whose values are programs, or are loaded."""


def test_a_definition_is_data_that_ends_no_element() -> None:
    for chart in charts(EVIL).values():
        assert chart is not None
        text = chart_json(chart)
        assert not re.search("[<>&]", text)
        content = json.loads(text)
        assert EVIL in str(content["spec"]).replace('\\"', '"').replace("\\'", "'")


def programs(tree: object) -> list[str]:
    """All that stands where Vega-Lite expects a program."""
    if isinstance(tree, dict):
        own = [json.dumps(value) for key, value in tree.items() if key in PROGRAMS]
        return own + [found for value in tree.values() for found in programs(value)]
    return [found for value in tree for found in programs(value)] if isinstance(tree, list) else []


def test_no_text_from_elsewhere_is_a_program() -> None:
    told = {kind: programs(json.loads(chart_json(chart))) for kind, chart in charts(EVIL).items() if chart}
    assert told == {"lines": [], "intervals": [], "scatter": [], "parallel": [], "matrix": ['"datum.share > 0.55"']}


def test_every_row_belongs_to_a_series_that_can_be_switched() -> None:
    for chart in charts().values():
        assert chart is not None
        data = [chart.spec, *chart.spec["layer"]]
        rows = [row for part in data for row in part.get("data", {}).get("values", [])]
        assert {row["s"] for row in rows if "s" in row} >= {entry.series for entry in chart.legend}


def test_texts_are_changed_everywhere() -> None:
    chart = charts("\u202eevil")["lines"]
    assert isinstance(chart, Chart)
    assert "\\u202e" not in chart_json(chart.with_texts(lambda text: text.replace("\u202e", "")))


def test_the_page_and_the_files_are_drawn_by_the_same_versions() -> None:
    program, _ = scripts()
    assert bundle.drawing_versions() in program[:300], "python -m segexp.report.charts.bundle"
    assert "</script" not in program
    assert "<!--" not in program
    assert len(program) < 1_000_000


def test_every_colour_of_a_chart_is_one_of_the_page() -> None:
    look = style() + ":root { --ink; --soft; --line; --paper; --accent; --good; --bad; }"
    assert [name for name in LIGHT if name.removeprefix("var(").removesuffix(")") not in look] == []
    assert "prefers-color-scheme: dark" in look
