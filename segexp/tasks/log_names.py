"""Names under which losses and figures are logged."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from segexp.config.signatures.measure_names import IMAGE, MEAN
from segexp.losses.base import TOTAL


def named_terms(phase: str, terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Terms of the loss under their logged names."""
    return {f"{phase}/loss" if name == TOTAL else f"{phase}/loss/{name}": v.detach() for name, v in terms.items()}


def flat_measures(phase: str, measures: Mapping[str, Any]) -> list[tuple[str, float | None]]:
    """``val/miou`` and ``val/iou/<class>`` from nested measures.

    How many were averaged is left out, and in validation the block of means, of which miou and mdice are the ones used.
    """
    flat: list[tuple[str, float | None]] = []
    for name, value in measures.items():
        if name.endswith("_averaged") or (phase != "test" and name.removeprefix(IMAGE) == MEAN):
            continue
        if isinstance(value, dict):
            flat += [(f"{phase}/{name}/{part}", number) for part, number in value.items()]
        else:
            flat.append((f"{phase}/{name}", value))
    return flat


def headline(content: Mapping[str, Any], name: str | None = None) -> dict[str, float]:
    """Test figures of the model under their logged names, for W&B and TensorBoard.

    Args:
        content: Of results.json.
        name: Of the row; None: the first one, the model as it is used. Without such a row there are no figures.
    """
    rows = [row for row in content["rows"] if name in (None, row["name"])]
    row: Mapping[str, Any] = rows[0] if rows else {"dataset": {}, "image": {}}
    pooled = dict(flat_measures("test", row["dataset"]))
    # What is not pooled is there per image only.
    others = {name: value for name, value in row["image"].items() if name not in row["dataset"]}
    by_image = flat_measures("test", {IMAGE + name: value for name, value in others.items()})
    return {name: value for name, value in (pooled | dict(by_image)).items() if value is not None}
