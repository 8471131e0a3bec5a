"""Colours and letters of all charts; colours are variables of the page's style sheet, which knows light and dark."""

from typing import Any

# The first two are of Okabe and Ito (2008), Color Universal Design; the others are those of a grid, seen on white, that
# are farthest from them and from each other for whoever sees them least apart.
SERIES = tuple(f"var(--c{number})" for number in range(7))
"""Colours of series, by their number; the palette begins again after the last."""
INK, SOFT, GRID, PAPER, ACCENT = "var(--ink)", "var(--soft)", "var(--line)", "var(--paper)", "var(--accent)"
GOOD, BAD = "var(--good)", "var(--bad)"

LIGHT = dict(
    zip(SERIES, ("#0072b2", "#d55e00", "#642878", "#8c0000", "#00a0c8", "#3c14c8", "#a05064"), strict=True)
) | {
    INK: "#1c1c1f", SOFT: "#66666e", GRID: "#e3e3e0", PAPER: "#ffffff", ACCENT: "#0b62a3",
    GOOD: "#1a7f4b", BAD: "#b3261e",
}  # fmt: skip
"""The variables in files, which have no style sheet; those of pages stand in ``charts.css`` and ``look.css``."""

# the fonts that the drawing program carries: the same figure on every machine
FONT = "Liberation Sans, sans-serif"
DASHES = {"solid": [1, 0], "dashed": [5, 3], "dotted": [1.5, 3]}

CONFIG: dict[str, Any] = {
    "font": FONT,
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": SOFT, "titleColor": SOFT, "titleFontWeight": "normal", "labelFontSize": 11, "titleFontSize": 11,
        "gridColor": GRID, "domain": False, "ticks": False, "labelPadding": 6, "titlePadding": 8, "labelLimit": 200,
    },
    "legend": {"labelColor": SOFT, "labelFontSize": 11, "labelLimit": 260, "title": None},
    "title": {"color": INK, "anchor": "start", "fontSize": 12.5, "fontWeight": 600, "offset": 10},
}  # fmt: skip
"""The common look, as Vega-Lite's ``config``."""


def series_colour(number: int | None) -> str:
    """Colour of a series; None: muted, for what others are compared with."""
    return SOFT if number is None else SERIES[number % len(SERIES)]


def in_light(tree: Any) -> Any:
    """A specification with the colours themselves in place of the variables of a style sheet."""
    if isinstance(tree, dict):
        return {key: in_light(value) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [in_light(value) for value in tree]
    return LIGHT.get(tree, tree) if isinstance(tree, str) else tree
