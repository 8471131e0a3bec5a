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
