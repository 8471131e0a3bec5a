"""Pictures of single images as they are shown everywhere: on disk and in each logger."""

import math
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from segexp.data.base import ImageDataModule
from segexp.data.items.item import Item, Mask
from segexp.metrics.counts import confusion
from segexp.metrics.measures import measures
from segexp.rasters.handles import release_image_memory
from segexp.report.pictures.displayed import display_small, shrink_labels
from segexp.report.pictures.panels import draw_panel
from segexp.report.pictures.pixels import Pixels
from segexp.report.pictures.png import save_png
from segexp.spec import IGNORED, DataSpec
from segexp.tasks.segmentation import Segmentation

LONGEST = 120
"""Letters of an image's name in the name of its picture: with what stands around it, a file system takes 255."""


@dataclass(frozen=True)
class Picture:
    """A picture of one image, no larger than it is shown: several are kept at a time.

    Attributes:
        name: Of the image.
        figures: For the caption, numbers or words.
        drawn: uint8 (h, w, 3) RGB: the image beside or below what the model makes of it.
    """

    name: str
    figures: Mapping[str, float | str | None]
    drawn: Pixels

    @property
    def stem(self) -> str:
        """The name as part of a file name, which may be no longer than 255 bytes."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", self.name)
        if len(plain) <= LONGEST:
            return plain
        return f"{plain[:LONGEST]}-{zlib.crc32(self.name.encode('utf-8', 'surrogatepass')):08x}"

    def save(self, path: Path) -> None:
        """Writes :attr:`drawn` as PNG."""
        save_png(path, self.drawn)


@dataclass(frozen=True)
class MaskPicture(Picture):
    """An image with truth and prediction of every pixel; drawn are image, truth, prediction and errors side by side.

    Attributes:
        image: uint8 (H, W, 3) RGB.
        truth: uint8 (H, W), class numbers or 255.
        prediction: uint8 (H, W), class numbers, and 255 where the truth has it: what the model says where nothing
            counts (outside a field of view, say) would only distract.
        spec: Classes and colours.
    """

    image: Pixels
    truth: Mask
    prediction: Mask
    spec: DataSpec


def predict(module: Segmentation, item: Item, threshold: float) -> tuple[Mask, np.ndarray]:
    """Class numbers uint8 (H, W) at a threshold (a logit), and probabilities float32 (K', H, W), of one image."""
    image = torch.from_numpy(item.image).permute(2, 0, 1)[None].to(module.device)
    module.eval()
    with torch.inference_mode():
        logits = module.evaluated(image)
        probabilities = module.probabilities(logits)
        classes = module.classify(logits, threshold)
    return classes[0].cpu().numpy(), probabilities[0].cpu().numpy()


def picture_of(item: Item, prediction: Mask, spec: DataSpec) -> MaskPicture:
    """The picture of a decoded image; the caption holds the Dice of each class, of two classes of the second."""
    matrix = confusion(torch.from_numpy(prediction)[None], torch.from_numpy(item.target)[None], spec.num_classes)
    dice = measures(matrix)["dice"][0]
    numbers = range(1, 2) if spec.is_binary else range(spec.num_classes)
    figures = {f"Dice {spec.classes[k]}": None if bool(dice[k].isnan()) else round(float(dice[k]), 4) for k in numbers}
    shown = np.where(item.target == IGNORED, IGNORED, prediction).astype(np.uint8)
    drawn = draw_panel(item.image, item.target, shown, spec, item.name, figures)
    small = display_small(item.image, item.target != IGNORED), shrink_labels(item.target), shrink_labels(shown)
    return MaskPicture(item.name, figures, drawn, *small, spec)


def pictures_of(module: Segmentation, items: Iterable[Item], threshold: float) -> list[MaskPicture]:
    """Pictures of images at a threshold (a logit); one image at a time is decoded."""
    found = []
    for item in items:
        release_image_memory(math.prod(item.shape))
        decoded = item.decoded()
        found.append(picture_of(decoded, predict(module, decoded, threshold)[0], module.spec))
    return found


def test_pictures(
    module: Segmentation, datamodule: ImageDataModule, panels: Sequence[Mapping[str, Any]]
) -> list[MaskPicture]:
    """The pictures of a test, from worst to best, for the loggers; ``panels`` as in results.json."""
    items = {item.name: item for item in datamodule.items("test")}
    return pictures_of(module, [items[entry["image"]] for entry in panels], module.threshold)
