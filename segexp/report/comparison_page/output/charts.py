"""The charts of a comparison: intervals of differences, what a measure costs, and what was varied."""

from collections.abc import Mapping, Sequence

from segexp.report import values
from segexp.report.charts.chart import PLAIN_FORMAT, SI_FORMAT, Chart
from segexp.report.charts.intervals import Interval, interval_chart
from segexp.report.charts.palette import BAD, GOOD, SOFT
from segexp.report.charts.parallel import parallel_chart, value_axis
from segexp.report.charts.scatter import ScatterPoint, scatter_chart
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.naming import short_names
from segexp.report.comparison_page.configurations.settings import ABSENT, text_of
from segexp.report.comparison_page.configurations.spread import Spread
from segexp.report.comparison_page.paired import Difference
from segexp.report.comparison_page.pareto import front
from segexp.runs.text import shortened

LONGEST_LABEL = 30
"""Letters of a label."""
FEWEST, MOST_KEYS = 3, 8
"""Configurations in which something can be seen; axes of keys."""
VERDICTS = {"good": ("better", GOOD), "bad": ("worse", BAD), "open": ("no clear difference", SOFT)}


def difference_chart(found: Mapping[str, Difference], base: str, measure: str, digits: int) -> Chart | None:
    """The interval of each difference to the base; None where nothing differs.

    Args:
        found: Difference by configuration.
        base: What they are compared with.
        measure: What differs.
        digits: Decimals.
    """
    if not any(end for one in found.values() for end in (*(one.interval or ()), one.mean)):
        return None
    rows = []
    for name, difference in found.items():
        word, colour = VERDICTS[kind_of(difference)]
        ends = [f"{end:+.{digits}f}" for end in difference.interval or ()]
        interval = f" [{ends[0]}, {ends[1]}]" if ends else ""
        text = "no image in common" if difference.mean is None else f"{difference.mean:+.{digits}f}{interval}, {word}"
        rows.append(Interval(name, difference.mean, difference.interval, text, colour=colour))
    legend = ("", "mean difference, with 95 % interval")
    axis = f"{measure}, difference to {shortened(base, 2 * LONGEST_LABEL)}"
    return interval_chart("Intervals of the differences", rows, legend, axis=axis, zero=True)


def kind_of(found: Difference) -> str:
    """``good`` or ``bad`` only where the interval leaves out zero, else ``open``."""
    if not found.clear or found.mean is None:
        return "open"
    return "good" if (found.mean < 0) == found.lower else "bad"


def charts_of(group: ComparisonGroup) -> dict[str, Chart]:
    """All charts of a test set by the stem of their file; those that there is nothing to draw of are left out."""
    found = {
        "differences": chart_of_differences(group),
        **_costs(group),
        "varied": varied_chart(group),
    }
    return {stem: chart for stem, chart in found.items() if chart is not None}


def chart_of_differences(group: ComparisonGroup) -> Chart | None:
    """The differences of a test set to its base."""
    measure = group.measure
    return difference_chart(group.differences, group.base.name, measure.label_by_image, measure.digits)


def cost_charts(group: ComparisonGroup) -> list[Chart]:
    """The measure against parameters and against training time."""
    return [chart for chart in _costs(group).values() if chart is not None]


def _costs(group: ComparisonGroup) -> dict[str, Chart | None]:
    measure = group.measure
    reached = [(row, measure.of(row)) for row in group.rows]
    by_size = [(row.name, float(row.parameters), found) for row, found in reached if found and row.parameters]
    unit, length = time_unit(max((row.seconds.mean for row, _ in reached if row.seconds), default=0.0))
    by_time = [(row.name, row.seconds.mean / length, found) for row, found in reached if found and row.seconds]
    return {
        "parameters": cost_chart(by_size, "parameters", measure.label_of_headline, SI_FORMAT, lower=measure.lower),
        "training_time": cost_chart(
            by_time, f"training time ({unit})", measure.label_of_headline, PLAIN_FORMAT, lower=measure.lower
        ),
    }


def cost_chart(
    rows: Sequence[tuple[str, float, Spread]], cost: str, measure: str, form: str, *, lower: bool
) -> Chart | None:
    """Draws values against their costs, with the Pareto front; None where there are fewer than two costs.

    Args:
        rows: Configurations: name, cost, what they reach.
        cost: Name of the horizontal axis.
        measure: Name of the vertical one.
        form: How a cost is written on the axis (d3-format).
        lower: Whether less of the measure is better.
    """
    best = front([(spent, found.mean) for _, spent, found in rows], lower=lower)
    points = []
    for number, (name, spent, found) in enumerate(rows):
        written = values.format_amount(spent) if form == SI_FORMAT else f"{spent:.4g}"
        text = f"{name}: {found.text()}, {written}" + (", on the front" if number in best else "")
        points.append(ScatterPoint(shortened(name, LONGEST_LABEL), spent, found.mean, found.deviation, text))
    return scatter_chart(points, best, (cost, f"{measure} ({'lower' if lower else 'higher'} is better)"), form=form)


def time_unit(longest: float) -> tuple[str, float]:
    """The unit in which times up to so many seconds are read best, and its seconds: round ticks need a unit."""
    if longest < 120:
        return "s", 1.0
    return ("min", 60.0) if longest < 7200 else ("h", 3600.0)


def varied_chart(group: ComparisonGroup) -> Chart | None:
    """One axis per varied key, a line per configuration; None where too few, or nothing varies."""
    found = [(row, reached.mean) for row in group.rows if (reached := group.measure.of(row))]
    names = short_names(list(group.rows[0].varied))
    texts = {key: [text_of(row.varied.get(key, ABSENT)) for row, _ in found] for key in names}
    keys = [key for key in names if len(set(texts[key])) > 1][:MOST_KEYS]
    if len(found) < FEWEST or not keys:
        return None
    axes = [
        value_axis(names[key], [row.varied.get(key, ABSENT) for row, _ in found], texts[key], ABSENT) for key in keys
    ]
    rows, means = [row.name for row, _ in found], [mean for _, mean in found]
    return parallel_chart(rows, axes, means, group.measure.label_of_headline, lower=group.measure.lower)
