"""Charts as files: PNG, SVG and PDF of the same figure, without a browser, in colours and not in variables."""

import io
import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from segexp.report.charts.chart import Chart
from segexp.report.charts.files import FORMATS, render_charts
from segexp.report.charts.intervals import Interval, interval_chart
from segexp.report.charts.lines import Line, line_chart
from segexp.report.charts.matrix import matrix_chart
from segexp.report.charts.parallel import parallel_chart, value_axis
from segexp.report.charts.scatter import ScatterPoint, scatter_chart

BLUE, ORANGE = (0, 114, 178), (213, 94, 0)
EVIL = "</svg><script>alert(1)</script>\" ' & \N{GREEK SMALL LETTER ALPHA} {{7*7}} ${x} datum.s"


def charts(name: str = "a") -> dict[str, Chart | None]:
    points = [ScatterPoint(f"{name}{n}", n + 1.0, n / 3, 0.1, "told") for n in range(3)]
    lines = [Line(name, [(0, 1), (1, 2)]), Line("b", [(0, 2), (1, 1)], 1)]
    row = Interval(name, 0.5, (0.4, 0.6), name, [(name, 0.3)])
    axis = value_axis(name, [name, "b"], [name, "b"], "-")
    return {
        "lines": line_chart(name, lines, (name, name), upright=(0.5, name)),
        "intervals": interval_chart(name, [row], (name, name), zero=True),
        "scatter": scatter_chart(points, [0, 2], (name, name)),
        "parallel": parallel_chart([name, "b"], [axis], [0.1, 0.2], name, lower=False),
        "matrix": matrix_chart(name, [[0.9, None]], [["90 %\n9", "-"]], [name], [name, "b"], (name, name)),
    }  # fmt: skip


@pytest.mark.parametrize("kind", charts())
def test_a_chart_is_a_picture_with_its_texts(kind: str) -> None:
    chart = charts(EVIL)[kind]
    assert chart is not None
    root = ElementTree.fromstring(render_charts([chart], "svg"))
    texts = {element.text for element in root.iter("{http://www.w3.org/2000/svg}text")}
    assert EVIL[:8] in "".join(str(text) for text in texts)
    assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
    assert b"var(--" not in render_charts([chart], "svg")
    assert np.asarray(Image.open(io.BytesIO(render_charts([chart], "png")))).std() > 5


DRAW = """
import resource, sys
from segexp.errors import one_line
from segexp.report.charts.files import render_charts
from segexp.report.charts.lines import Line, line_chart
resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))
try:
    render_charts([line_chart("a", [Line("a", [(0, 1)])], ("", ""))], "png")
except Exception as error:
    print(one_line(error))
"""


def test_a_process_without_addresses_gets_a_line_and_goes_on() -> None:
    done = subprocess.run([sys.executable, "-c", DRAW], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ulimit -v allows 16.0 GiB of addresses")


def test_the_same_figure_in_every_format() -> None:
    several = [chart for chart in charts().values() if chart is not None]
    found = {kind: render_charts(several, kind, 2) for kind in FORMATS}
    assert found["pdf"].startswith(b"%PDF")
    picture = np.asarray(Image.open(io.BytesIO(found["png"])))
    assert picture.shape[2] == 3
    assert (picture[0, 0] == 255).all()
    for colour in (BLUE, ORANGE):
        assert (picture == colour).all(axis=2).sum() > 100
    assert found["svg"].count(b"alert") == 0
    for words in (b"#0072b2", b"#d55e00"):
        assert words in found["svg"].lower()
