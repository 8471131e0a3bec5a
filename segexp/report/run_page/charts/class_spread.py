"""A measure by class: a dot per image, and over them the figure of all pixels with its interval."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from segexp.report import values
from segexp.report.charts.chart import Chart
from segexp.report.charts.intervals import Interval, interval_chart
from segexp.report.labels import name_of
from segexp.runs import entries

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
    legend = ("a test image", "all pixels, with 95 % interval")
    made = [
        interval_chart(
            f"{name_of(figure, results)} of each class",
            [_row(figure, name, results, lines) for name in classes],
            legend,
            highest=1.0,
        )
        for figure in ("iou", "dice")
    ]
    return [chart for chart in made if chart is not None]


def _row(figure: str, name: str, results: Mapping[str, Any], images: Images) -> Interval:
    row = entries.model_row(results)
    value, interval = (entries.get_in(row, *path, figure, name) for path in (("dataset",), ("interval", "dataset")))
    dots = [(line.get("image", ""), _number(line.get(f"{figure}/{name}"))) for line in images]
    known = [(f"{image}: {dot:.4f}", dot) for image, dot in dots if math.isfinite(dot)]
    if not isinstance(value, float) or not math.isfinite(value):
        return Interval(name, None, None, "absent", known)
    ends = [end for end in interval if isinstance(end, float)] if isinstance(interval, list) else []
    text = values.format_with_interval(value, interval)
    return Interval(name, value, (ends[0], ends[1]) if len(ends) == 2 else None, text, known)


def _number(cell: str | None) -> float:
    return float(cell or "nan")
