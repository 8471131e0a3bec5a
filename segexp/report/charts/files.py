"""Charts as files: PNG, SVG or PDF, drawn without a browser and without a network."""

import io
from collections.abc import Sequence
from typing import Any

from segexp.report.charts.chart import Chart
from segexp.report.charts.palette import CONFIG, in_light

SCALE = 2.0
"""Pixels of a PNG per pixel of a page."""
FORMATS = ("png", "svg", "pdf")
PADDING = 12
CHANNELS = ("color", "fill", "stroke", "strokeDash", "strokeWidth", "yOffset")


def render_charts(charts: Sequence[Chart], kind: str, columns: int = 3) -> bytes:
    """One or more charts beside and below each other, each with its title and its legend.

    Args:
        charts: One or more.
        kind: One of :data:`FORMATS`.
        columns: Charts beside each other.

    Returns:
        The content of the file.
    """
    # Its 90 MB are read only where a file is drawn; a page needs none of them.
    import vl_convert

    spec = _together(charts, columns)
    if kind == "png":
        return _smaller(vl_convert.vegalite_to_png(spec, scale=SCALE))
    if kind == "pdf":
        return vl_convert.vegalite_to_pdf(spec)
    return vl_convert.vegalite_to_svg(spec).encode("utf-8")


def _smaller(png: bytes) -> bytes:
    """The same picture in a third of the bytes: without transparency, and packed."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def _together(charts: Sequence[Chart], columns: int) -> dict[str, Any]:
    views = [{**chart.spec, "title": chart.title} for chart in charts]
    whole = views[0] if len(views) == 1 else {
        "concat": views, "columns": columns, "spacing": 28,
        # each chart has its own colours and legend
        "resolve": {"scale": dict.fromkeys(CHANNELS, "independent")},
    }  # fmt: skip
    found: dict[str, Any] = in_light({**whole, "config": CONFIG | {"background": "#ffffff"}, "padding": PADDING})
    return found
