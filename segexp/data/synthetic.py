"""The embedded data set: scenes drawn on the fly, no download, the same pixels on every machine."""

from typing import Any, Literal

from segexp.data.base import Items, SegmentationDataModule
from segexp.data.items import Item
from segexp.data.scenes import SCENES, draw
from segexp.data.splits import PHASES
from segexp.spec import IGNORED
from segexp.types import NonNegativeInt, PositiveInt


class SyntheticDataModule(SegmentationDataModule):
    """Drawn scenes with exact masks.

    Images are numbered through training, validation and test, and each depends only on (scene_seed, number): more
    training images leave the first ones as they are, and no two parts share an image.
    """

    def __init__(
        self,
        scene: Literal["vessels", "buildings", "cells"] = "vessels",
        size: PositiveInt = 256,
        train_images: PositiveInt = 48,
        val_images: PositiveInt = 8,
        test_images: PositiveInt = 8,
        scene_seed: NonNegativeInt = 0,
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            scene: What is drawn.
            size: Side of the images in pixels.
            train_images: Number of training images.
            val_images: Number of validation images.
            test_images: Number of test images.
            scene_seed: Seed of the drawing; apart from ``seed``, so that runs with other seeds see the same images.
            **shared: Keys of every data set.
        """
        super().__init__(**shared)
        self.scene = scene
        self.size = size
        self.counts = {"train": train_images, "val": val_images, "test": test_images}
        self.scene_seed = scene_seed

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Classes of the scene."""
        info = SCENES[self.scene]
        return info.classes, info.colours

    def scored_region(self) -> str:
        """Only vessels have a field of view."""
        return "inside the field of view" if self.scene == "vessels" else "all pixels"

    def read(self) -> Items:
        """Draws every image."""
        items: Items = {}
        # A block of numbers per part: growing one part never moves the images of another.
        for block, phase in enumerate(PHASES):
            items[phase] = [self._item(phase, block * 1_000_000 + n, n) for n in range(self.counts[phase])]
        return items

    def _item(self, phase: str, number: int, shown: int) -> Item:
        scene = draw(self.scene, self.scene_seed, number, self.size)
        mask = scene.mask.copy()
        mask[scene.fov == 0] = IGNORED
        return Item(f"{phase}_{shown:03d}", scene.image, mask)
