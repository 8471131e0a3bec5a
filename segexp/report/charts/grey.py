"""Charts that can be read without colours: on paper from a laser printer, and by everybody."""

from collections.abc import Mapping
from typing import Any

DASHED = ([1, 0], [5, 3], [1.5, 3], [9, 3, 1.5, 3], [11, 4], [3, 2], [9, 3, 1.5, 3, 1.5, 3])
"""Dashes of lines, from which each line of a chart gets its own."""
SHAPES = ("circle", "square", "triangle-up", "cross", "diamond", "triangle-down", "triangle-right", "triangle-left")
"""Shapes of points, by series; there is none for a ninth."""
SYMBOL = 900
"""Square of the length of a line in a legend: long enough for the longest of the dashes."""


def told_without_colour(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The drawing with lines that differ in colour alone dashed, and points of several series in several shapes.

    The colours stay. A page has its legend to switch lines off instead; a file has not.

    Args:
        spec: Of Vega-Lite, see :class:`segexp.report.charts.chart.Chart`.
    """
    layers = [_layer(layer) for layer in spec.get("layer", ())]
    return {**spec, **({"layer": layers} if layers else {})}


def _layer(layer: Mapping[str, Any]) -> dict[str, Any]:
    encoding = layer.get("encoding", {})
    if "strokeDash" in encoding:
        dashes = _dashed(encoding["strokeDash"])
        colour = {**encoding["color"], "legend": dashes["legend"]}
        return {**layer, "encoding": {**encoding, "color": colour, "strokeDash": dashes}}
    mark, colour = layer.get("mark", {}), encoding.get("color", {})
    domain = colour.get("scale", {}).get("domain", ()) if isinstance(colour.get("scale"), Mapping) else ()
    # Points that mark a line take after it.
    if mark.get("type") != "circle" or "transform" in layer or not 1 < len(domain) <= len(SHAPES):
        return dict(layer)
    shape = {**colour, "scale": {"domain": domain, "range": list(SHAPES[: len(domain)])}}
    return {
        **layer,
        "mark": {**mark, "type": "point", "filled": True},
        "encoding": {**encoding, "shape": shape},
    }


def _dashed(channel: Mapping[str, Any]) -> dict[str, Any]:
    """The first line of a dash keeps it, a second one gets one that no line has; where none is left, its own."""
    wanted = [list(dash) for dash in channel["scale"]["range"]]
    free = [list(dash) for dash in DASHED if list(dash) not in wanted]
    found: list[Any] = []
    for dash in wanted:
        found.append(dash if dash not in found or not free else free.pop(0))
    legend = channel.get("legend")
    longer = {"legend": {**legend, "symbolSize": SYMBOL}} if isinstance(legend, Mapping) else {}
    return {**channel, **longer, "scale": {**channel["scale"], "range": found}}
