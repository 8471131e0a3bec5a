"""How the page shows a search: its best trial, and the table of all of them."""

import math
from pathlib import Path
from typing import Any

from segexp.report import values
from segexp.report.comparison_page.output.grid import Cell, Grid, Head, number
from segexp.report.comparison_page.output.links import report_link
from segexp.report.comparison_page.search import Search, Trial
from segexp.report.run_page.tiles import Tile

CHOOSES_NOTHING = (
    "Test images choose nothing: of all these trials the one with the best test measures looks better than "
    "it is. They tell what the trial that validation has chosen is worth."
)
BEST = {"max": "highest", "min": "lowest"}


def shown(search: Search, out: Path) -> dict[str, Any]:
    """Prepares a search for the template, with links as seen from the folder ``out``."""
    best = search.best
    return {
        "name": search.name,
        "count": len(search.trials),
        "states": search.states,
        "monitor": search.monitor,
        "rule": BEST.get(search.mode, search.mode),
        "best": best and best.number,
        "value": best and values.format_measure(best.value),
        "parameters": best and " ".join(f"{key}={short(text)}" for key, text in best.parameters.items()),
        "href": best and best.folder and report_link(best.folder, out),
        "command": search.command,
        "trials": trials_grid(search, out) if search.trials else None,
        "below": CHOOSES_NOTHING,
        "half": search.half,
    }


def best_tile(search: Search) -> Tile | None:
    """The headline of a search: the validation value of its best trial, and what that trial is."""
    best = search.best
    if best is None:
        return None
    parameters = tuple((key, short(text)) for key, text in best.parameters.items())
    name = f"Best {search.monitor}, by validation"
    half = (("masks of validation", search.half),) if search.half else ()
    lines = ((f"trial {best.number} of {len(search.trials)}", ""), *parameters, *half)
    return Tile(name, values.format_measure(best.value), lines)


def trials_grid(search: Search, out: Path | None = None) -> Grid:
    """A row per trial; links need ``out``."""
    keys = list(search.trials[0].parameters) if search.trials else []
    heads = [Head("trial", number=False), Head("state", number=False)]
    monitor = f"{search.monitor} {search.half}".rstrip()
    heads.append(Head(monitor, note="on validation images; of a pruned trial when it was ended"))
    heads += [Head(key, number=all(_is_number(trial.parameters[key]) for trial in search.trials)) for key in keys]
    heads += [Head("epochs"), Head("time")]
    return Grid("trials", heads, [_row(trial, trial is search.best, out) for trial in search.trials])


def _row(trial: Trial, best: bool, out: Path | None) -> list[Cell]:
    href = "" if out is None or trial.folder is None else report_link(trial.folder, out)
    state = f"{trial.state}, the best" if best else trial.state
    return [
        Cell(str(trial.number), float(trial.number), href=href),
        Cell(state, state),
        number(values.format_measure(trial.value), trial.value, best=best),
        *(Cell(short(text), _sorted_by(text), note=text) for text in trial.parameters.values()),
        number(str(trial.epochs), trial.epochs),
        number(values.format_duration(trial.seconds), trial.seconds),
    ]


def short(text: str) -> str:
    """A parameter as it is read: four digits, as in the names of the jobs."""
    if not _is_number(text) or text.lstrip("+-").isdigit():
        return text or values.ABSENT
    return f"{float(text):.4g}"


def _sorted_by(text: str) -> float | str:
    return float(text) if _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
