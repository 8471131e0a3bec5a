"""Reads image files into arrays; every failure names the file."""

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage
from PIL import UnidentifiedImageError

from segexp.data.items import Image
from segexp.errors import DataError


def read_rgb(path: Path) -> Image:
    """Decodes an 8-bit colour or grey image.

    Returns:
        uint8 (H, W, 3), 0..255.

    Raises:
        DataError: The file is missing, truncated or no image.
    """
    return _decode(path, "RGB")


def read_grey(path: Path) -> Image:
    """Decodes a mask: grey values, or the grey values that a palette stands for.

    Returns:
        uint8 (H, W), 0..255.

    Raises:
        DataError: The file is missing, truncated or no image.
    """
    return _decode(path, "L")


def _decode(path: Path, mode: str) -> Image:
    try:
        with PillowImage.open(path) as image:
            # A copy: the view of Pillow cannot be written to, which torch warns of.
            return np.array(image.convert(mode), dtype=np.uint8)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        size = path.stat().st_size
        raise DataError(
            f"{path}: cannot be read as an image ({size} bytes; {error}). "
            "It is truncated or no image: copy it again from its source"
        ) from error
