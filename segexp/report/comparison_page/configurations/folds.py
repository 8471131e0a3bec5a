"""The folds of a cross-validation as one result: every image is tested once, by the model that did not train on it."""

from collections.abc import Sequence

import numpy as np

from segexp.report.comparison_page.configurations.counts import count_figures
from segexp.report.comparison_page.configurations.figures import Figure, Figures
from segexp.report.comparison_page.configurations.run import ComparedRun, ImageValues
from segexp.report.labels import SHORT
from segexp.runs import entries


def pooled_images(runs: Sequence[ComparedRun]) -> ImageValues:
    """Figures of the images of all folds."""
    found: ImageValues = {}
    for run in runs:
        for column, by_image in run.images.items():
            found.setdefault(column, {}).update(by_image)
    return found


def pooled_figures(runs: Sequence[ComparedRun], images: ImageValues) -> Figures:
    """Figures of the images of all folds together.

    Means over images are taken over all of them; what is made of counts is made of the counts of all folds. The other
    figures by data set (areas under curves, calibration, shapes) cannot be pooled from what runs record: of these it
    is the mean over folds, see :func:`averaged`.
    """
    counted = _counted(runs)
    found: Figures = {}
    for figure in dict.fromkeys(figure for run in runs for figure in run.figures):
        value = _of_images(figure, images) if figure.block == "image" else counted.get(figure)
        if value is None and figure not in counted:
            value = _mean([run.figures[figure] for run in runs if figure in run.figures])
        if value is not None:
            found[figure] = value
    return found


def averaged(runs: Sequence[ComparedRun]) -> list[str]:
    """Measures of the data set that are means over folds."""
    counted = _counted(runs)
    left = (figure for run in runs for figure in run.figures if figure.block == "dataset" and figure not in counted)
    return list(dict.fromkeys(figure.measure for figure in left))


def _counted(runs: Sequence[ComparedRun]) -> Figures:
    matrices = [run.results.get("confusion") for run in runs]
    if not all(isinstance(matrix, list) for matrix in matrices):
        return {}
    total = np.sum([np.asarray(matrix) for matrix in matrices], axis=0)
    return count_figures(total.tolist(), entries.classes_of(runs[0].results))


def _of_images(figure: Figure, images: ImageValues) -> float | None:
    """Mean over images per class, then over classes: as each run does it with its own images."""
    measure = figure.measure[1:] if figure.measure in SHORT else figure.measure
    if figure.part != "mean" and figure.measure not in SHORT:
        return _mean(list(images.get(figure.column, {}).values()))
    classes = [column for column in images if column.startswith(f"{measure}/") and not column.endswith("/mean")]
    means = [_mean(list(images[column].values())) for column in classes]
    return _mean([mean for mean in means if mean is not None])


def _mean(found: Sequence[float]) -> float | None:
    return float(np.mean(found)) if found else None
