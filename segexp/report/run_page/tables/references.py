"""Figures of others beside those of a run, for the terminal and the page."""

from collections.abc import Mapping
from typing import Any

from segexp.report import values
from segexp.report.table import Table
from segexp.runs import entries


def reference_table(results: Mapping[str, Any]) -> Table | None:
    """One line per entry of ``references`` in results.json, of a list one per epoch; None where there are none.

    Args:
        results: Content of results.json.
    """
    stored = results.get("references")
    found = [entry for entry in stored if isinstance(entry, Mapping)] if isinstance(stored, list) else []
    rows = tuple(row for entry in found for row in _rows(entry))
    sources = list(dict.fromkeys(entries.to_text(entry.get("from")) for entry in found))
    title = f"beside the reference ({', '.join(source for source in sources if source)})".replace(" ()", "")
    return Table(title, ("figure", "reference", "here", "difference"), rows) if rows else None


def _rows(entry: Mapping[str, Any]) -> list[tuple[str, ...]]:
    name, reference, found = entries.to_text(entry.get("figure")), entry.get("reference"), entry.get("found")
    if not isinstance(reference, list):
        return [_row(name, reference, found)]
    reached = found if isinstance(found, list) else []
    epochs = range(len(reference))
    return [
        _row(f"{name}, epoch {epoch + 1}", reference[epoch], reached[epoch] if epoch < len(reached) else None)
        for epoch in epochs
    ]


def _row(name: str, reference: object, found: object) -> tuple[str, ...]:
    known = isinstance(reference, int | float) and isinstance(found, int | float)
    difference = f"{found - reference:+.4f}" if known else values.ABSENT  # type: ignore[operator] # both are numbers
    return (name, values.format_measure(reference), values.format_measure(found), difference)
