"""The forms of masks: one channel, grey saved as RGB, colours, one-hot channels, with or without alpha."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import LabelError


def to_rgb(raw: NDArray[Any], path: Path, palette: NDArray[np.uint8] | None) -> NDArray[np.uint8] | None:
    """The colours of a mask.

    Args:
        raw: Stored numbers (H, W) or (H, W, C).
        path: The file, for messages.
        palette: uint8 (n, 3), RGB of the indices in ``raw``.

    Returns:
        uint8 (H, W, 3); None: the mask has one channel without palette, or one-hot channels.

    Raises:
        LabelError: Colours of 16 bits, alpha that varies, or an index beyond the palette.
    """
    pixels = _without_alpha(raw)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return None if palette is None else _from_palette(pixels.reshape(pixels.shape[:2]), path, palette)
    if pixels.shape[2] != 3 or _is_one_hot(pixels):
        return None
    if pixels.dtype != np.uint8:
        raise LabelError(f"{path}: mask colours of {pixels.dtype}, expected 8 bits; save it with 8 bits per channel")
    return pixels


def to_plane(raw: NDArray[Any], path: Path) -> NDArray[Any] | None:
    """The values of a mask, one per pixel.

    Args:
        raw: Stored numbers (H, W) or (H, W, C): one channel; equal channels; or exactly one 1 per pixel.
        path: The file, for messages.

    Returns:
        Integers (H, W), for one-hot channels the number of the channel that is 1; None: the mask has colours.

    Raises:
        LabelError: Numbers that are no integers, or channels of none of these forms.
    """
    if raw.dtype.kind not in "biu":
        raise LabelError(f"{path}: mask of {raw.dtype} numbers, expected integers; save class numbers as uint8")
    pixels = _without_alpha(raw)
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        return pixels.reshape(pixels.shape[:2])
    if all(np.array_equal(pixels[..., 0], pixels[..., channel]) for channel in range(1, pixels.shape[2])):
        return pixels[..., 0]
    if _is_one_hot(pixels):
        return np.asarray(pixels.argmax(axis=2), dtype=np.uint8 if pixels.shape[2] <= 256 else np.uint16)
    if pixels.shape[2] == 3 and pixels.dtype == np.uint8:
        return None
    alpha = ", or an RGBA image whose alpha is 255 everywhere" if pixels.shape[2] in (2, 4) else ""
    raise LabelError(
        f"{path}: a mask of {pixels.shape[2]} channels of {pixels.dtype}, expected one channel, RGB of 8 bits, one-hot "
        f"channels (exactly one 1 per pixel){alpha}; save class numbers as a grey image"
    )


def pack_colours(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Colours uint8 (H, W, 3) as 0xRRGGBB, uint32 (H, W)."""
    # Blue, green, red and 255, read as one little-endian number: ten times as fast as shifts.
    four = cv2.cvtColor(np.ascontiguousarray(colours), cv2.COLOR_RGB2BGRA)
    return np.asarray(four.view("<u4")[..., 0] & np.uint32(0xFFFFFF), dtype=np.uint32)


def _from_palette(indices: NDArray[Any], path: Path, palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    highest = int(indices.max())
    if highest >= len(palette):
        raise LabelError(
            f"{path}: palette index {highest}, but its palette has {len(palette)} colours; copy it again from its "
            "source"
        )
    return np.take(palette, indices, axis=0)


def _without_alpha(raw: NDArray[Any]) -> NDArray[Any]:
    """Leaves out an alpha channel that is opaque everywhere."""
    if raw.ndim == 2 or raw.shape[2] not in (2, 4) or raw.dtype.kind != "u":
        return raw
    return raw[..., :-1] if (raw[..., -1] == np.iinfo(raw.dtype).max).all() else raw


def _is_one_hot(pixels: NDArray[Any]) -> bool:
    """Exactly one 1 per pixel, else 0."""
    return int(pixels.max()) == 1 and int(pixels.min()) == 0 and bool((pixels.sum(axis=2, dtype=np.int64) == 1).all())
