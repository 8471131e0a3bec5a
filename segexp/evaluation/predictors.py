"""The predictors whose figures stand beside each other: the model, trivial rules, other people."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from segexp.config.measure_names import MEAN
from segexp.data.base import SegmentationDataModule
from segexp.data.items.item import Item, Mask
from segexp.evaluation.baselines import MOST_CLASSES, Predictor, constant, fit_otsu, most_frequent_class
from segexp.evaluation.subgroups import Groups, by_group
from segexp.metrics.base import Seen
from segexp.metrics.bootstrap import LEVEL, dataset_intervals, image_intervals
from segexp.metrics.counts import confusion
from segexp.metrics.figures import Array, Family, dataset_leaves, image_leaves, image_mean_leaves, nested, plain
from segexp.metrics.measures import classes_averaged, count_family, images_averaged, measures
from segexp.rasters.handles import release_image_memory
from segexp.spec import DataSpec
from segexp.tasks.segmentation import SegmentationModule
from segexp.tasks.test_figures import Measures, MeasureSums


@dataclass(frozen=True)
class Row:
    """One predictor on the test images.

    Attributes:
        name: What predicts.
        note: How, in words.
        matrices: int64 (N, C, C), counts per test image.
        families: All its figures, those of the counts too, by what they are made of.
    """

    name: str
    note: str
    matrices: Tensor
    families: Mapping[str, Family]

    def to_dict(self, spec: DataSpec, weights: Array | None, groups: Groups = ()) -> dict[str, Any]:
        """The row as it stands in results.json.

        Args:
            spec: Classes.
            weights: (S, N), how often each image is drawn in each bootstrap sample; None: no intervals.
            groups: Group of each image; ``groups`` is left out where there is none.
        """
        families = list(self.families.values())
        dataset = nested(dataset_leaves(families), plain)
        image = nested(image_mean_leaves(families), plain)
        for scores in (dataset, image):
            scores["classes_averaged"] = classes_averaged(scores)
        image["images_averaged"] = images_averaged(self.matrices, spec.classes)
        interval = None if weights is None else _intervals(families, weights)
        row = {"name": self.name, "note": self.note, "dataset": dataset, "image": image, "interval": interval}
        found = by_group(self.matrices, groups, spec.classes)
        return row | ({"groups": found} if found else {})

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


def model_rows(module: SegmentationModule) -> list[Row]:
    """The model after a test: at its threshold, and for two classes at 0.5 as well."""
    views = "" if module.tta == "none" else f", mean over {module.tta} views"
    matrices, families = module.tested.families("at_threshold")
    if not module.spec.is_binary:
        return [Row("model", f"most probable class{views}", matrices, families)]
    chosen = Row("model", f"threshold {probability(module.threshold):.3f}{views}", matrices, families)
    return [chosen, Row("model at 0.5", f"threshold 0.5{views}", *module.tested.families("at_half"))]


def baseline_rows(datamodule: SegmentationDataModule, chosen: Measures) -> list[Row]:
    """Trivial predictors on the test images; what they need to choose, they choose on training or validation images."""
    spec = datamodule.spec
    common = most_frequent_class(datamodule.class_pixels("train"))
    rows = [_row(f"all {spec.classes[common]}", "most frequent class", constant(common), datamodule, chosen)]
    if spec.num_classes > MOST_CLASSES:
        datamodule.notes.append(f"no Otsu thresholds beside the model: they are for at most {MOST_CLASSES} classes")
        return rows
    otsu, words = fit_otsu(datamodule.items("val"), spec)
    note = f"per image; {words}; chosen on validation images"
    return [*rows, _row("Otsu", note, otsu, datamodule, chosen)]


def observer_rows(datamodule: SegmentationDataModule, chosen: Measures) -> list[Row]:
    """Other people's masks of the test images, where the data set has some."""
    return [
        _row(name, "a person", partial(_of_item, masks), datamodule, chosen)
        for name, masks in datamodule.observers().items()
    ]


def _of_item(masks: Mapping[str, Mask], item: Item) -> Mask:
    return masks[item.name]


def _row(name: str, note: str, predict: Predictor, datamodule: SegmentationDataModule, chosen: Measures) -> Row:
    """All figures of a predictor that gives classes but no probabilities; one image in memory at a time."""
    spec, matrices = datamodule.spec, []
    sums = MeasureSums(spec, chosen, probability=False)
    for index, item in enumerate(datamodule.items("test")):
        prediction, truth = predict(item), item.mask
        release_image_memory(truth.size)
        matrices.append(confusion(torch.from_numpy(prediction)[None], torch.from_numpy(truth)[None], spec.num_classes))
        sums.update(Seen(prediction, truth), index)
    counts = torch.cat(matrices)
    return Row(name, note, counts, {"counts": count_family(counts, spec.classes), **sums.families()})


def probability(logit: float) -> float:
    """The probability of a logit."""
    return 1 / (1 + math.exp(-logit)) if logit > -500 else 0.0


def image_scores_of(row: Row, spec: DataSpec) -> Tensor:
    """The figure that ranks images from worst to best: Dice of the foreground, or the mean IoU, float64 (N,)."""
    values = measures(row.matrices)
    scores = values["dice"][:, 1] if spec.is_binary else values["iou"].nanmean(dim=1)
    # An image without foreground, none predicted, is as good as it gets.
    return torch.nan_to_num(scores, nan=1.0)
