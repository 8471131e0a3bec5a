"""A measure by class: a dot per image, and over them the figure of all pixels with its interval."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from segexp.report import values
from segexp.report.charts import svg
from segexp.report.charts.lines import RIGHT, WIDTH, Chart
from segexp.report.charts.scale import Scale, linear_ticks
from segexp.report.labels import name_of
from segexp.runs import entries

ROW, TOP, BOTTOM, LEFT = 46.0, 8.0, 24.0, 10.0
BIN, STEP, MOST = 4.0, 3.2, 5
"""Dots of one bin stand above each other, so many at most."""
MANY_CLASSES = 40

Images = Sequence[Mapping[str, str]]


def spread_charts(results: Mapping[str, Any], images: Images) -> list[Chart]:
    """Charts of IoU and Dice.

    Args:
        results: Content of results.json.
        images: Lines of per_image.csv.
    """
    classes = entries.classes_of(results)
    own = entries.to_text(entries.model_row(results).get("name")) or "model"
    lines = [line for line in images if line.get("row", own) == own]
    if not lines or len(classes) > MANY_CLASSES:
        return []
    made = [_chart(figure, classes, results, lines) for figure in ("iou", "dice")]
    return [chart for chart in made if chart is not None]


def _chart(figure: str, classes: Sequence[str], results: Mapping[str, Any], images: Images) -> Chart | None:
    found = {name: _of_images(images, f"{figure}/{name}") for name in classes}
    row = entries.model_row(results)
    pooled = {name: entries.get_in(row, "dataset", figure, name) for name in classes}
    numbers = [value for dots in found.values() for _, value in dots]
    numbers += [value for value in pooled.values() if isinstance(value, float)]
    if not numbers:
        return None
    low = min(numbers)
    scale = Scale(max(0.0, low - 0.04 * (1 - low) - 1e-3), 1.0, LEFT, WIDTH - RIGHT)
    height = TOP + ROW * len(classes) + BOTTOM
    content = _axis(scale, height - BOTTOM)
    for number, name in enumerate(classes):
        base = TOP + ROW * (number + 1) - 8
        content += svg.text(name, LEFT, base - 22, class_="name")
        content += _dots(found[name], scale, base)
        content += _summary(pooled[name], entries.get_in(row, "interval", "dataset", figure, name), scale, base)
    title = f"{name_of(figure, results)} of each class"
    label = f"{title}: {', '.join(f'{name} {values.format_measure(pooled[name])}' for name in classes)}"
    legend = (("point muted", "a test image"), ("mark c0", "all pixels, with 95 % interval"))
    return Chart(title, Markup(svg.drawing(content, WIDTH, height, label)), legend)


def _of_images(images: Images, column: str) -> list[tuple[str, float]]:
    found = [(line.get("image", ""), float(line[column])) for line in images if line.get(column)]
    return [(name, value) for name, value in found if math.isfinite(value)]


def _axis(scale: Scale, bottom: float) -> str:
    parts = []
    for tick in linear_ticks(scale.low, scale.high, 5):
        x = scale.at(tick)
        parts.append(svg.tag("line", class_="grid", x1=x, x2=x, y1=TOP, y2=bottom))
        parts.append(svg.text(f"{tick:.4g}", x, bottom + 15, text_anchor="end" if tick == 1 else "middle"))
    return "".join(parts)


def _dots(images: Sequence[tuple[str, float]], scale: Scale, base: float) -> str:
    taken: Counter[int] = Counter()
    parts = []
    for name, value in sorted(images, key=lambda pair: pair[1]):
        x = scale.at(value)
        place = round(x / BIN)
        y = base - 2 - STEP * min(taken[place], MOST)
        taken[place] += 1
        told = svg.title(f"{name}: {value:.4f}")
        parts.append(svg.tag("circle", told, class_="image", cx=x, cy=y, r=2.2))
    return "".join(parts)


def _summary(value: object, interval: object, scale: Scale, base: float) -> str:
    if not isinstance(value, float):
        return svg.text("absent", scale.end, base, text_anchor="end")
    parts = []
    if isinstance(interval, list) and len(interval) == 2 and None not in interval:
        low, high = (scale.at(min(max(float(end), scale.low), scale.high)) for end in interval)
        parts.append(svg.tag("line", class_="interval", x1=low, x2=high, y1=base + 4, y2=base + 4))
    told = svg.title(values.format_with_interval(value, interval))
    parts.append(svg.tag("circle", told, class_="mark c0", cx=scale.at(value), cy=base + 4, r=4.2))
    return "".join(parts)
