"""Sizes between a model and its caller: a model that eats its border is given context."""

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from segexp.errors import UserError
from segexp.models.auxiliary import Supervised

Padding = tuple[int, int, int, int]
"""Pixels to add at the left, right, top and bottom: the order of ``torch.nn.functional.pad``."""

NO_PADDING: Padding = (0, 0, 0, 0)


class InputSizeError(UserError):
    """An image has a height or width that the model cannot take."""


def require_size(model: str, image: Tensor, smallest: int) -> None:
    """Refuse an image (B, C, H, W) with fewer pixels a side than the model's poolings need.

    Raises:
        InputSizeError: H or W is below ``smallest``.
    """
    height, width = image.shape[-2:]
    if min(height, width) < smallest:
        raise InputSizeError(f"{model} was given {height}x{width}: use at least {smallest}x{smallest} pixels")


class SegmentationModel(Protocol):
    """Model that ``same_size`` calls; it may also have ``context(height, width) -> Padding``."""

    def __call__(self, image: Tensor, /) -> Tensor | Supervised:
        """Image (B, C, H, W) to logits (B, K, h, w)."""


def same_size(model: SegmentationModel, image: Tensor) -> Tensor | Supervised:
    """Run a model so that its logits have the height and width of the image, whatever the model does inside.

    A model with a method ``context(height, width)`` (unpadded convolutions) gets that much mirrored border,
    as in the overlap-tile strategy of Ronneberger et al. 2015, section 2; its surplus output is cut off.
    Without the method, or when it asks for nothing, this is ``model(image)``.

    Args:
        model: Gives logits whose first pixel belongs to the first pixel inside the context it asked for.
        image: float (B, C, H, W).

    Returns:
        Logits (B, K, H, W), a view of the model's output; or its Supervised, with all logits of that size.

    Raises:
        InputSizeError: The image is too small for the model.
    """
    height, width = image.shape[-2:]
    context = getattr(model, "context", None)
    padding: Padding = context(height, width) if context is not None else NO_PADDING
    if padding == NO_PADDING:
        return model(image)
    outputs = model(mirror_pad(image, padding))
    if not isinstance(outputs, Supervised):
        return outputs[..., :height, :width]
    auxiliary = tuple(logits[..., :height, :width] for logits in outputs.auxiliary)
    return Supervised(outputs.logits[..., :height, :width], auxiliary, outputs.weights)


def mirror_pad(image: Tensor, padding: Padding) -> Tensor:
    """Mirror the border of (B, C, H, W) without repeating the edge pixel, as often as the padding needs.

    ``F.pad`` reflects once only, so it refuses a border as wide as the image; there the mirror images are
    continued, as ``numpy.pad(mode="reflect")`` does (an image one pixel wide repeats that pixel).
    """
    height, width = image.shape[-2:]
    left, right, top, bottom = padding
    if max(left, right) < width and max(top, bottom) < height:
        return F.pad(image, padding, mode="reflect")
    rows = _mirror_indices(height, top, bottom, image.device)
    columns = _mirror_indices(width, left, right, image.device)
    return image.index_select(-2, rows).index_select(-1, columns)


def _mirror_indices(size: int, before: int, after: int, device: torch.device) -> Tensor:
    period = max(2 * (size - 1), 1)  # 0 1 2 3 2 1 | 0 1 2 ...; a single pixel has period 1
    steps = torch.arange(-before, size + after, device=device) % period
    return torch.minimum(steps, period - steps) if size > 1 else steps
