"""Drawn digits in the files of MNIST."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.rasters.formats.idx import write_idx

SIDE = 28
"""Height and width of a digit, pixels."""


def draw_digit(digit: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A white digit on black, uint8 (28, 28), of another slant, width and place at each call."""
    large = np.zeros((4 * SIDE, 4 * SIDE), np.uint8)
    font, thickness = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX])), int(rng.integers(9, 15))
    scale = float(rng.uniform(2.4, 2.9))
    (width, height), _ = cv2.getTextSize(str(digit), font, scale, thickness)
    start = (4 * SIDE - width) // 2, (4 * SIDE + height) // 2
    cv2.putText(large, str(digit), start, font, scale, 255, thickness, cv2.LINE_AA)
    turned = np.asarray(cv2.getRotationMatrix2D((2.0 * SIDE, 2.0 * SIDE), float(rng.uniform(-12, 12)), 1.0), np.float64)
    turned[0, 1] += float(rng.uniform(-0.2, 0.2))
    turned[0, 2] += float(rng.uniform(-8, 8))
    turned[1, 2] += float(rng.uniform(-8, 8))
    moved = cv2.warpAffine(large, turned, (4 * SIDE, 4 * SIDE))
    return cv2.resize(moved, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.uint8)


def write_digits(root: Path, train: int, test: int, seed: int = 0) -> None:
    """Writes MNIST's four files, packed, below ``root/raw``; the digits 0 to 9 in turn.

    Args:
        root: Folder that becomes ``MNIST``.
        train: Training images.
        test: Test images.
        seed: The same seed gives the same files.
    """
    folder = root / "raw"
    folder.mkdir(parents=True)
    for number, (part, count) in enumerate((("train", train), ("t10k", test))):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = [draw_digit(int(label), np.random.default_rng((seed, number, n))) for n, label in enumerate(labels)]
        write_idx(folder / f"{part}-images-idx3-ubyte.gz", np.stack(images))
        write_idx(folder / f"{part}-labels-idx1-ubyte.gz", labels)
