"""The interval of a difference as a small drawing for a cell of a table."""

from collections.abc import Sequence

from segexp.report.charts import svg
from segexp.report.charts.scale import Scale
from segexp.report.comparison_page.paired import Difference

WIDTH, HEIGHT = 180.0, 20.0


def common_scale(found: Sequence[Difference]) -> Scale | None:
    """One scale for all rows, with zero on it; None where there is nothing to draw."""
    ends = [end for each in found for end in (*(each.interval or ()), each.mean) if end is not None]
    if not any(ends):
        return None
    low, high = min(0.0, *ends), max(0.0, *ends)
    more = 0.04 * (high - low)
    return Scale(low - more, high + more, 2, WIDTH - 2)


def interval_bar(found: Difference | None, scale: Scale) -> str:
    """Zero as a line across, the interval as a bar, the mean as a dot; the base has its zero alone."""
    zero, middle = scale.at(0.0), HEIGHT / 2
    content = svg.tag("line", class_="zero", x1=zero, x2=zero, y1=0, y2=HEIGHT)
    told = "the base"
    if found is not None and found.mean is not None:
        kind = _kind(found)
        told = {"good": "better", "bad": "worse", "open": "no clear difference"}[kind]
        if found.interval is not None:
            low, high = (scale.at(end) for end in found.interval)
            content += svg.tag("line", class_=f"bar {kind}", x1=low, x2=high, y1=middle, y2=middle)
        content += svg.tag("circle", class_=f"mean {kind}", cx=scale.at(found.mean), cy=middle, r=4)
    return svg.drawing(content, WIDTH, HEIGHT, told)


def _kind(found: Difference) -> str:
    """Better or worse only where the interval leaves out zero."""
    if not found.clear or found.mean is None:
        return "open"
    return "good" if (found.mean < 0) == found.lower else "bad"
