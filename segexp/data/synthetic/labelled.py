"""Writers of drawn sets whose images have a class each, in the file layouts of real ones."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from segexp.data.items.item import Image
from segexp.data.synthetic.scenes import draw_scene

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""Names of CIFAR-10 in the order of their numbers."""
CIFAR_SIDE = 32
"""Height and width in pixels of the images of CIFAR-10."""


def write_class_folders(root: Path, count: int, side: int = 48) -> None:
    """Writes ``<scene>/NN.png`` for each kind of scene that can be drawn; every second image is a little wider.

    Args:
        root: Folder to make.
        count: Images of each class.
        side: Height and width in pixels.
    """
    for number, scene in enumerate(("buildings", "cells", "vessels")):
        for index in range(count):
            drawn = draw_scene(scene, number, index, (side, side + 8 * (index % 2)))
            _save(root / scene / f"{index:02d}.png", drawn.image)


def write_allidb(root: Path, fields: int, side: int = 64) -> None:
    """Writes fields of blood with one white cell, and two patches of each: one of that cell and one without it.

    ``ALL_IDB2/img/ImNNN_C.tif``, C = 1 with a white cell and 0 without; ``ALL_IDB2/fields.csv`` with the field of each
    patch; ``ALL_IDB1/im/ImNNN_1.jpg`` and ``ALL_IDB1/xyc/ImNNN_1.xyc`` with the centre of the white cell.

    Args:
        root: Folder to make.
        fields: Number of fields; patches are twice as many.
        side: Height and width of a patch in pixels; a field is twice as wide.
    """
    lines = ["patch,field"]
    for index in range(fields):
        scene = draw_scene("cells", 0, index, side)
        without = _without_cells(scene.image, scene.mask)
        field = f"Im{index + 1:03d}_1"
        names = field, f"Im{fields + index + 1:03d}_0"
        for name, patch in zip(names, (scene.image, without), strict=True):
            _save(root / "ALL_IDB2" / "img" / f"{name}.tif", patch)
            lines.append(f"{name},{field}")
        _save(root / "ALL_IDB1" / "im" / f"{field}.jpg", np.concatenate([without[:, ::-1], scene.image], axis=1))
        rows, columns = np.nonzero(scene.mask)
        centre = f"{side + columns.mean():.0f}\t{rows.mean():.0f}\n"
        place = root / "ALL_IDB1" / "xyc" / f"{field}.xyc"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(centre, encoding="ascii")
    (root / "ALL_IDB2" / "fields.csv").write_text("\n".join(lines) + "\n", encoding="ascii")


def _without_cells(image: Image, mask: Image) -> Image:
    """The image with its white cells filled from what surrounds them."""
    hidden = cv2.dilate((mask > 0).astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.asarray(cv2.inpaint(image, hidden, 3, cv2.INPAINT_TELEA), np.uint8)


def write_cifar(root: Path, count: int, tests: int, batches: int = 2) -> None:
    """Writes ``cifar-10-batches-bin`` with training batches and a test batch: shapes in the colour of their class.

    Args:
        root: Folder to make.
        count: Images of each training batch.
        tests: Images of the test batch.
        batches: Number of training batches.
    """
    folder = root / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for number in range(1, batches + 1):
        (folder / f"data_batch_{number}.bin").write_bytes(_records(count, seed=number))
    (folder / "test_batch.bin").write_bytes(_records(tests, seed=0))
    (folder / "batches.meta.txt").write_text("\n".join(CIFAR_CLASSES) + "\n\n", encoding="ascii")


def _records(count: int, seed: int) -> bytes:
    """A byte of the class, then the planes of red, green and blue, for each image; classes come in turn."""
    rng = np.random.default_rng(seed)
    records = [bytes([index % 10]) + _coloured(index % 10, rng).transpose(2, 0, 1).tobytes() for index in range(count)]
    return b"".join(records)


def _coloured(label: int, rng: np.random.Generator) -> Image:
    """A disc (even classes) or a square (odd ones) of the hue of its class on a grey ground, uint8 (32, 32, 3)."""
    image = rng.integers(60, 120, (CIFAR_SIDE, CIFAR_SIDE, 1)).repeat(3, axis=2).astype(np.uint8)
    hsv = np.array([[[label * 18, 220, 200 + int(rng.integers(0, 40))]]], np.uint8)
    colour = [int(value) for value in cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]]
    x, y = (int(value) for value in rng.integers(12, 20, 2))
    radius = int(rng.integers(6, 11))
    if label % 2:
        cv2.rectangle(image, (x - radius, y - radius), (x + radius, y + radius), colour, -1)
    else:
        cv2.circle(image, (x, y), radius, colour, -1)
    return image


def _save(path: Path, pixels: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.fromarray(pixels).save(path)
