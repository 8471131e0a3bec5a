"""How figures of results.json are called in tables, and what they mean in a few words."""

from collections.abc import Mapping
from typing import Any

from segexp.config.signatures.declared_figures import shipped_figures
from segexp.config.signatures.measure_names import BUILT_IN, figure_spec
from segexp.errors import ConfigError
from segexp.runs import entries
from segexp.spec import FigureSpec

TEXTS = ("labels", "units", "meanings")
"""Blocks of results.json that hold a text by figure."""
AGAINST = "MCC, class against rest"
"""Of more than two classes; with two it is that of all classes."""
SHORT = ("miou", "mdice")
"""Means that stand under the name of their measure already."""


def described(results: Mapping[str, Any], figure: str) -> FigureSpec:
    """Direction, label, unit and meaning of a figure.

    Args:
        results: Content of results.json, which says it of the measures in ``metric``; that of version 0.1 has no
            labels and meanings, and those of segexp's own measures are taken from their classes.
        figure: Its name; of one that nobody knows, more is better and the label is the name.
    """
    try:
        known = figure_spec(figure)
    except ConfigError:
        known = FigureSpec("max", figure)
    label, unit, meaning = (entries.to_text(entries.get_in(results, key, figure)) for key in TEXTS)
    way = entries.get_in(results, "directions", figure)
    direction = known.direction if way is None else "min" if way == "min" else "max"
    return FigureSpec(direction, label or known.label, unit, meaning or known.meaning)


def name_of(figure: str, results: Mapping[str, Any]) -> str:
    """Name for a table; a figure that nobody has named keeps its own."""
    return described(results, figure).label


def head_of(results: Mapping[str, Any], figure: str) -> str:
    """Name with unit and direction."""
    spec = described(results, figure)
    against = figure == "mcc" and len(entries.classes_of(results)) > 2
    return column_heading(AGAINST if against else spec.label, spec)


def column_heading(name: str, spec: FigureSpec) -> str:
    """A name with the unit where that is short, and an arrow where less is more: ``HD95 vessel (px) ↓``."""
    return name + (f" ({spec.unit})" if 0 < len(spec.unit) <= 2 else "") + " ↓" * (spec.direction == "min")


def lower_is_better(figure: str, results: Mapping[str, Any]) -> bool:
    """Returns whether less is more; not of figures that nobody knows."""
    return described(results, figure).direction == "min"


def table_order() -> list[str]:
    """Figures in the order of the tables: those of every test, then those of segexp's own costly measures."""
    return [name for name in (*BUILT_IN, *shipped_figures()) if name not in SHORT]


def order_figures(figures: Mapping[str, Any]) -> list[str]:
    """Names of the figures of a block of results.json: the known ones in their order, then others."""
    found = [name for name in figures if name != "mean" and not name.endswith("_averaged") and name not in SHORT]
    return [name for name in table_order() if name in found] + [name for name in found if name not in table_order()]
