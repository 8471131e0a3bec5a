"""Charts on a page: definitions as data, one script that draws them, and their style."""

import gzip
import json
from functools import cache
from pathlib import Path

from segexp.report.charts.bundle import SCRIPT
from segexp.report.charts.chart import Chart
from segexp.report.charts.palette import CONFIG

HERE = Path(__file__).parent


def chart_json(chart: Chart) -> str:
    """Serialises a chart for the script of the page, as JSON that cannot end the element around it."""
    content = {
        "spec": {**chart.spec, "config": CONFIG},
        "summary": chart.summary,
        "names": [entry.name for entry in chart.legend],
        "nearest": chart.nearest,
        "zoom": chart.zoom,
    }
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def scripts() -> tuple[str, str]:
    """The drawing program (0.9 MB), and what has it draw the charts of the page."""
    program = gzip.decompress(SCRIPT.read_bytes()).decode("utf-8")
    return program, (HERE / "charts.js").read_text(encoding="utf-8")


@cache
def style() -> str:
    """Style sheet of the charts."""
    return (HERE / "charts.css").read_text(encoding="utf-8")
