"""What one predictor reaches on the test images, as it stands in results.json and per_image.csv."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segexp.config.signatures.measure_names import MEAN
from segexp.metrics.bootstrap import LEVEL, dataset_intervals, image_intervals
from segexp.metrics.figures import Array, Family, dataset_leaves, image_leaves, image_mean_leaves, nested, plain


@dataclass(frozen=True)
class PredictorResult:
    """One predictor on the test images.

    Attributes:
        name: What predicts.
        note: How, in words.
        families: All its figures, by what they are made of.
    """

    name: str
    note: str
    families: Mapping[str, Family]

    def to_dict(self, weights: Array | None, groups: Sequence[str | None] = ()) -> dict[str, Any]:
        """The row as it stands in results.json.

        Args:
            weights: (S, N), how often each image is drawn in each bootstrap sample; None: no intervals.
            groups: Group of each image, where they are in some; figures of groups are those of all pixels alone.
        """
        families = list(self.families.values())
        return {
            "name": self.name,
            "note": self.note,
            "dataset": nested(dataset_leaves(families), plain),
            "image": nested(image_mean_leaves(families), plain),
            "interval": None if weights is None else _intervals(families, weights),
        }

    def per_image(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Lines of per_image.csv, one per image; undefined figures are empty."""
        columns: dict[str, Array] = {}
        found = image_leaves(list(self.families.values()))
        for path, value in found.items():
            if path[0] != MEAN:
                columns["/".join(path)] = value
        for path, value in found.items():
            if path[0] == MEAN:
                columns[f"{path[1]}/{MEAN}"] = value
        return [
            {"image": name, "row": self.name} | {column: _cell(value[index]) for column, value in columns.items()}
            for index, name in enumerate(names)
        ]


def _intervals(families: Sequence[Family], weights: Array) -> dict[str, Any]:
    return {
        "level": LEVEL,
        "resamples": len(weights),
        "dataset": nested(dataset_intervals(families, weights), _pair),
        "image": nested(image_intervals(families, weights), _pair),
    }


def _pair(value: Array) -> list[float] | None:
    return None if math.isnan(value[0]) else [float(value[0]), float(value[1])]


def _cell(value: float) -> float | str:
    return round(float(value), 6) if math.isfinite(value) else ""
