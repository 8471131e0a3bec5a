"""Probability of each class beside its truth, one row per class."""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.pictures.displayed import display_small, shrink_image, shrink_labels
from segexp.report.pictures.pixels import labels_to_rgb
from segexp.report.plots.style import saved_figure, without_grid
from segexp.spec import IGNORED, DataSpec

_GREY = 0.5


def plot_class_maps(
    image: NDArray[np.generic],
    probabilities: NDArray[np.float32],
    truth: NDArray[np.uint8],
    spec: DataSpec,
    out: Path,
) -> Path:
    """Draw per class the probability map, 0..1 with a colour bar, beside the map of the truth.

    Args:
        image: uint8 or uint16, (H, W), (H, W, 1) or (H, W, C); drawn once, in a column at the left
            with the truth and the most probable class below.
        probabilities: float32 (K, H, W), 0..1, one plane per class; for two classes also (1, H, W), the
            probability of the second.
        truth: uint8 (H, W), 0..K-1, or 255 (drawn grey).
        spec: Classes.
        out: Target PNG.

    Returns:
        ``out``.

    Raises:
        DataError: Shapes do not fit, or the probabilities are not within 0..1 (logits, for example).
    """
    planes = _planes(probabilities, truth, spec)
    rgb, truth = display_small(image, truth != IGNORED), shrink_labels(truth)
    height, width = truth.shape
    cell = 3.0  # inches of the longer side of one map
    tall, wide = cell * height / max(height, width), cell * width / max(height, width)
    rows = spec.num_classes
    with saved_figure(out, 3 * wide + 1.4, rows * (tall + 0.35) + 0.2) as figure:
        grid = figure.subplots(rows, 3, squeeze=False)
        for axes in grid.ravel():
            without_grid(axes)
        _draw_overview(list(grid[:, 0]), rgb, truth, planes, spec)
        for row, name in enumerate(spec.classes):
            picture = _draw_row(grid[row, 1], grid[row, 2], planes[row], truth, row, name)
        bar = figure.colorbar(picture, ax=grid[:, 1:], shrink=0.6 if rows > 1 else 1.0, pad=0.02)
        bar.set_label("probability")
        bar.outline.set_visible(False)
    return out


def _planes(probabilities: NDArray[np.float32], truth: NDArray[np.uint8], spec: DataSpec) -> NDArray[np.float32]:
    """Check and give (K, h, w), the first class of two completed, large ones reduced."""
    allowed = {spec.num_classes, spec.out_channels}
    fits = probabilities.ndim == 3 and probabilities.shape[0] in allowed
    if not fits or probabilities.shape[1:] != truth.shape:
        raise DataError(
            f"Class maps of {spec.num_classes} classes need probabilities of shape ({spec.num_classes}, "
            f"{', '.join(map(str, truth.shape))}), but got {probabilities.shape}."
        )
    # half precision rounds a little above 1
    if not (probabilities.min() >= -1e-3 and probabilities.max() <= 1 + 1e-3):
        raise DataError(
            f"Class maps need probabilities within 0..1, but got {probabilities.min():g}.."
            f"{probabilities.max():g}. Apply the sigmoid or softmax to logits first."
        )
    planes = np.stack([shrink_image(plane) for plane in probabilities])
    return np.concatenate([1 - planes, planes]) if len(planes) == 1 and spec.is_binary else planes


def _draw_overview(
    column: list[Axes],
    rgb: NDArray[np.uint8],
    truth: NDArray[np.uint8],
    planes: NDArray[np.float32],
    spec: DataSpec,
) -> None:
    """Image, truth and most probable class, as many of them as there are rows."""
    column[0].imshow(rgb)
    column[0].set_title("image")
    most_probable = planes.argmax(axis=0).astype(np.uint8)
    for axes, labels, title in zip(column[1:], (truth, most_probable), ("truth", "most probable"), strict=False):
        axes.imshow(labels_to_rgb(labels, spec), interpolation="nearest")
        axes.set_title(title)


def _draw_row(
    left: Axes, right: Axes, plane: NDArray[np.float32], truth: NDArray[np.uint8], index: int, name: str
) -> AxesImage:
    picture = left.imshow(plane, cmap="viridis", vmin=0, vmax=1)
    left.set_title(f"{name}: probability")
    # the same colours as the probability, so that the two can be compared by eye; grey = not counted
    mapped = np.ma.masked_array((truth == index).astype(np.float32), truth == IGNORED)
    right.imshow(mapped, cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    right.set_facecolor(str(_GREY))
    right.set_title(f"{name}: truth")
    return picture
