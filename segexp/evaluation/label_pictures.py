"""Pictures of images with a class, as they are shown on disk, in the report and in each logger."""

import math
from collections.abc import Iterable

import numpy as np
import torch

from segexp.data.items.item import Item
from segexp.evaluation.pictures import Picture
from segexp.metrics.figures import Array
from segexp.rasters.handles import release_image_memory
from segexp.report.pictures.labelled import draw_labelled
from segexp.spec import DataSpec
from segexp.tasks.classification import Classification

SHOWN = 3
"""Most probable classes that are named under a picture."""


def predict_label(task: Classification, item: Item) -> Array:
    """Probability of each class of one image, (K,)."""
    image = torch.from_numpy(np.ascontiguousarray(item.image)).permute(2, 0, 1)[None].to(task.device)
    task.eval()
    with torch.inference_mode():
        found = task.probabilities(task.evaluated(image))[0].double().cpu().numpy()
    return np.asarray(found, np.float64)


def label_picture(item: Item, probabilities: Array, spec: DataSpec) -> Picture:
    """The picture of a decoded image: its name, its class, the most probable classes, and a frame green or red.

    Args:
        item: Decoded.
        probabilities: (K,) of the classes.
        spec: Names of the classes.
    """
    true, predicted = int(item.target), int(probabilities.argmax())
    first = probabilities.argsort(kind="stable")[::-1][:SHOWN]
    told = ", ".join(f"{spec.classes[k]} {probabilities[k]:.3f}" for k in first)
    lines = (item.name, f"truth: {spec.classes[true]}", f"model: {told}")
    figures: dict[str, float | str | None] = {
        "truth": spec.classes[true],
        "prediction": spec.classes[predicted],
        "probability": round(float(probabilities[predicted]), 4),
    }
    return Picture(item.name, figures, draw_labelled(item.image, lines, right=true == predicted))


def label_pictures(task: Classification, items: Iterable[Item]) -> list[Picture]:
    """Pictures of images; one at a time is decoded."""
    found = []
    for item in items:
        release_image_memory(math.prod(item.shape))
        decoded = item.decoded()
        found.append(label_picture(decoded, predict_label(task, decoded), task.spec))
    return found
