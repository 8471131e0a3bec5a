"""Writes the arrays that ``experiment=arrays_fcn8s_vgg16`` trains on, of white blood cells (Zheng et al. 2018).

    python examples/cells_arrays.py "cells/Dataset 1" arrays

Takes the images of a folder of segmentation_WBC by number: the first 180, resized to 224x224, become
``images_training.npy`` uint8 (180, 224, 224, 3) with ``seg_training.npy`` uint8 (180, 224, 224, 2), one-hot: channel 0
is everything else, channel 1 the nucleus; the next 27 become ``images_testing.npy``, without labels, as a teaching
laboratory gives its arrays.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

TRAINED, TESTED, SIDE = 180, 27, 224
NUCLEUS = 255
"""Grey value of the nucleus in a mask; 0 is background, 128 cytoplasm."""


def main() -> None:
    """Reads the arguments and writes the arrays."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with NNN.bmp and NNN.png")
    parser.add_argument("out", type=Path, help="folder of the arrays, made if need be")
    arguments = parser.parse_args()
    write_arrays(arguments.folder, arguments.out)


def write_arrays(folder: Path, out: Path, side: int = SIDE) -> None:
    """Writes the three arrays.

    Args:
        folder: With NNN.bmp and NNN.png.
        out: Where they are written.
        side: Of the resized images, in pixels.
    """
    paths = sorted(folder.glob("*.bmp"))[: TRAINED + TESTED]
    if len(paths) < TRAINED + TESTED:
        raise SystemExit(f"{folder}: found {len(paths)} images NNN.bmp, expected {TRAINED + TESTED} at least")
    images = np.stack([read_image(path, side) for path in paths])
    masks = np.stack([read_one_hot(path.with_suffix(".png"), side) for path in paths[:TRAINED]])
    out.mkdir(parents=True, exist_ok=True)
    arrays = {"images_training": images[:TRAINED], "seg_training": masks, "images_testing": images[TRAINED:]}
    for name, array in arrays.items():
        np.save(out / f"{name}.npy", array)
        print(f"{out / name}.npy  {array.dtype} {array.shape}")  # noqa: T201 - for whoever runs it


def read_image(path: Path, side: int) -> NDArray[np.uint8]:
    """Reads RGB (side, side, 3), interpolated bilinearly."""
    image = cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return np.asarray(cv2.resize(image, (side, side), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def read_one_hot(path: Path, side: int) -> NDArray[np.uint8]:
    """Reads a mask as (side, side, 2), everything else and nucleus; each pixel is that of the nearest one."""
    mask = cv2.resize(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), (side, side), interpolation=cv2.INTER_NEAREST_EXACT)
    nucleus = (mask == NUCLEUS).astype(np.uint8)
    return np.stack([1 - nucleus, nucleus], axis=-1)


if __name__ == "__main__":
    main()
