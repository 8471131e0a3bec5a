"""What a data set says of itself: how its files are read, what is left out, and what the data decide."""

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segexp.data.checks.survey import Survey, survey_image
from segexp.data.items.item import Item, Mask
from segexp.data.settings import DataSettings, Items
from segexp.data.splits.rules import Split
from segexp.errors import UserError


class DataHooks(DataSettings):
    """Methods that a data set writes (:meth:`read`), or may write where it differs from the usual."""

    @abstractmethod
    def read(self) -> Items:
        """Reads and checks all files, by the data set's own keys alone: a sweep may read once for jobs that share them.

        Raises:
            DataError: A file is missing, unreadable or does not fit; nothing has been written by then.
        """

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Writes a few tiny images as the data set lies on disk, for the checks of what a data set promises.

        Args:
            folder: An empty folder.

        Returns:
            Keys of the data set that find and fit them, such as ``root`` and ``crop_size``.

        Raises:
            NotImplementedError: The data set has none; it is checked on files of its own then.
        """
        raise NotImplementedError(f"{cls.__qualname__} has no write_example")

    @classmethod
    def write_drawn(cls, folder: Path) -> dict[str, Any]:
        """Writes a small drawn set as the data set lies on disk, for ``generate``; the same files at every call.

        Unless a data set says otherwise, the few tiny images of :meth:`write_example`.

        Args:
            folder: An empty folder.

        Returns:
            Keys of the data set that find and fit the files; they take the place of those in the config.

        Raises:
            NotImplementedError: The data set draws nothing.
        """
        return cls.write_example(folder)

    def observers(self) -> Mapping[str, Mapping[str, Mask]]:
        """Other people's masks of test images by observer and image name, scored beside the model."""
        return {}

    def scored_region(self) -> str:
        """The pixels that the figures speak of, in words."""
        return "all pixels"

    def look(self, item: Item, classes: int) -> Survey:
        """Looks at all pixels of an item; data sets that know files again by their fingerprint say so here.

        Raises:
            DataError: It cannot be read, or its mask holds what is no class.
        """
        return survey_image(item, classes)

    def leaves_out(self, name: str, error: UserError) -> bool:
        """Returns whether an image that cannot be used is left out, which is noted then; False: training is refused."""
        return False

    def pixel_size(self) -> float | None:
        """Side of a pixel on the ground in metres, where the files say it; asked after :meth:`read`."""
        return None

    def keep_split(self, split: Split) -> None:
        """Takes over the split of a run, before :meth:`setup`; data sets of files then give each part its images.

        Args:
            split: Names of the images of each part.
        """
        self.run_split = split

    def picked(self) -> tuple[tuple[int, ...] | None, int | None]:
        """Bands that are the channels, from 1, and the number of bands in the files; asked after :meth:`read`."""
        return None, None

    def settle(self, items: Items) -> None:
        """Settles keys of the samples (crops) that the config leaves to the data.

        Called after :meth:`read`, also where the items were taken over from another datamodule of the same files; it
        may be called twice.
        """

    def settled(self) -> Mapping[str, Any]:
        """Keys that the config leaves to the data, and what became of them; asked after :meth:`setup`."""
        return {}

    def guessed(self) -> Mapping[str, Any]:
        """The part of :meth:`settled` that is a guess and may be wrong; empty where nothing is."""
        return {}
