"""Pictures of a test: worst, middle and best images, curves, confusion matrix, class probability maps."""

import math
from functools import partial
from typing import Any

from segexp.data.base import ImageDataModule
from segexp.data.items.item import Item
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.outcome import Panels
from segexp.evaluation.pictures import picture_of, predict
from segexp.evaluation.predictors import image_scores_of
from segexp.evaluation.results import reliability_of
from segexp.evaluation.threshold_table import threshold_rows
from segexp.rasters.handles import release_image_memory
from segexp.report.pictures.class_maps import plot_class_maps
from segexp.report.pictures.layers import confidence_map, save_layers
from segexp.report.run_page.charts.files import save_chart
from segexp.runs.folder import RunFolder
from segexp.tasks.mask_result import MaskResult
from segexp.tasks.segmentation import Segmentation


def draw_mask_pictures(
    folder: RunFolder,
    module: Segmentation,
    datamodule: ImageDataModule,
    row: MaskResult,
    count: int,
    after: Afterwards,
) -> Panels:
    """Draws curves, confusion matrix and panels into the run folder, each picture by itself.

    Args:
        folder: The run folder, with results.json.
        module: The tested module, with the best weights.
        datamodule: Where the test images are.
        row: The model's counts.
        count: Number of panels.
        after: Keeps what could not be drawn.

    Returns:
        One entry per panel, for results.json.
    """
    after.make("confusion.png", lambda: save_chart(folder.path, "confusion.png"), from_files=True)
    _draw_scores(folder, module, after)
    if reliability_of(row, module.measures) is not None:
        after.make("reliability.png", lambda: save_chart(folder.path, "reliability.png"), from_files=True)
    panels = []
    for number, (rank, index) in enumerate(
        select_images(image_scores_of(row, datamodule.spec).tolist(), count), start=1
    ):
        item = datamodule.items("test")[index]
        entry = after.make(f"the panel of {item.name}", partial(_panel, folder, module, item, number, rank))
        panels += [entry] if entry is not None else []
    return panels


def _panel(folder: RunFolder, module: Segmentation, item: Item, number: int, rank: str) -> dict[str, Any]:
    """Draws a test image, and where each class has a logit the planes of all; gives its entry."""
    release_image_memory(math.prod(item.shape))
    item, spec = item.decoded(), module.spec
    prediction, probabilities = predict(module, item, module.threshold)
    picture = picture_of(item, prediction, spec)
    stem = f"{number:02d}_{rank}_{picture.stem}"
    picture.save(folder.panels / f"{stem}.png")
    if spec.out_channels > 1:
        plot_class_maps(item.image, probabilities, item.target, spec, folder.path / "class_maps" / f"{stem}.png")
    layers = {
        "image": picture.image, "truth": picture.truth, "prediction": picture.prediction,
        "probability": confidence_map(probabilities),
    }  # fmt: skip
    save_layers(folder.panels / "layers" / stem, layers)
    return {
        "file": f"panels/{stem}.png",
        "layers": f"panels/layers/{stem}",
        "image": item.name,
        "size": list(item.shape),
        "rank": rank,
        "figures": picture.figures,
    }


def select_images(scores: list[float], count: int) -> list[tuple[str, int]]:
    """Selects the images to show: a third of ``count`` the worst, a third around the median, a third the best.

    Args:
        scores: One figure per image, higher is better.
        count: How many; all images when there are no more.

    Returns:
        (``worst`` | ``middle`` | ``best``, index), from worst to best, none twice.
    """
    order = sorted(range(len(scores)), key=lambda index: (scores[index], index))
    count = min(count, len(order))
    worst, best = (count + 2) // 3, (count + 1) // 3
    middle = count - worst - best
    start = max(worst, (len(order) - middle) // 2)
    start = min(start, len(order) - best - middle)
    picked = [("worst", index) for index in order[:worst]]
    picked += [("middle", index) for index in order[start : start + middle]]
    return picked + [("best", index) for index in order[len(order) - best :]]


def _draw_scores(folder: RunFolder, module: Segmentation, after: Afterwards) -> None:
    """thresholds.csv, and the curves over all thresholds that are drawn from it; two classes only."""
    if not module.spec.is_binary:
        return
    curve = after.make("the curves over all thresholds", module.tested.scores.curve)
    if curve is None or curve.roc() is None or curve.pr() is None:
        return
    after.make("thresholds.csv", lambda: folder.write_csv("thresholds.csv", threshold_rows(curve)))
    after.make("scores.png", lambda: save_chart(folder.path, "scores.png"), from_files=True)
