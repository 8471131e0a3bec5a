"""The embedded data set: scenes drawn on the fly, no download, the same pixels on every machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from segexp.data.base import ImageDataModule, Items
from segexp.data.checks.survey import Survey, SurveyCache, cache_folder, survey_image
from segexp.data.items.disk_cache import is_on_disk, on_disk
from segexp.data.items.item import Item
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.drawn_item import DrawnItem
from segexp.data.synthetic.scenes import SCENES
from segexp.runs.console import LOG, progress
from segexp.types import NonNegativeFloat, PositiveInt, SceneSide, Seed


class SyntheticDataModule(ImageDataModule):
    """Drawn scenes with exact masks.

    Images are numbered through training, validation and test, and each depends only on (scene_seed, number): more
    training images leave the first ones as they are, and no two parts share an image.
    """

    def __init__(
        self,
        scene: Literal["vessels", "buildings", "cells"] = "vessels",
        size: SceneSide = 256,
        train_images: PositiveInt = 48,
        val_images: PositiveInt = 8,
        test_images: PositiveInt = 8,
        scene_seed: Seed = 0,
        memory_limit: NonNegativeFloat = 1.0,
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
            memory_limit: GiB of images up to which all are kept in memory. More, such as tiles of 5000x5000, are drawn
                once into the cache folder and read from there in windows.
            **shared: Keys of every data set.
        """
        super().__init__(**shared)
        self.scene = scene
        self.size = size
        self.counts = {"train": train_images, "val": val_images, "test": test_images}
        self.scene_seed = scene_seed
        self.memory_limit = memory_limit
        self._known: SurveyCache | None = None

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Images of 48x48 pixels, which are no files."""
        return {"size": 48, "crop_size": 32, "train_images": 2, "val_images": 2, "test_images": 2}

    @classmethod
    def write_drawn(cls, folder: Path) -> dict[str, Any]:
        """Nothing: its images are drawn anyway."""
        return {}

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Classes of the scene."""
        info = SCENES[self.scene]
        return info.classes, info.colours

    def scored_region(self) -> str:
        """Only vessels have a field of view."""
        return "inside the field of view" if self.scene == "vessels" else "all pixels"

    def read(self) -> Items:
        """Draws every image, or finds it in the cache folder."""
        stored = self._bytes() > self.memory_limit * 2**30
        # A block of numbers per part: growing one part never moves the images of another.
        waiting = [
            (phase, self._item(phase, block * 1_000_000 + n, n))
            for block, phase in enumerate(PHASES)
            for n in range(self.counts[phase])
        ]
        if stored:
            self._known = SurveyCache(f"synthetic {self.scene}")
            self.notes.append(
                f"{self._bytes() / 2**30:.1f} GiB of drawn images lie in {cache_folder()} and are read from there; "
                f"datamodule.memory_limit={self.memory_limit:g} GiB"
            )
            self._say([item for _, item in waiting])
        items: Items = {phase: [] for phase in PHASES}
        for _ in progress(range(len(waiting)), len(waiting), "drawing"):
            # Taken off the list: what is drawn stays in its item.
            phase, item = waiting.pop(0)
            items[phase].append(on_disk(item, "drawn") if stored else item.decoded())
        return items

    def _say(self, items: Sequence[Item]) -> None:
        """A line before what may take minutes."""
        if new := sum(not is_on_disk(item, "drawn") for item in items):
            LOG.info(f"drawing     {new} images of {self.size}x{self.size} into {cache_folder()}, once")

    def _bytes(self) -> int:
        return sum(self.counts.values()) * self.size**2 * 4

    def _item(self, phase: str, number: int, shown: int) -> DrawnItem:
        return DrawnItem(f"{phase}_{shown:03d}", self.scene, self.scene_seed, number, self.size)

    def look(self, item: Item, classes: int) -> Survey:
        """Surveys an image; those in the cache folder are looked at once."""
        if self._known is None:
            return survey_image(item, classes)
        return self._known.get(item, lambda: survey_image(item, classes))

    def setup(self, stage: str | None = None) -> None:
        """Draws or finds the images once."""
        super().setup(stage)
        if self._known is not None:
            self._known.save()
            self._known = None
