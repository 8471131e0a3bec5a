"""Charts as files: PNG, SVG or PDF, drawn without a browser and without a network."""

import io
from collections.abc import Sequence
from typing import Any

from segexp.errors import UserError
from segexp.report.charts.chart import Chart
from segexp.report.charts.grey import told_without_colour
from segexp.report.charts.palette import CONFIG, in_light

SCALE = 2.0
"""Pixels of a PNG per pixel of a page."""
FORMATS = ("png", "svg", "pdf")
PADDING = 12
ADDRESSES = 80 * 2**30
"""Bytes of addresses that must be free; 64 GiB of them were measured."""
CHANNELS = ("color", "fill", "stroke", "strokeDash", "strokeWidth", "yOffset")


def render_charts(charts: Sequence[Chart], kind: str, columns: int = 3) -> bytes:
    """One or more charts beside and below each other, each with its title and its legend.

    Args:
        charts: One or more.
        kind: One of :data:`FORMATS`.
        columns: Charts beside each other.

    Returns:
        The content of the file.

    Raises:
        UserError: The process may not reserve the addresses that drawing takes.
    """
    _check_addresses()
    # Its 90 MB are read only where a file is drawn; a page needs none of them.
    import vl_convert

    spec = _together(charts, columns)
    if kind == "png":
        return _smaller(vl_convert.vegalite_to_png(spec, scale=SCALE))
    if kind == "pdf":
        return vl_convert.vegalite_to_pdf(spec)
    return vl_convert.vegalite_to_svg(spec).encode("utf-8")


def _check_addresses() -> None:
    """V8, which draws, ends the whole process where it cannot reserve addresses; asked before, that is a line."""
    try:
        import resource
    except ImportError:  # Windows knows no such limit
        return
    allowed = resource.getrlimit(resource.RLIMIT_AS)[0]
    if allowed != resource.RLIM_INFINITY and allowed < ADDRESSES:
        raise UserError(
            f"ulimit -v allows {allowed / 2**30:.1f} GiB of addresses, and drawing a chart reserves "
            f"{ADDRESSES / 2**30:.0f} (of memory 0.1): the page has the same charts; for files, `ulimit -v unlimited`"
        )


def _smaller(png: bytes) -> bytes:
    """The same picture in a third of the bytes: without transparency, and packed."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(io.BytesIO(png)).convert("RGB").save(out, "PNG")
    return out.getvalue()


def _together(charts: Sequence[Chart], columns: int) -> dict[str, Any]:
    views = [{**told_without_colour(chart.spec), "title": chart.title} for chart in charts]
    whole = views[0] if len(views) == 1 else {
        "concat": views, "columns": columns, "spacing": 28,
        # each chart has its own colours and legend
        "resolve": {"scale": dict.fromkeys(CHANNELS, "independent")},
    }  # fmt: skip
    found: dict[str, Any] = in_light({**whole, "config": CONFIG | {"background": "#ffffff"}, "padding": PADDING})
    return found
