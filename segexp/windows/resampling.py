"""Maps at another size, in memory or band by band: how what a model says of a resampled image comes back."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from segexp.rasters.resampling import TO_WHOLE, axis_weights, tile_side

BAND = 1 << 22
"""Pixels of a band that is given away at a time."""


def resample(values: Tensor, height: int, width: int) -> Tensor:
    """Resamples maps by linear interpolation, where they become smaller over as many pixels as a new one covers.

    Args:
        values: (..., H, W) of any type.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        float32 (..., height, width); weighted means, so that probabilities stay in [0, 1] and keep their sum.
    """
    return torch.cat(list(resample_bands([values], values.shape[-2], height, width)), dim=-2)


def resample_image(image: Tensor, height: int, width: int) -> Tensor:
    """Resamples raw images of integers (B, C, H, W): the pixels and the type that a file of them shows at that size."""
    # Apple's GPUs have no float64.
    pixels = image.cpu() if image.device.type == "mps" else image
    bands = resample_bands([pixels], image.shape[-2], height, width, torch.float64)
    return torch.cat([(band + TO_WHOLE).floor().to(image.dtype) for band in bands], dim=-2).to(image.device)


def resample_bands(
    bands: Iterable[Tensor], rows: int, height: int, width: int, dtype: torch.dtype = torch.float32
) -> Iterator[Tensor]:
    """Resamples a map that comes in bands from top to bottom; no more than a band is in memory.

    Args:
        bands: (..., n, W) each, the next n rows.
        rows: Rows of all bands together.
        height: Rows of the result.
        width: Columns of the result.
        dtype: Floating type of the result, in which it is computed.

    Yields:
        dtype (..., m, width), the next m rows; in all, ``height`` rows.
    """
    kept: Tensor | None = None
    first = done = 0
    step = max(1, min(BAND // width, tile_side(rows / height)))
    for band in bands:
        kept = band if kept is None else torch.cat([kept, band], dim=-2)
        known = first + kept.shape[-2]
        while done < height:
            count = min(step, height - done)
            above, weights = axis_weights(rows, height, done, count)
            if above + weights.shape[1] > known:
                break
            used = kept[..., above - first : above - first + weights.shape[1], :].to(dtype)
            yield _to_width(torch.from_numpy(weights).to(used) @ used, width)
            done += count
        if done < height:
            unused = min(axis_weights(rows, height, done, 1).first - first, kept.shape[-2])
            kept, first = kept[..., unused:, :], first + unused


def _to_width(values: Tensor, width: int) -> Tensor:
    """Rows (..., n, W) with ``width`` columns, of the same type."""
    own = values.shape[-1]
    side = tile_side(own / width)
    parts = []
    for left in range(0, width, side):
        before, weights = axis_weights(own, width, left, min(side, width - left))
        used = values[..., before : before + weights.shape[1]]
        parts.append(used @ torch.from_numpy(weights).T.to(used))
    return torch.cat(parts, dim=-1)
