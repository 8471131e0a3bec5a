"""The test figures of a row of results.json as a flat table, with names and directions."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segexp.config.signatures.measure_names import IMAGE, MEAN
from segexp.report.labels import SHORT, name_of, table_order
from segexp.runs import entries

BLOCKS = {"dataset": "", "image": IMAGE}
"""Blocks of results.json, and what stands before their figures in a logged name."""


@dataclass(frozen=True)
class Figure:
    """One figure of the test images.

    Attributes:
        block: ``dataset`` (all pixels pooled) or ``image`` (mean over images).
        measure: As in results.json, such as ``dice`` or ``miou``.
        part: A class, ``mean`` over classes, or empty where there is one value only.
    """

    block: str
    measure: str
    part: str = ""

    @property
    def name(self) -> str:
        """Name under which the figure is logged: ``test/iou/vessel``, ``test/mean/iou``, ``test/image_miou``."""
        parts = (MEAN, self.measure) if self.part == MEAN else (self.measure, self.part)
        return f"test/{BLOCKS[self.block]}" + "/".join(part for part in parts if part)

    @property
    def column(self) -> str:
        """Its column in per_image.csv."""
        return f"{self.measure}/{self.part}" if self.part else self.measure

    def label(self, results: Mapping[str, Any]) -> str:
        """For the head of a table, as ``results`` names the measure: ``IoU vessel``, ``mean IoU``."""
        name = name_of(self.measure, results)
        return f"mean {name}" if self.part == MEAN else f"{name} {self.part}".rstrip()

    def averaged(self, results: Mapping[str, Any]) -> str:
        """How it is averaged, in two words for behind its label; empty where it counts whole images."""
        if self.block == "image":
            return "per image"
        return "" if entries.task_kind(results) in (entries.CLASSIFICATION, entries.LOGGED) else "all pixels"


Figures = dict[Figure, float]
"""Those that are defined."""


def figures_of(row: Mapping[str, Any]) -> Figures:
    """All figures of a row of results.json, block by block in the order of the tables."""
    found: Figures = {}
    for block in BLOCKS:
        tree = entries.get_in(row, block)
        if isinstance(tree, Mapping):
            found |= dict(sorted(_leaves(tree, block), key=lambda pair: _place(pair[0].measure)))
    return found


def _leaves(tree: Mapping[str, Any], block: str) -> list[tuple[Figure, float]]:
    pairs: list[tuple[Figure, object]] = []
    for measure, value in tree.items():
        if measure.endswith("_averaged"):
            continue
        if measure == MEAN and isinstance(value, Mapping):
            pairs += [(Figure(block, name, MEAN), one) for name, one in value.items() if _is_own_mean(name, tree)]
        elif isinstance(value, Mapping):
            pairs += [(Figure(block, measure, part), one) for part, one in value.items()]
        else:
            pairs.append((Figure(block, measure), value))
    return [(figure, float(value)) for figure, value in pairs if _is_number(value)]  # type: ignore[arg-type]


def _is_own_mean(measure: str, tree: Mapping[str, Any]) -> bool:
    """Whether a mean over classes says what nothing else says: miou and mdice do, and so does the only class."""
    per_class = tree.get(measure)
    return f"m{measure}" not in tree and not (isinstance(per_class, Mapping) and len(per_class) == 1)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _place(measure: str) -> int:
    """Means first, then as the labels are ordered."""
    if measure in SHORT:
        return SHORT.index(measure)
    names = table_order()
    return len(SHORT) + (names.index(measure) if measure in names else len(names))
