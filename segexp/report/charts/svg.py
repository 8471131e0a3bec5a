"""Pieces of SVG as text; colours come from the classes of the page, so that plots follow light and dark."""

from collections.abc import Callable
from html import escape

from segexp.report.charts.scale import Scale
from segexp.runs.text import printable


def tag(name: str, content: str = "", **attributes: float | str) -> str:
    """An element; ``class_`` and ``text_anchor`` become ``class`` and ``text-anchor``, numbers are rounded."""
    told = "".join(f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items())
    return f"<{name}{told}>{content}</{name}>" if content else f"<{name}{told}/>"


def text(content: str, x: float, y: float, **attributes: float | str) -> str:
    """A line of text, escaped."""
    return tag("text", escape(printable(content)), x=x, y=y, **attributes)


def title(content: str) -> str:
    """What is told when the pointer rests on the element around it."""
    return tag("title", escape(printable(content)))


def drawing(content: str, width: float, height: float, label: str) -> str:
    """The whole drawing; ``label`` is for readers who cannot see it."""
    return tag(
        "svg", content, class_="plot", viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=label,
        style=f"--width:{width:g}px",
    )  # fmt: skip


def axes(across: Scale, up: Scale, names: tuple[str, str], formats: tuple[Callable[[float], str], ...]) -> str:
    """Grid, ticks and names of a plot with a horizontal and a vertical axis."""
    parts = []
    for tick in across.ticks():
        x = across.at(tick)
        parts.append(tag("line", class_="grid", x1=x, x2=x, y1=up.start, y2=up.end))
        parts.append(text(formats[0](tick), x, up.start + 16, text_anchor="middle"))
    for tick in up.ticks():
        y = up.at(tick)
        parts.append(tag("line", class_="grid", x1=across.start, x2=across.end, y1=y, y2=y))
        parts.append(text(formats[1](tick), across.start - 7, y + 4, text_anchor="end"))
    middle = (across.start + across.end) / 2
    parts.append(text(names[0], middle, up.start + 36, text_anchor="middle", class_="axis"))
    parts.append(text(names[1], across.start, up.end - 10, class_="axis"))
    return "".join(parts)


def _value(value: float | str) -> str:
    return escape(printable(value)) if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
