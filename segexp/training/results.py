"""results.json and per_image.csv: every figure with what it speaks of, how it is averaged, with which checkpoint."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from segexp.data.base import SegmentationDataModule
from segexp.data.items import Item, Mask
from segexp.metrics.measures import accuracy, dataset_scores, image_scores, measures
from segexp.modules.segmentation import SegmentationModule
from segexp.spec import IGNORED, DataSpec
from segexp.training.baselines import constant, count, fit_otsu, most_frequent_class

AVERAGING = {
    "dataset": "pixels of all test images pooled, then one figure",
    "image": "one figure per class and test image, then per class the mean over the images where it is defined; "
    "miou and mdice are the means of these class means (per_image.csv has the mean over classes of each image)",
    "absent": "a class absent in truth and prediction is left out of means (classes_averaged says how many are in); "
    "absent in the truth but predicted, it counts as 0",
}


@dataclass(frozen=True)
class Row:
    """One predictor on the test images.

    Attributes:
        name: What predicts.
        note: How, in words.
        matrices: int64 (N, C, C), counts per test image.
        extra: Figures that do not come from these counts (AUC, average precision).
    """

    name: str
    note: str
    matrices: Tensor
    extra: Mapping[str, float | None]

    def to_dict(self, spec: DataSpec) -> dict[str, Any]:
        """The row as it stands in results.json."""
        pooled = {**dataset_scores(self.matrices, spec.classes), **self.extra}
        return {
            "name": self.name,
            "note": self.note,
            "dataset": pooled,
            "image": dict(image_scores(self.matrices, spec.classes)),
        }


def model_rows(module: SegmentationModule) -> list[Row]:
    """The model after a test: at its threshold, and for two classes at 0.5 as well."""
    tested = module.tested
    views = "" if module.tta == "none" else f", mean over {module.tta} views"
    _, matrices = tested.at_threshold.compute()
    if tested.scores is None or tested.at_half is None:
        return [Row("model", f"most probable class{views}", matrices.cpu(), {})]
    curve = tested.scores.compute()
    extra = {"auc": curve.auc(), "ap": curve.average_precision()}
    chosen = Row("model", f"threshold {probability(module.threshold):.3f}{views}", matrices.cpu(), extra)
    _, at_half = tested.at_half.compute()
    return [chosen, Row("model at 0.5", f"threshold 0.5{views}", at_half.cpu(), extra)]


def baseline_rows(datamodule: SegmentationDataModule) -> list[Row]:
    """Trivial predictors on the test images; what they need to choose, they choose on training or validation images."""
    spec, test = datamodule.spec, datamodule.items("test")
    common = most_frequent_class(datamodule.items("train"), spec.num_classes)
    otsu, words = fit_otsu(datamodule.items("val"), spec)
    return [
        Row(
            f"all {spec.classes[common]}",
            "most frequent class",
            count(test, constant(common), spec.num_classes),
            {},
        ),
        Row(
            "Otsu",
            f"per image; {words}; chosen on validation images",
            count(test, otsu, spec.num_classes),
            {},
        ),
    ]


def observer_rows(datamodule: SegmentationDataModule) -> list[Row]:
    """Other people's masks of the test images, where the data set has some."""
    test, classes = datamodule.items("test"), datamodule.spec.num_classes
    return [
        Row(name, "a person", count(test, partial(_of_item, masks), classes), {})
        for name, masks in datamodule.observers().items()
    ]


def _of_item(masks: Mapping[str, Mask], item: Item) -> Mask:
    return masks[item.name]


def results(
    rows: list[Row],
    datamodule: SegmentationDataModule,
    module: SegmentationModule,
    checkpoint: Mapping[str, Any],
    name: str,
) -> dict[str, Any]:
    """The content of results.json, panels left out."""
    spec, items = datamodule.spec, datamodule.items("test")
    ignored = sum(int((item.mask == IGNORED).sum()) for item in items)
    size = datamodule.eval_size
    return {
        "task": {
            "datamodule": name,
            "classes": list(spec.classes),
            "ignored_value": IGNORED,
            "tta": module.tta,
            "where": f"{datamodule.scored_region()}, {f'resized to {size}x{size}' if size else 'at native size'}",
        },
        "checkpoint": dict(checkpoint),
        "threshold": threshold(module),
        "split": {
            "name": "test",
            "images": len(items),
            "pixels": sum(item.mask.size for item in items) - ignored,
            "ignored_pixels": ignored,
        },
        "averaging": AVERAGING,
        "rows": [row.to_dict(spec) for row in rows],
        "confusion": rows[0].matrices.sum(dim=0).tolist(),
        "notes": list(datamodule.notes),
    }


def threshold(module: SegmentationModule) -> dict[str, Any] | None:
    """The decision threshold and how it was chosen; None for more than two classes."""
    if not module.spec.is_binary:
        return None
    return {
        "value": probability(module.threshold),
        "logit": module.threshold,
        "rule": f"highest Dice of {module.spec.classes[1]}",
        "chosen_on": "validation images" + ("" if module.tta == "none" else f", mean over {module.tta} views"),
    }


def probability(logit: float) -> float:
    """The probability of a logit."""
    return 1 / (1 + math.exp(-logit)) if logit > -500 else 0.0


def per_image(rows: list[Row], names: list[str], spec: DataSpec) -> list[dict[str, Any]]:
    """Rows of per_image.csv: one per image and predictor; undefined figures are empty."""
    table: list[dict[str, Any]] = []
    for row in rows:
        values = measures(row.matrices)
        correct = accuracy(row.matrices)
        for index, name in enumerate(names):
            line: dict[str, Any] = {"image": name, "row": row.name, "accuracy": _cell(correct[index])}
            line["miou"] = _cell(values["iou"][index].nanmean())
            line["mdice"] = _cell(values["dice"][index].nanmean())
            for measure, value in values.items():
                line |= {f"{measure}/{c}": _cell(value[index, k]) for k, c in enumerate(spec.classes)}
            table.append(line)
    return table


def image_scores_of(row: Row, spec: DataSpec) -> Tensor:
    """The figure that ranks images from worst to best: Dice of the foreground, or the mean IoU, float64 (N,)."""
    values = measures(row.matrices)
    scores = values["dice"][:, 1] if spec.is_binary else values["iou"].nanmean(dim=1)
    # An image without foreground, none predicted, is as good as it gets.
    return torch.nan_to_num(scores, nan=1.0)


def _cell(value: Tensor) -> float | str:
    return "" if bool(value.isnan()) else round(float(value), 6)
