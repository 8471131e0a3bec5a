"""A table of shares as a picture, each cell shaded by its share."""

from collections.abc import Sequence
from typing import Any

from segexp.report.charts.chart import Chart, Encoding, layer
from segexp.report.charts.palette import INK, PAPER

CELL, LARGEST, SMALL = 84, 900, 40
"""Side of a cell in pixels, where that fits into the largest picture; below the last, letters are small."""
SHADES = ["#f7fbff", "#6baed6", "#08306b"]


def matrix_chart(
    title: str,
    shares: Sequence[Sequence[float | None]],
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    names: tuple[str, str],
) -> Chart:
    """Draw a matrix.

    Args:
        title: What it shows.
        shares: By row and column, 0..1; None: an empty cell.
        texts: In the cells; a line feed begins a second line.
        rows: Their names, no two the same.
        columns: Their names, no two the same.
        names: What the columns are, and what the rows are.
    """
    cells = [
        {"row": row, "column": column, "share": shares[i][j], "text": texts[i][j].split("\n"), "s": 0}
        for i, row in enumerate(rows)
        for j, column in enumerate(columns)
    ]
    side = min(CELL, LARGEST // max(len(rows), 1))
    shade = {
        "field": "share", "type": "quantitative", "scale": {"domain": [0, 1], "range": SHADES, "interpolate": "rgb"},
        "legend": {"format": ".0%", "gradientLength": min(200, side * len(rows))},
    }  # fmt: skip
    ink = {"condition": {"test": "datum.share > 0.55", "value": "#ffffff"}, "value": INK}
    letters: dict[str, Any] = {"fontSize": 11 if side > SMALL else 7, "lineHeight": 14, "baseline": "middle"}
    across = _names("column", names[0], columns, -30 if len(columns) > 4 else 0)
    spec = {
        "width": side * len(columns), "height": side * len(rows), "data": {"values": cells},
        "encoding": {"x": across, "y": _names("row", names[1], rows, 0)},
        "layer": [
            layer("rect", {"color": shade}, stroke=PAPER),
            layer("text", {"text": {"field": "text"}, "color": ink}, **letters),
        ],
    }  # fmt: skip
    return Chart(title, spec, f"{title}: {len(rows)} rows, {len(columns)} columns", zoom=())


def _names(field: str, title: str, labels: Sequence[str], angle: int) -> Encoding:
    axis: dict[str, Any] = {"labelAngle": angle, "grid": False}
    return {"field": field, "type": "nominal", "title": title, "scale": {"domain": list(labels)}, "axis": axis}
