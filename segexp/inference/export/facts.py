"""Metadata of an exported file."""

import json
from collections.abc import Mapping
from typing import Any

from segexp.inference.export.graph import OUTPUTS, pixel_type
from segexp.inference.model import Model
from segexp.version import VERSION
from segexp.windows.rescale import Rescale


def export_facts(model: Model, rescale: Rescale | None = None) -> dict[str, Any]:
    """Collects plain values: classes, colours, threshold, type of pixels, scale, and the origin of the weights.

    ``mean`` and ``std`` are inside the graph already, and here for information. ``scale`` is not inside: whoever runs
    the file resamples images before it and probabilities after it.

    Args:
        model: The model.
        rescale: At which size it shall see images; None: as they are.
    """
    spec = model.spec
    checkpoint = model.sources[0].results.get("checkpoint") or {}
    return {
        "segexp": VERSION,
        "run": [source.name for source in model.sources],
        "checkpoint": [source.checkpoint.name for source in model.sources],
        "epoch": checkpoint.get("epoch"),
        "monitor": checkpoint.get("monitor"),
        "monitor_value": checkpoint.get("value"),
        "classes": list(spec.classes),
        "colours": [list(colour) for colour in spec.colours],
        "threshold": model.threshold,
        "threshold_notes": model.notes,
        "channels": spec.in_channels,
        "dtype": str(pixel_type(spec)).removeprefix("torch."),
        "scaling": spec.scaling,
        "mean": list(spec.mean),
        "std": list(spec.std),
        "pixel_size": spec.pixel_size,
        "outputs": list(OUTPUTS),
        "tta": "none",
        "scale": None if rescale is None else rescale.given,
        "trained_on": None if spec.sizes is None else spec.sizes.to_dict(),
    }


def encode_metadata(plain: Mapping[str, Any]) -> dict[str, str]:
    """Encodes each value as JSON, for metadata that holds text only."""
    return {key: json.dumps(value, ensure_ascii=False) for key, value in plain.items()}


def describe_differences(model: Model) -> list[str]:
    """Describes what the run does and the exported file does not, a line each."""
    own = model.config.inference.window
    notes = []
    if model.config.tta != "none":
        notes.append(f"the file sees an image in one view; the run was tested with tta={model.config.tta}")
    if own is not None:
        notes.append(f"the file sees an image whole; the run sees large ones in windows (inference.window={own})")
    if model.spec.dtype is None:
        notes.append("the checkpoint does not say of which type its images were; the file takes uint8")
    return notes
