"""One picture per image: image | truth | prediction | errors, with captions."""

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.pictures import pixels
from segexp.report.pictures.captions import PAPER, LegendEntry, break_legend, draw_legend, draw_text
from segexp.report.pictures.displayed import LARGEST_SIDE, display_small, shrink_labels
from segexp.report.pictures.pixels import Pixels
from segexp.spec import IGNORED, DataSpec

SMALLEST_SIDE = 256
"""A part is enlarged by a whole factor until its smaller side has this many pixels."""
NARROWEST = 32
"""A picture whose parts would be narrower is no panel."""
MOST_LINES = 4
"""Of a legend; the names of more classes than fit stand in the report."""


def draw_panel(
    image: NDArray[np.generic],
    truth: Pixels,
    prediction: Pixels,
    spec: DataSpec,
    title: str = "",
    figures: Mapping[str, float | None] | None = None,
) -> Pixels:
    """Draw image, truth, prediction and errors side by side.

    Args:
        image: uint8 or uint16, (H, W), (H, W, 1) or (H, W, C), channels last, not normalised.
        truth: uint8 (H, W), 0..K-1, or 255 for pixels that count nowhere (drawn as a grey hatch).
        prediction: uint8 (H, W), the same values.
        spec: Classes and colours.
        title: Usually the name of the image; stands in the top line.
        figures: Measures of this image that follow the title, for example ``{"IoU vessel": 0.61}``; None is
            written as "-".

    Returns:
        uint8 (h, w, 3) RGB. Small images are enlarged (nearest, whole factor), large ones reduced (areas of the image,
        the nearest label of the masks), see :mod:`segexp.report.pictures.displayed`.

    Raises:
        DataError: Shapes or types do not fit, or a label is neither a class nor 255.
    """
    _check(image, truth, prediction, spec)
    factor = enlargement(truth.shape)
    small = display_small(image, truth != IGNORED), shrink_labels(truth), shrink_labels(prediction)
    rgb, truth, prediction = (enlarge(array, factor) for array in small)
    size = f"{image.shape[1]}×{image.shape[0]} px{_scale(image.shape, rgb.shape)}"
    some_ignored = bool((truth == IGNORED).any())
    classes = [LegendEntry(colour, name) for colour, name in zip(spec.colours, spec.classes, strict=True)]
    errors, wrong = _error_legend(spec, some_ignored)
    lines = max(len(_legend_lines(legend, rgb.shape[1])) for legend in (classes, wrong))
    parts = [
        _part(rgb, "image", [], lines, size),
        _part(pixels.labels_to_rgb(truth, spec), "truth", classes, lines),
        _part(pixels.labels_to_rgb(prediction, spec), "prediction", classes, lines),
        _part(pixels.errors_to_rgb(truth, prediction, spec), errors, wrong, lines),
    ]
    return _joined(parts, title, figures or {})


def _check(image: NDArray[np.generic], truth: Pixels, prediction: Pixels, spec: DataSpec) -> None:
    for name, labels in (("truth", truth), ("prediction", prediction)):
        if labels.dtype != np.uint8 or labels.ndim != 2 or labels.shape != image.shape[:2]:
            raise DataError(
                f"A panel needs the {name} as uint8 with the image's rows and columns {image.shape[:2]}, "
                f"but got {labels.dtype} {labels.shape}."
            )
        # OpenCV's histogram: np.unique would sort millions of pixels, np.bincount turn them into integers of 8 bytes
        found = np.flatnonzero(cv2.calcHist([np.ascontiguousarray(labels)], [0], None, [256], [0, 256]))
        strange = [int(value) for value in found if spec.num_classes <= value != IGNORED]
        if strange:
            raise DataError(
                f"The {name} holds the values {strange}; expected 0..{spec.num_classes - 1} "
                f"({', '.join(spec.classes)}) or {IGNORED} for ignored. Check the label map of the data set."
            )


