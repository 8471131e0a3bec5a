"""Figures of a data set, of each image and of bootstrap samples, all made of the same sums per image."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.config.signatures.measure_names import MEAN
from segexp.metrics.quotients import quotient

Array = NDArray[np.float64]
Figures = Mapping[str, Array]
"""By name: (M,) where there is one value, (M, R) where there is one for each of R classes; nan where undefined."""

Path = tuple[str, ...]
"""Where a figure stands in results.json: ``("kappa",)``, ``("iou", "vessel")``, ``("mean", "iou")``."""

Leaves = dict[Path, Array]
"""Single figures by path, (M,) each."""

SHORT = {"miou": "iou", "mdice": "dice"}
"""Means over classes that have a name of their own as well."""


@dataclass(frozen=True)
class Family:
    """Figures that are made of the same sums.

    Attributes:
        sums: (N, ...), a row per image; they may be added over images.
        figures: Sums (M, ...) to figures of M images, data sets or samples.
        classes: Names of the R classes of the figures that have one value per class.
        pooled: Whether sums of several images make sense; if not, there is nothing by data set.
        exact: Figures by data set that are finer than what the sums can say, or all that there are.
        exact_images: The same per image.
    """

    sums: NDArray[Any]
    figures: Callable[[Array], Figures]
    classes: Sequence[str]
    pooled: bool = True
    exact: Figures | None = None
    exact_images: Figures | None = None

    def of_images(self) -> Figures:
        """Figures of each image, M = N."""
        return self.figures(self.sums.astype(np.float64)) if self.exact_images is None else self.exact_images

    def of_dataset(self) -> Figures:
        """Figures of all images as if they were one, M = 1; none where they are not known and sums make no sense."""
        if self.exact is not None:
            return self.exact
        return self.of_sums(self.sums.sum(axis=0, keepdims=True, dtype=np.float64)) if self.pooled else {}

    def of_sums(self, sums: Array) -> Figures:
        """Figures of sums (M, ...) that were added up elsewhere; none where that makes no sense."""
        return self.figures(sums) if self.pooled else {}


def flatten_figures(parts: Sequence[tuple[Figures, Sequence[str]]]) -> Leaves:
    """Figures one by one, with the mean over the classes where each is defined.

    Args:
        parts: Figures and the names of their classes.

    Returns:
        (M,) by path; first those with one value, then those per class, then means.
    """
    overall: Leaves = {}
    of_class: Leaves = {}
    means: Leaves = {}
    for figures, classes in parts:
        for name, value in figures.items():
            if value.ndim == 1:
                overall[name,] = value
                continue
            of_class |= {(name, part): value[:, place] for place, part in enumerate(classes)}
            means[MEAN, name] = nanmean(value, axis=1)
    short: Leaves = {(name,): means[MEAN, full] for name, full in SHORT.items() if (MEAN, full) in means}
    return {**overall, **short, **of_class, **means}


def dataset_leaves(families: Sequence[Family]) -> Leaves:
    """Figures of all images as if they were one, (1,) each."""
    return flatten_figures([(family.of_dataset(), family.classes) for family in families])


def image_leaves(families: Sequence[Family]) -> Leaves:
    """Figures of each image, (N,) each; a mean is over the classes that are defined in that image."""
    return flatten_figures([(family.of_images(), family.classes) for family in families])


def image_mean_leaves(families: Sequence[Family]) -> Leaves:
    """Means over the images where a figure is defined, (1,) each; ``mean`` is the mean of these over classes."""
    parts = []
    for family in families:
        means = {name: nanmean(value, axis=0)[None] for name, value in family.of_images().items()}
        parts.append((means, family.classes))
    return flatten_figures(parts)


def nested(found: Mapping[Path, Array], cell: Callable[[Array], object]) -> dict[str, Any]:
    """Leaves as they stand in results.json, each turned into a plain value by ``cell``."""
    tree: dict[str, Any] = {}
    for (*blocks, name), value in found.items():
        place = tree
        for block in blocks:
            place = place.setdefault(block, {})
        place[name] = cell(value)
    return tree


def plain(value: Array) -> float | None:
    """The only number of (1,), None for nan: nan has no place in JSON."""
    return None if np.isnan(value[0]) else float(value[0])


def nanmean(values: Array, axis: int) -> Array:
    """Mean of the values that are defined; nan, without a warning, where none is."""
    defined = ~np.isnan(values)
    total: Array = np.where(defined, values, 0.0).sum(axis=axis)
    count = np.asarray(defined.sum(axis=axis), dtype=np.float64)
    return quotient(total, count)
