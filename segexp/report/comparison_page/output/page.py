"""summary.html: what the template shows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segexp.report import values
from segexp.report.charts.chart import Chart
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.configuration import Configuration
from segexp.report.comparison_page.configurations.figures import Figure
from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.report.comparison_page.configurations.spread import mean_of
from segexp.report.comparison_page.factors import FactorTable
from segexp.report.comparison_page.output import charts, tables, trials
from segexp.report.comparison_page.output.base_text import base_reason, explained_p_values
from segexp.report.comparison_page.output.grid import Cell, Grid, Head, number
from segexp.report.comparison_page.output.links import report_link
from segexp.report.comparison_page.output.side_by_side import sights
from segexp.report.comparison_page.search import Search
from segexp.report.page_template import load_template
from segexp.report.run_page.decided import decided
from segexp.report.run_page.tiles import Tile
from segexp.runs.find import LeftOut

IMAGES = 12
"""Images in the table of those that differ most."""


@dataclass(frozen=True)
class PageInput:
    """The groups, searches and notes that a page is made of."""

    title: str
    above: str
    groups: Sequence[ComparisonGroup]
    notes: Sequence[str]
    left_out: Sequence[LeftOut]
    older: Sequence[ComparedRun]
    searches: Sequence[Search] = ()
    factors: Sequence[FactorTable | None] = ()


def render_comparison(page: PageInput, out: Path) -> str:
    """The page as text, with links to the reports of runs as seen from the folder ``out``."""
    return load_template("compare.html.j2").render(
        title=page.title,
        above=page.above,
        summary=_summary(page.groups),
        tiles=_headline(page),
        searches=[trials.shown(search, out) for search in page.searches],
        notes=page.notes,
        groups=[
            _group(group, page.searches, out) | {"factors": _factors(group, table)}
            for group, table in zip(page.groups, page.factors or [None] * len(page.groups), strict=True)
        ],
        runs=_runs(page, out),
        left_out=[(entry, _link_of(entry, out)) for entry in page.left_out],
    )


def _summary(groups: Sequence[ComparisonGroup]) -> list[tuple[str, str]]:
    rows = [row for group in groups for row in group.rows]
    seeds = dict.fromkeys(repeat.seed for row in rows for repeat in row.repeats)
    times = [run.seconds for row in rows for run in row.runs if run.seconds is not None]
    facts = [
        ("configurations", str(len(rows))),
        ("runs", str(sum(len(row.runs) for row in rows))),
        ("seeds", ", ".join(seeds)),
        ("training in all", values.format_duration(sum(times)) if times else ""),
    ]
    if len(groups) == 1:
        facts.append(("tested on", groups[0].title))
    return [(name, text) for name, text in facts if text]


def _headline(page: PageInput) -> list[Tile]:
    """Of a search its best trial: to put the best figure of test images on top would be to choose by it."""
    if page.searches:
        return [tile for search in page.searches if (tile := trials.best_tile(search)) is not None]
    return _tiles(page.groups[0]) if len(page.groups) == 1 else []


def _tiles(group: ComparisonGroup) -> list[Tile]:
    """The best, how far it is ahead, and the smallest that is not clearly worse; what chance beats is no best."""
    best, measure = group.best_row, group.measure
    if not group.differences:
        return []
    if best is None:
        return _beaten(group)
    found = group.reached(best)
    if found is None:
        return []
    lines = [_tile(f"Best {measure.label}, per image", values.format_measure(found.mean, measure.digits), best, group)]
    lines += _lead(group)
    smallest = _smallest(group)
    if smallest is not None and smallest.parameters is not None:
        lines.append(_tile("Smallest not clearly worse", values.format_amount(smallest.parameters), smallest, group))
    return lines


def _beaten(group: ComparisonGroup) -> list[Tile]:
    """No row is better than predictors that have learnt nothing."""
    first = group.rows[0]
    lines = [(f"{found.name}, {label}", f"{other:.4f}") for found in first.beaten for label, _, other in found.figures]
    own = {label: value for found in first.beaten for label, value, _ in found.figures}
    # Trivial predictors are judged by counts of all images.
    averaged = Figure("dataset", "").averaged(first.runs[0].results)
    over = f", {averaged}" if averaged else ""
    lines = [(first.name, ""), *((label + over, f"{value:.4f}") for label, value in own.items()), *lines]
    return [Tile("Better than a trivial predictor", f"0 of {len(group.rows)}", tuple(lines))]


def _lead(group: ComparisonGroup) -> list[Tile]:
    """How far the best is ahead of the second: the difference of the table below."""
    if group.base is not group.rows[0] or group.best_row is not group.base:
        return []
    second = group.rows[1]
    found = group.differences.get(second.name)
    if found is None or found.mean is None:
        return []
    digits = group.measure.digits
    lines = [
        (second.name, ""),
        ("its difference", f"{found.mean:+.{digits}f}"),
        ("95 % interval", tables.interval_text(found, digits)),
        ("the best is better on", f"{found.worse} of {len(found.images)} images"),
    ]
    return [Tile("Ahead of the second by", f"{abs(found.mean):.{digits}f}", tuple(lines))]


def _tile(name: str, value: str, row: Configuration, group: ComparisonGroup) -> Tile:
    """A headline with the name of its configuration, what that reaches and what it costs."""
    measure = group.measure
    pairs = [(f"{measure.label}, per image", group.reached(row))]
    pairs += [("over all pixels", measure.of(row))] if measure.pooled else []
    lines = [
        (row.name, ""),
        *((label, found.text(measure.digits) if found else values.ABSENT) for label, found in pairs),
        ("parameters", values.format_count(row.parameters)),
        ("training", values.format_duration(mean_of(row.seconds))),
    ]
    return Tile(name, value, tuple(lines))


def _smallest(group: ComparisonGroup) -> Configuration | None:
    """The model with the fewest weights whose interval of the difference to the best reaches zero."""
    if group.base is not group.best_row:
        return None
    fit = [
        row for row in group.rows
        if row.parameters is not None and not row.beaten
        and (row is group.base or not group.differences[row.name].clear)
    ]  # fmt: skip
    smallest = min(fit, key=lambda row: row.parameters or 0, default=None)
    return None if smallest is group.base else smallest


def _group(group: ComparisonGroup, searches: Sequence[Search], out: Path) -> dict[str, Any]:
    return {
        "id": group.letter.lower() or "all",
        "letter": group.letter,
        "title": group.title,
        "results": _linked(tables.results_grid(group), group, out),
        "differences": tables.differences_grid(group) if group.differences else None,
        "intervals": _there(charts.chart_of_differences(group)),
        "base": group.base.name,
        "base_is": base_reason(group, searches),
        "explained": explained_p_values(group),
        "measure": group.measure.label_by_image,
        "decided": decided([run.results for row in group.rows for run in row.runs]),
        "searched": group.searched,
        "costs": charts.cost_charts(group),
        "varied": _there(charts.varied_chart(group)),
        "images": tables.images_grid(group, IMAGES) if len(group.rows) > 1 else None,
        "sights": sights(group) if len(group.rows) > 1 else [],
        "full": [
            grid for grid in (tables.full_grid(group, block) for block in ("dataset", "image")) if len(grid.heads) > 1
        ],
    }


def _factors(group: ComparisonGroup, table: FactorTable | None) -> list[Grid]:
    if table is None:
        return []
    return [tables.factor_grid(group, table), *([tables.effects_grid(group, table)] if table.effects else [])]


def _linked(grid: Grid, group: ComparisonGroup, out: Path) -> Grid:
    """The names of configurations of one run lead to its report."""
    rows = []
    for row, cells in zip(group.rows, grid.rows, strict=True):
        href = report_link(row.runs[0].path, out) if len(row.runs) == 1 else ""
        rows.append([replace(cells[0], href=href), *cells[1:]])
    return replace(grid, rows=rows)


def _link_of(entry: LeftOut, out: Path) -> str:
    return report_link(entry.path, out) if entry.path is not None else ""


def _there(chart: Chart | None) -> list[Chart]:
    return [] if chart is None else [chart]


def _runs(page: PageInput, out: Path) -> Grid:
    """All runs with links to their reports."""
    folds = any(run.fold is not None for group in page.groups for row in group.rows for run in row.runs)
    heads = [
        Head("run", number=False),
        Head("configuration", number=False),
        Head("seed"),
        *([Head("fold")] if folds else []),
    ]
    heads += [Head(page.groups[0].measure.label_of_headline), Head("training"), Head("counts", number=False)]
    rows = []
    for group in page.groups:
        for row in group.rows:
            # Rows of two test sets may have one name.
            name = f"{group.letter}: {row.name}" if group.letter else row.name
            rows += [_run_cells(run, name, group, out, folds, "yes") for run in row.runs]
    rows += [_run_cells(run, "", page.groups[0], out, folds, "no, made again later") for run in page.older]
    return Grid("runs", heads, rows)


def _run_cells(run: ComparedRun, name: str, group: ComparisonGroup, out: Path, folds: bool, counts: str) -> list[Cell]:
    value = run.figures.get(group.measure.headline)
    fold = [number(str(run.fold), run.fold)] if folds else []
    return [
        Cell(run.path.name, run.path.name, href=report_link(run.path, out)),
        Cell(name, name),
        Cell(run.seed, float(run.seed) if run.seed.isdigit() else run.seed),
        *fold,
        number(values.format_measure(value, group.measure.digits), value),
        number(values.format_duration(run.seconds), run.seconds),
        Cell(counts, counts),
    ]
