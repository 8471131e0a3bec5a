"""Headline figures of a run, each beside the same figure of what the model has to beat."""

from collections.abc import Mapping
from dataclasses import dataclass

from segexp.report import values
from segexp.runs import entries
from segexp.runs.contents import RunContents

_OTHERS_SHOWN = 3


@dataclass(frozen=True)
class Tile:
    """A headline figure of the model with the same figure of what it has to beat."""

    name: str
    value: str
    others: tuple[tuple[str, str], ...]
    interval: str = ""


def tiles(folder: RunContents) -> list[Tile]:
    """Headline figures over all counted pixels; measures that nothing has are left out."""
    results = folder.results
    foreground = entries.foreground_of(results)
    paths: list[tuple[str, tuple[str, ...]]] = [("Mean IoU", ("miou",))]
    if foreground is None:
        paths.append(("Mean Dice", ("mdice",)))
    else:
        paths.append((f"Dice {foreground}", ("dice", foreground)))
    paths += [("AUC", ("auc",)), ("Accuracy", ("accuracy",))]
    paths += [("Balanced accuracy", ("balanced_accuracy",)), ("Macro F1", ("macro_f1",))]
    made = [_tile(results, name, path) for name, path in paths]
    return [tile for tile in made if tile.value != values.ABSENT]


def _tile(results: Mapping[str, object], name: str, path: tuple[str, ...]) -> Tile:
    own = entries.model_row(results)
    others = [
        (entries.to_text(row.get("name")), values.format_measure(entries.get_in(row, "dataset", *path), 3))
        for row in entries.rows_of(results)
        # "model at 0.5" is no rival of the model
        if not entries.to_text(row.get("name")).startswith("model") and row is not own
    ]
    shown = tuple(pair for pair in others if pair[1] != values.ABSENT)[:_OTHERS_SHOWN]
    interval = entries.get_in(own, "interval", "dataset", *path)
    digits = values.digits_of_interval(interval, 3)
    ends = (
        [values.format_measure(end, digits) for end in interval]
        if isinstance(interval, list) and len(interval) == 2
        else []
    )
    text = "" if not ends or values.ABSENT in ends else f"{ends[0]} to {ends[1]}"
    return Tile(name, values.format_measure(entries.get_in(own, "dataset", *path), digits), shown, text)
