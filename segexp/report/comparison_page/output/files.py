"""summary.csv and summary.md."""

from collections.abc import Sequence
from typing import Any

from segexp.report import markdown
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.figures import Figure
from segexp.report.comparison_page.configurations.settings import ABSENT, text_of
from segexp.report.comparison_page.configurations.spread import Spread
from segexp.report.comparison_page.factors import FactorTable
from segexp.report.comparison_page.output.base_text import base_reason, explained_p_values
from segexp.report.comparison_page.output.tables import (
    COSTS,
    differences_grid,
    effects_grid,
    factor_grid,
    results_grid,
)
from segexp.report.comparison_page.output.trials import CHOOSES_NOTHING, short, trials_grid
from segexp.report.comparison_page.search import Search
from segexp.report.markdown import escape_text
from segexp.report.run_page.decided import decided
from segexp.runs import table_file
from segexp.runs.find import LeftOut


def as_csv(groups: Sequence[ComparisonGroup]) -> str:
    """One row per configuration: what it is, seeds, costs, and of every figure mean, deviation and number of seeds.

    Columns of a figure are named as it is logged: ``test/miou``, ``test/miou.sd``, ``test/miou.n``.
    """
    lines = [_line(group, place) for group in groups for place in range(len(group.rows))]
    figures = dict.fromkeys(figure for group in groups for figure in group.figures)
    columns = list(dict.fromkeys(key for line in lines for key in line if not key.startswith("test/")))
    return table_file.format_csv(lines, [*columns, *(column for figure in figures for column in _columns(figure))])


def _columns(figure: Figure) -> tuple[str, str, str]:
    return figure.name, f"{figure.name}.sd", f"{figure.name}.n"


def _line(group: ComparisonGroup, place: int) -> dict[str, Any]:
    row = group.rows[place]
    line: dict[str, Any] = {"configuration": row.name}
    line |= {"test_set": group.letter} if group.letter else {}
    # A key that a row has not got is an empty cell; a dash would be a formula.
    line |= {key: "" if value == ABSENT else text_of(value) for key, value in row.varied.items()}
    folds = [run.fold for run in row.repeats[0].runs if run.fold is not None]
    line |= {"folds": len(folds)} if folds else {}
    line |= {
        "seeds": " ".join(repeat.seed for repeat in row.repeats),
        "n": len(row.repeats),
        "test_images": len(row.tested.images),
        "parameters": row.parameters,
    }
    line |= _spread_cells(("train_seconds", "train_seconds.sd"), row.seconds)
    line |= _spread_cells(("train_samples_per_second", "train_samples_per_second.sd"), row.rate)
    line |= {"no_better_than": ", ".join(found.name for found in row.beaten)}
    reached = group.reached(row)
    line |= {"mean_over_images": "" if reached is None else reached.mean}
    line |= _difference_cells(group, row.name)
    for figure, found in row.figures.items():
        line |= _spread_cells(_columns(figure), found)
    line["runs"] = " ".join(run.path.name for run in row.runs)
    return line


def _spread_cells(names: tuple[str, ...], found: Spread | None) -> dict[str, Any]:
    cells = (found.mean, found.deviation, found.count) if found else (None, None, None)
    return {name: "" if value is None else value for name, value in zip(names, cells, strict=False)}


def _difference_cells(group: ComparisonGroup, name: str) -> dict[str, Any]:
    found = group.differences.get(name)
    low, high = found.interval if found and found.interval else ("", "")
    return {
        "difference_of": group.measure.column,
        "difference_averaged": "" if group.measure.by_loader else "mean over images",
        "difference_to": group.base.name if found else "",
        "difference": found.mean if found and found.mean is not None else "",
        "difference.low": low,
        "difference.high": high,
        "difference.p_holm": "" if (p_value := group.p_values.get(name)) is None else p_value,
        "images_better": found.better if found else "",
        "images_worse": found.worse if found else "",
    }


def as_markdown(
    title: str,
    groups: Sequence[ComparisonGroup],
    notes: Sequence[str],
    left_out: Sequence[LeftOut],
    searches: Sequence[Search] = (),
    factors: Sequence[FactorTable | None] = (),
) -> str:
    """Tables of results and of differences for a README or an issue."""
    parts = [f"# {escape_text(title)}", *(f"> {markdown.escape_line(note)}" for note in notes)]
    parts += [part for search in searches for part in _search(search)]
    for place, group in enumerate(groups):
        parts.append(f"## {group.letter + ': ' if group.letter else ''}{escape_text(group.title)}")
        bold = (
            "rows by validation"
            if group.searched
            else "the best of a column is bold, unless a trivial predictor beats it"
        )
        results = results_grid(group)
        less = "; ↓: less is better" if results.marks_less else ""
        text = f"Mean ± standard deviation over n seeds; {bold}{less}."
        at = decided([run.results for row in group.rows for run in row.runs])
        parts.append(f"{text} {escape_text(at)}".rstrip())
        parts.append(results.unmarked(*(head.text for head in COSTS)).as_markdown())
        if group.differences:
            grid = differences_grid(group)
            how = "paired by test image, 95 % bootstrap interval, p-values corrected after Holm"
            why = escape_text(base_reason(group, searches))
            parts.append(f"{markdown.escape_line(grid.title)} ({why}), {how}:")
            parts.append(grid.as_markdown())
            parts += [escape_text(text)] if (text := explained_p_values(group)) else []
        if place < len(factors) and (table := factors[place]) is not None:
            grids = [factor_grid(group, table), *([effects_grid(group, table)] if table.effects else [])]
            parts += [text for grid in grids for text in (f"{markdown.escape_line(grid.title)}:", grid.as_markdown())]
    if left_out:
        parts += ["## Left out", "\n".join(f"- {markdown.escape_line(str(entry))}" for entry in left_out)]
    return "\n\n".join(parts) + "\n"


def _search(search: Search) -> list[str]:
    best = search.best
    parts = [f"## Search {escape_text(search.name)}"]
    if best is not None:
        message = " ".join(f"{key}={short(text)}" for key, text in best.parameters.items())
        monitor = escape_text(search.monitor)
        parts.append(
            f"Best trial by validation: {best.number}, {monitor} {best.value:.4f}, {markdown.format_code(message)}"
        )
    if search.command:
        parts.append(markdown.format_code_block(search.command))
    if search.trials:
        parts.append(trials_grid(search).as_markdown())
    return [*parts, CHOOSES_NOTHING]
