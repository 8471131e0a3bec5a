"""What is told when the pointer rests on the name of a figure: its meaning, as its measure says it."""

from collections.abc import Iterator, Mapping
from typing import Any

from segexp.report.labels import described, head_of, order_figures
from segexp.runs import entries

ALONE = {"miou": "mean iou", "mdice": "mean dice"}
"""Means that stand under a name of their own, in small letters."""
SHORT_NAMES = {"auc": ("AUC",), "ap": ("AP",), "mcc_overall": ("MCC",)}
"""What tables call a figure beside its label."""


def find_tooltips(results: Mapping[str, Any]) -> dict[str, str]:
    """Meanings of figures by every name under which a page shows them, in small letters.

    The one source is the measure itself (``figure_specs`` of its class), which results.json keeps for those of users.

    Args:
        results: Content of results.json.

    Returns:
        ``"iou"``, ``"iou vessel"``, ``"mean iou"``, ``"hd95 (px) ↓"`` ... with what each is.
    """
    return {name.lower(): text for figure, text in _meanings(results) for name in _names(results, figure)}


def _meanings(results: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    figures: dict[str, None] = {}
    for row in entries.rows_of(results):
        for block in ("dataset", "image"):
            found = entries.get_in(row, block)
            figures |= dict.fromkeys(found) if isinstance(found, Mapping) else {}
    # the means last: "mean IoU" is more than IoU
    for name in [*order_figures(figures), *ALONE]:
        if text := described(results, str(name)).meaning:
            yield str(name), text


def _names(results: Mapping[str, Any], figure: str) -> Iterator[str]:
    if figure in ALONE:
        yield ALONE[figure]
        return
    for name in (described(results, figure).label, head_of(results, figure), *SHORT_NAMES.get(figure, ())):
        yield name
        yield f"mean {name}"
        for part in entries.classes_of(results):
            yield f"{name} {part}"
