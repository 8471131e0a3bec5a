"""The images of a data set, read and checked once: the parts, the places of crops, and the spec that follows."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segexp.config.checks.built_words import check_words
from segexp.data import reading
from segexp.data.checks.object_sizes import measure_sizes
from segexp.data.checks.problems import refuse
from segexp.data.checks.sizes import find_most_common, find_smaller
from segexp.data.checks.survey import class_counts
from segexp.data.items.item import Item
from segexp.data.sampling.border_share import beyond_notes
from segexp.data.sampling.crop_locations import CropLocations, GridLocations, RandomLocations
from segexp.data.sampling.normalization import constants
from segexp.data.sampling.samples import RandomCrops
from segexp.data.settings import Items
from segexp.data.splits.rules import PHASES, Phase, find_moved
from segexp.data.surveyed_images import SurveyedImages
from segexp.spec import DataSpec


class ReadImages(SurveyedImages):
    """A data set as far as its images and their crops go, without a loader."""

    _items: Items | None
    _places: CropLocations | None
    _spec: DataSpec | None
    _shared: set[str]

    def setup(self, stage: str | None = None) -> None:
        """Reads the data once; Lightning calls this again for every stage.

        Raises:
            DataError: The files are at fault.
            ConfigError: A crop does not fit into an image, or a key holds none of its words.
        """
        if self._items is not None:
            return
        check_words(self, "datamodule")
        items = reading.read_or_reuse(self)
        self.settle(items)
        problems = self.unfit(items)
        refuse(problems)
        self.notes += [problem.text for problem in problems]
        if self.eval_size is not None:
            for phase in ("val", "test"):
                items[phase] = [item.resized(self.eval_size) for item in items[phase]]
        items = self._looked_at(items)
        if self.run_split is not None:
            refuse(find_moved(self.run_split, {phase: [item.name for item in items[phase]] for phase in PHASES}))
        if small := find_smaller(items["train"], self.crop_size):
            self.notes.append(
                f"{len(small)} training images are smaller than crop_size={self.crop_size}: they are mirrored around "
                "up to it, and the border counts nowhere"
            )
        (channels, dtype), _ = find_most_common(items["train"])
        mean, std = constants(self.normalize, self._surveys["train"], channels, dtype)
        scaling: Literal["fixed", "image"] = "image" if self.normalize == "image" else "fixed"
        self._places = self._make_places(items["train"])
        sizes = measure_sizes(items["train"], self.classes()[0] if self.target().form == "mask" else ())
        self._spec = DataSpec(
            self.target(), channels, mean, std, scaling, self.pixel_size(), str(dtype), *self.picked(), sizes=sizes
        )
        self._items = items
        self.notes += beyond_notes(self.train_samples())

    def _make_places(self, items: list[Item]) -> CropLocations:
        counts = class_counts(self._surveys["train"])
        if self.sampling == "random":
            count = self.crops_total or self.crops_per_image * len(items)
            positive, balanced = self.positive_numbers(), self.balance == "classes"
            return RandomLocations(items, count, self.crop_size, counts, self.positive_fraction, positive, balanced)
        size = self.grid_size()
        ignored = [found.ignored > 0 for found in self._surveys["train"]]
        grid = GridLocations(items, size, self.stride or size, ignored)
        if grid.left_out:
            self.notes.append(f"{grid.left_out} windows of the grid hold no pixel that counts and are left out")
        return grid

    def own_attributes(self) -> dict[str, Any]:
        """Attributes that the data set itself has set, without those that all data sets share."""
        return {name: value for name, value in vars(self).items() if name not in self._shared}

    @property
    def spec(self) -> DataSpec:
        """Channels, classes and scaling; known after :meth:`setup`."""
        self.setup()
        if self._spec is None:
            raise RuntimeError("setup did not define the spec")
        return self._spec

    def items(self, phase: Phase) -> list[Item]:
        """Decoded images of a phase."""
        return self._all_items()[phase]

    def _all_items(self) -> Items:
        self.setup()
        if self._items is None:
            raise RuntimeError("setup did not define the items")
        return self._items

    def keep_first(self, phase: Phase, images: int) -> None:
        """Forgets the images of a part but for the first ones, after :meth:`setup`.

        Args:
            phase: The part.
            images: How many stay.
        """
        self._items = {**self._all_items(), phase: self.items(phase)[:images]}
        self._surveys[phase] = self._surveys[phase][:images]

    def class_pixels(self, phase: Phase) -> NDArray[np.int64]:
        """Pixels per image and class, int64 (N, C); where an image is of one class, 1 for that."""
        self.setup()
        counts = class_counts(self._surveys[phase])
        return np.sign(counts) if self._items is not None and self._of_images(self._items) else counts

    @property
    def places(self) -> CropLocations:
        """Locations at which the training samples are cut."""
        self.setup()
        if self._places is None:
            raise RuntimeError("setup did not define the places")
        return self._places

    @property
    def samples_per_epoch(self) -> int:
        """Training samples an epoch."""
        return len(self.places)

    def train_samples(self) -> RandomCrops:
        """Training samples by (epoch, index)."""
        return RandomCrops(
            self.places,
            self.crop_size,
            self.augment,
            self.seed,
            redraw=self.redraw_crops,
            stats=self.normalize == "image",
        )
