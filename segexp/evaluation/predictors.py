"""The predictors whose figures stand beside a model of masks: trivial rules, other people."""

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor

from segexp.data.base import ImageDataModule
from segexp.data.items.item import Item, Mask
from segexp.evaluation.baselines import MOST_CLASSES, Predictor, constant, fit_otsu, most_frequent_class
from segexp.metrics.base import ImagePrediction
from segexp.metrics.counts import confusion
from segexp.metrics.measures import count_family, measures
from segexp.rasters.handles import release_image_memory
from segexp.spec import DataSpec
from segexp.tasks.mask_result import MaskResult
from segexp.tasks.test_figures import Measures, MeasureSums


def baseline_rows(datamodule: ImageDataModule, chosen: Measures) -> list[MaskResult]:
    """Trivial predictors on the test images; what they need to choose, they choose on training or validation images."""
    spec = datamodule.spec
    common = most_frequent_class(datamodule.origin.class_pixels("train"))
    rows = [_row(f"all {spec.classes[common]}", "most frequent class", constant(common), datamodule, chosen)]
    if spec.num_classes > MOST_CLASSES:
        datamodule.add_notes([f"no Otsu thresholds beside the model: they are for at most {MOST_CLASSES} classes"])
        return rows
    otsu, words = fit_otsu(datamodule.origin.items("val"), spec)
    note = f"per image; {words}; chosen on validation images"
    return [*rows, _row("Otsu", note, otsu, datamodule, chosen)]


def observer_rows(datamodule: ImageDataModule, chosen: Measures) -> list[MaskResult]:
    """Other people's masks of the test images, where the data set has some."""
    return [
        _row(name, "a person", partial(_of_item, masks), datamodule, chosen)
        for name, masks in datamodule.observers().items()
    ]


def _of_item(masks: Mapping[str, Mask], item: Item) -> Mask:
    return masks[item.name]


def _row(name: str, note: str, predict: Predictor, datamodule: ImageDataModule, chosen: Measures) -> MaskResult:
    """All figures of a predictor that gives classes but no probabilities; one image in memory at a time."""
    spec, matrices = datamodule.spec, []
    sums = MeasureSums(spec, chosen, probability=False)
    for index, item in enumerate(datamodule.items("test")):
        prediction, truth = predict(item), item.target
        release_image_memory(truth.size)
        matrices.append(confusion(torch.from_numpy(prediction)[None], torch.from_numpy(truth)[None], spec.num_classes))
        sums.update(ImagePrediction(prediction, truth), index)
    counts = torch.cat(matrices)
    families = {"counts": count_family(counts, spec.classes), **sums.families()}
    return MaskResult(name, note, families, counts, spec.classes)


def image_scores_of(row: MaskResult, spec: DataSpec) -> Tensor:
    """The figure that ranks images from worst to best: Dice of the foreground, or the mean IoU, float64 (N,)."""
    values = measures(row.matrices)
    scores = values["dice"][:, 1] if spec.is_binary else values["iou"].nanmean(dim=1)
    # An image without foreground, none predicted, is as good as it gets.
    return torch.nan_to_num(scores, nan=1.0)
