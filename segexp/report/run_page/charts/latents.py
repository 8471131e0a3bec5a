"""Codes of test images in their plane, by class, with the code that was asked for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.report.charts.chart import Chart, LegendItem, drawable, halo_text, layer, number_axis, rounded
from segexp.report.charts.palette import ACCENT, INK, series_colour
from segexp.runs import entries
from segexp.runs.contents import read_rows

WIDTH, HEIGHT, PADDING = 460, 360, 12


def latent_charts(latents_csv: Path, results: Mapping[str, Any]) -> list[Chart]:
    """The chart of a table of codes; none where there is no table, or nothing that has a place.

    Args:
        latents_csv: With the columns image, class, x and y; it may be missing.
        results: Content of results.json.
    """
    known = results.get("latents")
    if not isinstance(known, Mapping):
        return []
    rows = [found for row in read_rows(latents_csv) if (found := _row(row)) is not None]
    if not rows:
        return []
    names = sorted({row["class"] for row in rows}, key=_order(known))
    points = [row | {"s": names.index(row["class"])} for row in rows]
    axes = known.get("axes")
    across, up = (entries.to_text(name) for name in axes) if isinstance(axes, list) and len(axes) == 2 else ("", "")
    colours = {"domain": names, "range": [series_colour(number) for number in range(len(names))]}
    below = {"orient": "bottom", "columns": 5} if len(names) > 1 else None
    colour = {"field": "class", "type": "nominal", "legend": below, "scale": colours}
    spec = {
        "width": WIDTH, "height": HEIGHT, "data": {"values": points},
        "encoding": {
            "x": number_axis("x", across, {"zero": False, "padding": PADDING}),
            "y": number_axis("y", up, {"zero": False, "padding": PADDING}),
        },
        "layer": [layer("circle", {"color": colour}, size=26, opacity=0.75), *_marked(known)],
    }  # fmt: skip
    legend = [LegendItem(name or "test images", series_colour(n), "point", n) for n, name in enumerate(names)]
    title = f"Codes of {len(rows)} test images"
    return [Chart(title, spec, f"{title}, {across} and {up}: {', '.join(filter(None, names))}", tuple(legend))]


def place_in_plane(latent: Sequence[float], known: Mapping[str, Any]) -> list[float] | None:
    """Place of a code in the plane, of which results.json holds origin and directions; None: it has none there."""
    origin, directions = known.get("origin"), known.get("directions")
    if not (isinstance(origin, list) and isinstance(directions, list) and len(origin) == len(latent)):
        return None
    offset = [float(number) - float(start) for number, start in zip(latent, origin, strict=True)]
    return [sum(float(a) * b for a, b in zip(axis, offset, strict=True)) for axis in directions]


def latents_told(results: Mapping[str, Any]) -> str:
    """Sentence that says what the plane is and which images are in it; empty where there is none."""
    known = results.get("latents")
    if not isinstance(known, Mapping):
        return ""
    numbers, shown, tested, share = (known.get(key) for key in ("numbers", "shown", "of", "share"))
    evenly = "" if shown == tested else f", spread evenly over the {tested} of the test"
    plane = (
        "the plane is that of these numbers"
        if share is None
        else "the plane is that of their first two principal components"
    )
    return f"{shown} images{evenly}. A code has {numbers} {'number' if numbers == 1 else 'numbers'}; {plane}."


def _order(known: Mapping[str, Any]) -> Any:
    listed = known.get("classes")
    place = {str(name): number for number, name in enumerate(listed if isinstance(listed, list) else [])}
    return lambda name: (place.get(name, len(place)), name)


def _row(row: Mapping[str, str]) -> dict[str, Any] | None:
    try:
        x, y = float(row["x"]), float(row["y"])
    except (KeyError, ValueError):
        return None
    if not (drawable(x) and drawable(y)):
        return None
    name = row.get("class", "")
    told = ", ".join(part for part in (row.get("image", ""), name, f"({x:.4g}, {y:.4g})") if part)
    return {"x": rounded(x), "y": rounded(y), "class": name, "told": told}


def _marked(known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Layers of the code that was asked for."""
    latent, place = (entries.get_in(known, "point", key) for key in ("latent", "place"))
    if not (isinstance(latent, list) and isinstance(place, list) and len(place) == 2):
        return []
    name = f"({', '.join(f'{float(number):g}' for number in latent)})"
    row = {"x": rounded(float(place[0])), "y": rounded(float(place[1])), "label": name, "told": f"asked for: {name}"}
    cross = layer("point", {}, [row], shape="cross", size=220, filled=True, color=ACCENT, stroke=INK, opacity=1)
    return [cross, *halo_text([row], color=INK, dy=-16, fontWeight="bold")]
