"""results.json and per_image.csv: every figure with what it speaks of, how it is averaged, with which checkpoint."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from segexp.data.base import ImageDataModule
from segexp.data.items.item import Item
from segexp.metrics.bootstrap import draw_weights
from segexp.metrics.calibration import Calibration, reliability
from segexp.metrics.class_scores import BRIEF
from segexp.metrics.curves import within
from segexp.metrics.figures import Array
from segexp.metrics.log_odds import probability
from segexp.runs.table_file import guard_formula
from segexp.runs.text import printable
from segexp.spec import IGNORED, FigureSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.dense import DenseTask
from segexp.tasks.mask_result import MaskResult
from segexp.tasks.predictor_result import PredictorResult
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.subgroups import groups_of
from segexp.tasks.test_figures import Measures

AVERAGING = {
    "dataset": "pixels of all test images pooled, then one value; distances and numbers of components are not pooled, "
    "they are there per image only",
    "image": "one value per class and test image, then per class the mean over the images where it is defined",
    "mean": "mean over the classes where the measure is defined; by image, of the means over images (per_image.csv has "
    "the mean over classes of each image); miou and mdice are those of IoU and Dice. Distances, shapes and objects "
    "are of all classes but the first",
    "absent": "a class absent in truth and prediction is left out of means (classes_averaged says how many are in); "
    "absent in one of them, it counts as 0, its boundary distance as the diagonal of the image, its error in "
    "components as their number. MCC and kappa are 0 where guessing is as good",
    "auc, ap": "areas under the ROC and the precision-recall curve over all thresholds; of more than two classes each "
    "against the rest, by its log-odds; undefined without pixels of the class, or outside it. Exact where auc_ap_bound "
    "is 0, else by data set within that; per image always exact",
    "brier, ece": "mean squared error of the probability of the class; mean distance between probability and observed "
    "share over equally wide bins of probability, weighted by pixels. All counted pixels, absent class or not. With "
    "two classes of the second",
    "interval": "95 % bootstrap intervals: test images are drawn again with replacement, measures made anew of each "
    "draw, and the central 95 % of them taken. They speak of other images like these, not of training again, and with "
    f"fewer than some 20 images they are too narrow. Of AUC and AP from at most {BRIEF} values per image and class, "
    "centred on the value of all pixels",
}

BY_GROUP = {"groups": "pixels of the test images of a group pooled, then one value, as for all images"}


def results(
    rows: Sequence[MaskResult],
    datamodule: ImageDataModule,
    module: Segmentation,
    checkpoint: Mapping[str, Any],
    name: str,
    resamples: int = 0,
    seed: int = 0,
) -> dict[str, Any]:
    """The content of results.json, panels left out; ``resamples`` bootstrap samples, drawn from ``seed``."""
    spec, items = datamodule.spec, datamodule.items("test")
    groups = groups_of(items)
    pixels, counted = sum(math.prod(item.shape) for item in items), int(datamodule.class_pixels("test").sum())
    size = datamodule.eval_size
    weights = bootstrap_weights(len(items), resamples, seed)
    return {
        "kind": spec.kind,
        "task": {
            "datamodule": name,
            "classes": list(spec.classes),
            "colours": [list(colour) for colour in spec.colours],
            "ignored_value": IGNORED,
            "tta": module.tta,
            "where": f"{datamodule.scored_region()}, {f'resized to {size}x{size}' if size else 'at native size'}",
        },
        "inference": inference(module, items),
        "checkpoint": dict(checkpoint),
        "trained_on": trained_on(module),
        "threshold": threshold(module),
        "split": {
            "name": "test",
            "images": len(items),
            "pixels": counted,
            "ignored_pixels": pixels - counted,
        },
        "averaging": AVERAGING | (BY_GROUP if any(groups) else {}) | module.metrics.averaging(),
        **figure_texts(_described(module)),
        "rows": [row.to_dict(weights, groups) for row in rows],
        "confusion": rows[0].matrices.sum(dim=0).tolist(),
        "reliability": reliability_of(rows[0], module.measures),
        "auc_ap_bound": module.tested.scores.bound,
        "notes": [
            *datamodule.notes,
            *_bound_notes(module, counted),
            *image_notes([item.name for item in items], resamples),
        ],
    }


def _described(module: Segmentation) -> dict[str, FigureSpec]:
    """What the measures of a test say of their figures."""
    costly = {k: spec for each in module.measures.values() for k, spec in each.described_figures().items()}
    return costly | module.metrics.described()


def inference(module: BaseTask, items: Sequence[Item]) -> dict[str, Any]:
    """Describes how the images of a part were seen: at which scale, and whole or in which windows."""
    shapes = [item.shape for item in items]
    rescale = module.rescale if isinstance(module, DenseTask) else None
    if rescale is None:
        return module.inference.in_force(shapes)
    factors = sorted(rescale.factor_for(*shape) for shape in shapes)
    told = {"scale": rescale.asked, "factors": [factors[0], factors[len(factors) // 2], factors[-1]]}
    return {**module.inference.in_force([rescale.shape_for(*shape) for shape in shapes]), **told}


def trained_on(module: BaseTask) -> dict[str, Any] | None:
    """Sizes of the training images and their objects in pixels, and in metres where known; None: not known."""
    spec = module.spec
    return None if spec.sizes is None else spec.sizes.to_dict(spec.pixel_size)


def bootstrap_weights(images: int, resamples: int, seed: int) -> Array | None:
    """Bootstrap samples; None where there are none to be drawn: from one image comes always the same one."""
    return draw_weights(images, resamples, seed) if resamples and images > 1 else None


def image_notes(names: Sequence[str], resamples: int) -> list[str]:
    """Notes on the number and the names of the test images."""
    alone = ["no confidence intervals: there is one test image"] if resamples and len(names) == 1 else []
    return [*alone, *_formulas(names)]


def _bound_notes(module: Segmentation, pixels: int) -> list[str]:
    bound = module.tested.scores.bound
    return [f"AUC and AP by data set are of {pixels} pixels, {within(bound)}"] if bound else []


def _formulas(names: Sequence[str]) -> list[str]:
    """Says so where a spreadsheet would run a name of per_image.csv, which keeps names as they are."""
    found = next((name for name in names if guard_formula(name) != name), None)
    if found is None:
        return []
    return [
        f"per_image.csv keeps the names of images as they are; a spreadsheet takes some ({printable(found)!r}) for "
        "formulas: import that column as text"
    ]


def figure_texts(specs: Mapping[str, FigureSpec]) -> dict[str, dict[str, str]]:
    """Texts of measures or a task on their figures: pages are made where a user's own are not installed.

    Returns:
        ``units``, where there is one, ``directions`` (``min`` or ``max``), ``labels`` and ``meanings``, each by figure.
    """
    return {
        "units": {name: spec.unit for name, spec in specs.items() if spec.unit},
        "directions": {name: spec.direction for name, spec in specs.items()},
        "labels": {name: spec.label or name for name, spec in specs.items()},
        "meanings": {name: spec.meaning for name, spec in specs.items() if spec.meaning},
    }


def reliability_of(row: PredictorResult, measures: Measures) -> dict[str, Any] | None:
    """Points of the reliability diagram by class: mean probability, observed share and pixels per bin; None: none."""
    name = next((name for name, measure in measures.items() if isinstance(measure, Calibration)), None)
    if name is None or name not in row.families:
        return None
    family = row.families[name]
    points = reliability(family.sums.sum(axis=0))
    return {
        part: {
            "probability": _plain(points.probability[place]),
            "share": _plain(points.share[place]),
            "pixels": [int(number) for number in points.pixels[place]],
        }
        for place, part in enumerate(family.classes)
    }


def _plain(values: Array) -> list[float | None]:
    return [None if value != value else float(value) for value in values]  # noqa: PLR0124 - nan


def threshold(module: Segmentation) -> dict[str, Any] | None:
    """The decision threshold and how it was chosen; None for more than two classes."""
    if not module.spec.is_binary:
        return None
    if not module.threshold_is_chosen:
        half = {"value": probability(module.threshold), "logit": module.threshold}
        return {**half, "rule": "probability 0.5", "chosen_on": "nothing"}
    return {
        "value": probability(module.threshold),
        # JSON knows no infinity.
        "logit": max(module.threshold, -sys.float_info.max),
        "rule": f"highest Dice of {module.spec.classes[1]}",
        "chosen_on": "validation images" + ("" if module.tta == "none" else f", mean over {module.tta} views"),
    }


def per_image(rows: Sequence[PredictorResult], names: list[str]) -> list[dict[str, Any]]:
    """Rows of per_image.csv: one per image and predictor."""
    return [line for row in rows for line in row.per_image(names)]