def enlargement(shape: tuple[int, ...]) -> int:
    """Whole factor by which a small picture is enlarged, of its height and width; 1 for others."""
    wanted = -(-SMALLEST_SIDE // min(shape))
    return max(1, min(wanted, LARGEST_SIDE // max(shape)))


def enlarge(array: Pixels, factor: int) -> Pixels:
    """Repeats each pixel of (H, W) or (H, W, C), ``factor`` times along both sides."""
    return array if factor == 1 else array.repeat(factor, axis=0).repeat(factor, axis=1)


def _scale(shape: tuple[int, ...], shown: tuple[int, ...]) -> str:
    """Says in words how much an image is enlarged or reduced."""
    share = shown[0] / shape[0]
    if share > 1:
        return f", shown ×{share:.0f}"
    return f", shown at {100 * share:.0f} %" if share < 1 else ""


def _error_legend(spec: DataSpec, some_ignored: bool) -> tuple[str, list[LegendEntry]]:
    """Name and legend of the errors part."""
    ignored = [LegendEntry(pixels.IGNORED_LIGHT, "not counted")] if some_ignored else []
    if not spec.is_binary:
        wrong = zip(pixels.wrong_colours(spec), spec.classes, strict=True)
        return "errors, bright in truth's colour", [LegendEntry(*entry) for entry in wrong] + ignored
    positive, negative = pixels.error_colours(spec)
    return "errors", [
        LegendEntry(pixels.TRUE_POSITIVE, "found"),
        LegendEntry(positive, "false"),
        LegendEntry(negative, "missed"),
        *ignored,
    ]


def text_size(width: int) -> int:
    """Font size in pixels: about 38 letters to the width of a part, so it survives the width of a page."""
    return max(11, width // 22)


def _legend_lines(legend: Sequence[LegendEntry], width: int) -> list[list[LegendEntry]]:
    return break_legend(legend, width, text_size(width), MOST_LINES)


def _part(rgb: Pixels, name: str, legend: Sequence[LegendEntry], lines: int, remark: str = "") -> Pixels:
    """A caption above the pixels: the name, then legend or remark in room for ``lines`` lines."""
    size = text_size(rgb.shape[1])
    strip = np.full((round(size * (1.7 + 1.5 * lines)), rgb.shape[1], 3), PAPER, np.uint8)
    draw_text(strip, name, 0, round(size * 1.1), size, bold=True)
    draw_text(strip, remark, 0, round(size * 2.6), size)
    for number, entries in enumerate(_legend_lines(legend, rgb.shape[1])):
        draw_legend(strip, entries, round(size * (2.6 + 1.5 * number)), size)
    return np.concatenate([strip, rgb])


def _joined(parts: list[Pixels], title: str, figures: Mapping[str, float | None]) -> Pixels:
    """Parts beside each other on white, with gaps and margins of half a letter and the title line on top."""
    size = text_size(parts[0].shape[1])
    gap = size // 2
    spacer = np.full((parts[0].shape[0], gap, 3), PAPER, np.uint8)
    row = np.concatenate([piece for part in parts for piece in (spacer, part)] + [spacer], axis=1)
    edge = np.full((gap, row.shape[1], 3), PAPER, np.uint8)
    if not title and not figures:
        return np.concatenate([edge, row, edge])
    strip = np.full((size * 2, row.shape[1], 3), PAPER, np.uint8)
    end = draw_text(strip[:, : row.shape[1] - gap], title, gap, round(size * 1.4), size, bold=True)
    draw_text(strip[:, : row.shape[1] - gap], _figures_text(figures), end + size, round(size * 1.4), size)
    return np.concatenate([edge, strip, row, edge])


def _figures_text(figures: Mapping[str, float | None]) -> str:
    return "   ".join(f"{name} {'-' if value is None else format(value, '.2f')}" for name, value in figures.items())


def split_panel(picture: Pixels) -> tuple[Pixels, Pixels] | None:
    """Cut a panel into image and truth, and prediction and errors, so that predictions can stand beside each other.

    Args:
        picture: uint8 (h, w, 3) of :func:`draw_panel` with a title line, which is left out.

    Returns:
        Both halves, uint8 (h', w // 2, 3); None where the picture is no such panel.
    """
    width = picture.shape[1]
    part = next((w for w in range(width // 4, NARROWEST - 1, -1) if 4 * w + 5 * (text_size(w) // 2) == width), None)
    if part is None:
        return None
    size = text_size(part)
    below = picture[size // 2 + size * 2 :]
    return below[:, : width // 2], below[:, width - width // 2 :]
