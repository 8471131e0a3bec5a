"""The tables of a comparison: results, differences, all figures, images, runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from segexp.report import values
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.configuration import Configuration
from segexp.report.comparison_page.configurations.figures import BLOCKS, Figure, figures_of
from segexp.report.comparison_page.configurations.spread import Spread, mean_of
from segexp.report.comparison_page.factors import FactorTable
from segexp.report.comparison_page.output.grid import Cell, Grid, Head, number, spread_cell
from segexp.report.comparison_page.paired import Difference
from segexp.report.labels import column_heading, described
from segexp.runs import entries

MOST_ROWS = 10
"""Configurations in the table of images, which has a column for each."""
OVER_PIXELS = "over the pixels of all images"
CONFIGURATION = Head("configuration", number=False)
COSTS = (
    Head("parameters", note="weights of the model"),
    Head("training", note="time of a training, all folds together"),
    Head("samples/s", note="training samples per second of an epoch, validation included"),
)


def main_figures(group: ComparisonGroup, *, per_image: bool = True) -> list[Figure]:
    """The figures of the main table: the chosen measure, over all pixels and per image, then what is usually told.

    Of masks that is mean IoU and Dice, of classes of images accuracy, a mean over classes and the area under the ROC
    curve, each as far as it was measured.

    Args:
        group: Configurations.
        per_image: Whether the measure stands per image, too, and areas under curves beside the others.
    """
    usual = _usual(group, curves=per_image)
    # Of two classes there is one distance, else the mean is the last of them.
    distances = [figure for figure in group.figures if figure.measure.startswith("hd")][-1:]
    wanted = [group.measure.headline, *([group.measure.by_image] if per_image else []), *usual, *distances]
    there = {*group.figures, group.measure.by_image}
    return [figure for figure in dict.fromkeys(wanted) if figure in there]


def _usual(group: ComparisonGroup, *, curves: bool) -> list[Figure]:
    """What is usually told beside the chosen measure, by the kind of task."""
    results, chosen = group.rows[0].runs[0].results, group.measure.headline.measure
    if entries.task_kind(results) == entries.CLASSIFICATION:
        # One of the two that large classes do not decide alone, then what no threshold decides.
        means = sorted(("balanced_accuracy", "macro_f1"), key=lambda name: name != chosen)
        return [Figure("dataset", name) for name in ("accuracy", means[0], "auc", means[1])]
    foreground = entries.foreground_of(results)
    usual = [Figure("dataset", "miou")]
    usual += [Figure("dataset", "mdice")] if foreground is None else [Figure("dataset", "dice", foreground)]
    return usual + ([Figure("dataset", "auc", part) for part in ("", "mean")] if curves else [])


def results_grid(group: ComparisonGroup) -> Grid:
    """One row per configuration with its main figures and costs, and the trivial predictors below.

    Costs stand behind the chosen measure: a table that is too wide for the screen ends in what matters less.
    """
    chosen = group.measure.headline, group.measure.by_image
    figures = main_figures(group)
    first = [figure for figure in figures if figure in chosen]
    rest = [figure for figure in figures if figure not in chosen]
    heads = [CONFIGURATION, Head("n", note="seeds"), *(_head(group, figure) for figure in first), *COSTS]
    heads += [_head(group, figure) for figure in rest]
    tops = _tops(group)
    rows = [
        [
            replace(_name(row), minor=", ".join(found.verdict for found in row.beaten)),
            Cell(str(len(row.repeats)), len(row.repeats)),
            *_figure_cells(group, row, first),
            *_costs(row, tops),
            *_figure_cells(group, row, rest),
        ]
        for row in group.rows
    ]
    return Grid("results", heads, rows, _others(group, first, len(COSTS), rest))


def figures_grid(group: ComparisonGroup, figures: Sequence[Figure], digits: Mapping[Figure, int]) -> Grid:
    """Results without costs, and the trivial predictors below.

    Args:
        group: Configurations.
        figures: A column each.
        digits: Decimals of each.
    """
    heads = [CONFIGURATION, Head("n", note="seeds"), *(_head(group, figure) for figure in figures)]
    rows = [
        [
            replace(_name(row), minor=", ".join(found.verdict for found in row.beaten)),
            Cell(str(len(row.repeats)), len(row.repeats)),
            *_figure_cells(group, row, figures, digits),
        ]
        for row in group.rows
    ]
    return Grid("results", heads, rows, _others(group, figures, 0, (), digits))


def _name(row: Configuration) -> Cell:
    text = ", ".join(f"{key}={value}" for key, value in row.varied.items())
    return Cell(row.name, row.name, note=text)


def _head(group: ComparisonGroup, figure: Figure, *, tells_averaging: bool = True) -> Head:
    results = group.rows[0].runs[0].results
    spec = described(results, figure.measure)
    # Distances are there per image only, so that nothing has to be told apart.
    both = all(_is_known(group, Figure(block, figure.measure, figure.part)) for block in BLOCKS)
    averaged = figure.averaged(results) if both and tells_averaging else ""
    more = "differences are differences of these" if figure == group.measure.by_image else ""
    told = (spec.meaning, _over(group, figure.block), more)
    name = ", ".join(part for part in (figure.label(results), averaged) if part)
    return Head(column_heading(name, spec), note="; ".join(part for part in told if part))


def _is_known(group: ComparisonGroup, figure: Figure) -> bool:
    return figure in group.figures or figure == group.measure.by_image


def _over(group: ComparisonGroup, block: str) -> str:
    """Over what the figures of a block are taken."""
    if block == "image":
        return "mean over images"
    results = group.rows[0].runs[0].results
    return "over all images" if entries.task_kind(results) == entries.CLASSIFICATION else OVER_PIXELS


def digits_of(group: ComparisonGroup, figure: Figure) -> int:
    """Decimals: shares get four, distances and numbers of things two."""
    return 2 if entries.get_in(group.rows[0].runs[0].results, "units", figure.measure) else 4


def _figure_cells(
    group: ComparisonGroup, row: Configuration, figures: Sequence[Figure], digits: Mapping[Figure, int] | None = None
) -> list[Cell]:
    cells = []
    of = {figure: digits_of(group, figure) for figure in figures} if digits is None else digits
    for figure in figures:
        found = group.reached(row) if figure == group.measure.by_image else row.figures.get(figure)
        best, note = row.name in group.best(figure), _count(row, found)
        cells.append(spread_cell(found, of[figure], best=best, note=note))
    return cells


def _count(row: Configuration, found: Spread | None) -> str:
    """Where a figure is not defined for all seeds, of how many it speaks."""
    return f"of {found.count} of {len(row.repeats)} seeds" if found and found.count < len(row.repeats) else ""


def _costs(row: Configuration, tops: tuple[float | None, ...]) -> list[Cell]:
    seconds, rate = mean_of(row.seconds), mean_of(row.rate)
    cells = [
        number(values.format_count(row.parameters), row.parameters),
        number(values.format_duration(seconds), seconds),
        number("" if rate is None else f"{rate:.1f}", rate),
    ]
    return [
        replace(cell, best=cell.value is not None and cell.value == top) for cell, top in zip(cells, tops, strict=True)
    ]


def _tops(group: ComparisonGroup) -> tuple[float | None, ...]:
    """The fewest parameters, the shortest training and the highest rate; None where all are equal."""
    parameters = [row.parameters for row in group.rows if row.parameters is not None]
    times = [row.seconds.mean for row in group.rows if row.seconds is not None]
    rates = [row.rate.mean for row in group.rows if row.rate is not None]
    pairs: list[tuple[Sequence[float], Callable[[Sequence[float]], float]]] = [
        (parameters, min),
        (times, min),
        (rates, max),
    ]
    return tuple(choose(found) if len(set(found)) > 1 else None for found, choose in pairs)


def _others(
    group: ComparisonGroup,
    first: Sequence[Figure],
    costs: int,
    rest: Sequence[Figure],
    digits: Mapping[Figure, int] | None = None,
) -> list[list[Cell]]:
    """Trivial predictors and people, as the first run has them; of several folds they cannot be told in one row."""
    of = {figure: digits_of(group, figure) for figure in (*first, *rest)} if digits is None else digits
    runs = group.rows[0].repeats[0].runs
    rows = []
    for entry in entries.rows_of(runs[0].results) if len(runs) == 1 else ():
        name = entries.to_text(entry.get("name"))
        if not name.startswith("model"):
            found = figures_of(entry)
            of_images = runs[0].images_of(name).get(group.measure.column, {}).values()
            found |= {group.measure.by_image: fmean(of_images)} if of_images else {}
            before, after = (
                [number(values.format_measure(found.get(f), of[f]), found.get(f)) for f in part]
                for part in (first, rest)
            )
            label = Cell(name, name, note=entries.to_text(entry.get("note")))
            rows.append([label, Cell(""), *before, *([Cell("")] * costs), *after])
    return rows


def full_grid(group: ComparisonGroup, block: str) -> Grid:
    """Every test figure of a block, a column each."""
    figures = [figure for figure in group.figures if figure.block == block]
    # The title of the table says how they are averaged.
    heads = [CONFIGURATION, *(_head(group, figure, tells_averaging=False) for figure in figures)]
    rows = [[_name(row), *_figure_cells(group, row, figures)] for row in group.rows]
    return Grid(_over(group, block), heads, rows)


def differences_grid(group: ComparisonGroup, digits: int | None = None) -> Grid:
    """Paired differences against the base, with the decimals of the measure or those given."""
    digits = group.measure.digits if digits is None else digits
    heads = [
        CONFIGURATION,
        Head("difference", note="mean over the test images; of several seeds the mean per image first"),
        Head("95 % interval", note="bootstrap: test images drawn again with replacement"),
        Head("p, Holm", note="sign flips of the images' differences, two-sided, corrected for the number of rows"),
        Head("better", note="images on which it is better"),
        Head("worse", note="images on which it is worse"),
        Head("images"),
    ]
    rows = []
    for row in group.rows:
        found = group.differences.get(row.name)
        p_value = group.p_values.get(row.name)
        cells = _difference_cells(found, p_value, digits) if found else _base_cells()
        rows.append([_name(row), *cells])
    return Grid(f"{group.measure.label_by_image}, difference to {group.base.name}", heads, rows)


def _base_cells() -> list[Cell]:
    return [Cell("base", 0.0), *(Cell("") for _ in range(5))]


def _difference_cells(found: Difference, p_value: float | None, digits: int) -> list[Cell]:
    digits = values.digits_of_interval(found.interval, digits)
    return [
        number("" if found.mean is None else f"{found.mean:+.{digits}f}", found.mean),
        Cell(interval_text(found, digits), found.interval[0] if found.interval else None),
        number(p_text(p_value), p_value),
        Cell(str(found.better), found.better),
        Cell(str(found.worse), found.worse),
        Cell(str(len(found.images)), len(found.images)),
    ]


def p_text(p_value: float | None) -> str:
    """``0.0312``, ``< 0.001``; empty where there is none."""
    if p_value is None:
        return ""
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"


def interval_text(found: Difference, digits: int) -> str:
    """``[-0.0123, -0.0045]``."""
    if found.interval is None:
        return values.ABSENT
    return f"[{found.interval[0]:+.{digits}f}, {found.interval[1]:+.{digits}f}]"


def factor_grid(group: ComparisonGroup, table: FactorTable, digits: int | None = None) -> Grid:
    """Two keys against each other; means of rows and columns where every pair was run."""
    digits = group.measure.digits if digits is None else digits
    means = {(e.key, e.value): e.mean for e in table.effects}
    heads = [Head(f"{table.keys[0]} \\ {table.keys[1]}", number=False), *(Head(value) for value in table.columns)]
    top = None if group.searched else _best_mean(table.cells, lower=group.measure.lower)
    best = {pair for pair, cell in table.cells.items() if cell.mean == top} - table.beaten
    rows = []
    for row in table.rows:
        pairs = [(row, column) for column in table.columns]
        rows.append([Cell(row, row), *(spread_cell(table.cells.get(p), digits, best=p in best) for p in pairs)])
    if not means:
        return Grid(_factor_title(group, table), heads, rows)
    for cells, value in zip(rows, table.rows, strict=True):
        cells.append(_mean_cell(means[table.keys[0], value], digits))
    last = [_mean_cell(means[table.keys[1], value], digits) for value in table.columns]
    return Grid(_factor_title(group, table), [*heads, Head("mean")], rows, [[Cell("mean"), *last, Cell("")]])


def _mean_cell(mean: float, digits: int) -> Cell:
    return number(f"{mean:.{digits}f}", mean)


def _best_mean(cells: Mapping[tuple[str, str], Spread], *, lower: bool) -> float | None:
    means = [cell.mean for cell in cells.values()]
    return (min(means) if lower else max(means)) if len(set(means)) > 1 else None


def _factor_title(group: ComparisonGroup, table: FactorTable) -> str:
    over = f", over {', '.join(table.others)}" if table.others else ""
    return f"{group.measure.label}, mean over images, by {table.keys[0]} and {table.keys[1]}{over}"


def effects_grid(group: ComparisonGroup, table: FactorTable, digits: int | None = None) -> Grid:
    """The main effect of each value of both keys."""
    digits = group.measure.digits if digits is None else digits
    heads = [
        Head("key", number=False),
        Head("value", number=False),
        Head("mean", note="of all pairs with this value"),
        Head("main effect", note="that less the mean of all pairs"),
    ]
    rows = [
        [
            Cell(e.key, e.key),
            Cell(e.value, e.value),
            _mean_cell(e.mean, digits),
            number(f"{e.effect:+.{digits}f}", e.effect),
        ]
        for e in table.effects
    ]
    return Grid(f"Main effects on {group.measure.label_by_image}", heads, rows)


def images_grid(group: ComparisonGroup, most: int) -> Grid:
    """Images that differ most: the values of the first configurations, and the range of all."""
    digits, shown = group.measure.digits, group.rows[:MOST_ROWS]
    by_row = [row.of_images(group.measure.column) for row in shown]
    heads = [
        Head("image", number=False),
        Head("range", note="highest minus lowest of all configurations"),
        *(Head(row.name) for row in shown),
    ]
    rows = []
    for image, width in group.spread_of_images[:most]:
        found = [each.get(image) for each in by_row]
        known = [value for value in found if value is not None]
        top = min(known, default=None) if group.measure.lower else max(known, default=None)
        cells = [
            number(values.format_measure(value, digits), value, best=value == top and width > 0) for value in found
        ]
        rows.append([Cell(image, image), number(f"{width:.{digits}f}", width), *cells])
    return Grid(f"{group.measure.label_by_image} of the images that differ most", heads, rows)
