"""Pictures as PNG: encoded and written."""

from pathlib import Path

import cv2
import numpy as np

from segexp.report.pictures.pixels import Pixels
from segexp.runs.files import replace_file

COMPACT = 6
"""Compression of files that go into a page; 9 takes five times as long for files that are a tenth smaller."""
PHOTO_BYTES = 250_000
"""A larger image goes into the page as JPEG, or ten of them would make it too heavy to send."""
_ORDERS = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}


def encode_png(pixels: Pixels, compression: int | None = None) -> bytes:
    """Encodes a picture as PNG.

    Args:
        pixels: uint8 (H, W), (H, W, 3) RGB or (H, W, 4) RGBA.
        compression: Of zlib, 0..9; None: as OpenCV does by itself, which is faster.
    """
    bands = cv2.cvtColor(pixels, _ORDERS[pixels.shape[2]]) if pixels.ndim == 3 else pixels
    options = [] if compression is None else [cv2.IMWRITE_PNG_COMPRESSION, compression]
    return bytes(cv2.imencode(".png", bands, options)[1].tobytes())


def save_png(path: Path, pixels: Pixels, compression: int | None = None) -> Path:
    """Writes a picture as PNG, whole or not at all; makes the parent folders of ``path``.

    Args:
        path: Target; it is replaced.
        pixels: See :func:`encode_png`.
        compression: See :func:`encode_png`.

    Returns:
        ``path``.

    Raises:
        OSError: The folder cannot be written.
    """
    return replace_file(path, encode_png(pixels, compression))


def encode_photo(content: bytes) -> tuple[bytes, str]:
    """Gives a PNG as it is, or as JPEG if it is heavy; with its media type."""
    if len(content) <= PHOTO_BYTES:
        return content, "image/png"
    pixels = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes(), "image/jpeg"
