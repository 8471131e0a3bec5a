"""Metadata of an exported file."""

import json
from collections.abc import Mapping
from typing import Any

from segexp.inference.export.graph import OUTPUTS, pixel_type
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel
from segexp.tasks.dense import DenseTask
from segexp.version import VERSION
from segexp.windows.rescale import Rescale


def export_facts(model: Model, rescale: Rescale | None = None) -> dict[str, Any]:
    """Collects plain values of a segmentation: classes, colours, threshold, pixels, scale, origin of the weights.

    ``mean`` and ``std`` are inside the graph already, and here for information. ``scale`` is not inside: whoever runs
    the file resamples images before it and probabilities after it.

    Args:
        model: The model.
        rescale: At which size it shall see images; None: as they are.
    """
    return {
        **_common(model),
        "colours": [list(colour) for colour in model.spec.colours],
        "threshold": model.threshold,
        "threshold_notes": model.notes,
        "outputs": list(OUTPUTS),
        "tta": "none",
        "scale": None if rescale is None else rescale.given,
    }


def task_facts(model: TaskModel, side: tuple[int, int]) -> dict[str, Any]:
    """Collects plain values of any other task: its target, classes if it has such, pixels, origin of the weights.

    Args:
        model: The model.
        side: Height and width of the images that it was tested on, in pixels.
    """
    return {
        **_common(model),
        "target": model.spec.target.to_dict(),
        "image_size": list(side),
        "outputs": [model.module.output_name],
    }


def _common(model: Model | TaskModel) -> dict[str, Any]:
    spec = model.spec
    checkpoint = model.sources[0].results.get("checkpoint") or {}
    return {
        "segexp": VERSION,
        "kind": spec.kind,
        "run": [source.name for source in model.sources],
        "checkpoint": [source.checkpoint.name for source in model.sources],
        "epoch": checkpoint.get("epoch"),
        "monitor": checkpoint.get("monitor"),
        "monitor_value": checkpoint.get("value"),
        "classes": list(spec.classes),
        "channels": spec.in_channels,
        "dtype": str(pixel_type(spec)).removeprefix("torch."),
        "scaling": spec.scaling,
        "mean": list(spec.mean),
        "std": list(spec.std),
        "pixel_size": spec.pixel_size,
        "trained_on": None if spec.sizes is None else spec.sizes.to_dict(),
    }


def encode_metadata(plain: Mapping[str, Any]) -> dict[str, str]:
    """Encodes each value as JSON, for metadata that holds text only."""
    return {key: json.dumps(value, ensure_ascii=False) for key, value in plain.items()}


def describe_differences(model: Model | TaskModel) -> list[str]:
    """Describes what the run does and the exported file does not, a line each."""
    own = model.config.inference.window if isinstance(model.module, DenseTask) else None
    notes = []
    if model.config.tta != "none":
        notes.append(f"the file sees an image in one view; the run was tested with tta={model.config.tta}")
    if own is not None:
        notes.append(f"the file sees an image whole; the run sees large ones in windows (inference.window={own})")
    if model.spec.dtype is None:
        notes.append("the checkpoint does not say of which type its images were; the file takes uint8")
    return notes
