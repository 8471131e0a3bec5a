"""The datamodule that all data sets share: sampling, scaling and loaders around decoded items."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import lightning.pytorch as pl
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from segexp.data import reading
from segexp.data.augment import Augment
from segexp.data.checks import check_alike, check_crops, check_whole
from segexp.data.items import Item, Mask
from segexp.data.loader import make_loader
from segexp.data.places import GridPlaces, Places, RandomPlaces
from segexp.data.samples import Batch, KeyedSampler, RandomCrops, Sample, WholeImages
from segexp.data.splits import PHASES, Phase
from segexp.data.survey import Survey, class_counts, mean_and_std, survey
from segexp.errors import ConfigError, DataError
from segexp.spec import DataSpec, Measures
from segexp.types import Fraction, LoaderOptions, NonNegativeInt, PositiveInt

Items = dict[Phase, list[Item]]

IMAGENET_MEAN = (123.675, 116.28, 103.53)
"""Red, green and blue of ImageNet's training images, 0..255 (0.485, 0.456, 0.406 in torchvision)."""
IMAGENET_STD = (58.395, 57.12, 57.375)
"""Their standard deviations (0.229, 0.224, 0.225 in torchvision)."""


class SegmentationDataModule(pl.LightningDataModule):
    """Reads items once, then serves random crops for training and whole images for validation and test.

    A data set says what its classes are (:meth:`classes`) and reads its files (:meth:`read`); all keys below are
    shared by every data set.

    Attributes:
        first_epoch: Epoch that training starts with; not 0 when a run is resumed.
    """

    def __init__(
        self,
        augment: Augment | None = None,
        seed: NonNegativeInt = 0,
        crop_size: PositiveInt | None = None,
        crops_per_image: PositiveInt = 1,
        crops_total: PositiveInt | None = None,
        sampling: Literal["random", "grid"] = "random",
        stride: PositiveInt | None = None,
        positive_fraction: Fraction = 0.0,
        positive_classes: list[str] | None = None,
        balance: Literal["none", "classes"] = "none",
        pad_to_crop: bool = False,
        redraw_crops: bool = True,
        eval_size: PositiveInt | None = None,
        normalize: Literal["dataset", "image", "imagenet", "unit"] = "dataset",
        loader: LoaderOptions | dict[str, Any] | None = None,
    ) -> None:
        """Stores the settings; files are read by :meth:`setup`.

        Args:
            augment: Random changes to training samples; None: none.
            seed: First part of the key of all random draws.
            crop_size: Side of the square training crops in pixels; None: whole images.
            crops_per_image: Crops of each image an epoch.
            crops_total: Crops an epoch in all, spread evenly; overrides ``crops_per_image``.
            sampling: ``random``: crops at random places; ``grid``: every window of a regular grid once an epoch, which
                the three keys above and the two below do not change.
            stride: Step of the grid; None: ``crop_size``, windows without overlap.
            positive_fraction: At least this share of the samples holds a pixel of ``positive_classes``.
            positive_classes: Names of the classes that count as foreground; None: all but the first.
            balance: ``classes``: a class is drawn first, then an image that has it; ``none``: images in turn.
            pad_to_crop: Whether images smaller than ``crop_size`` are mirrored around up to it (255 in the mask there);
                False: they are an error.
            redraw_crops: Other crops each epoch; False: one fixed set.
            eval_size: Side to which validation and test images are resized; None: native size.
            normalize: ``dataset``: minus mean, over standard deviation of the training images; ``image``: the same
                with each image's own; ``imagenet``: with those of ImageNet, what a pretrained encoder was trained with
                (RGB only); ``unit``: over 255.
            loader: Options of the DataLoaders.
        """
        before = set(vars(self))
        super().__init__()
        self.augment = augment or Augment()
        self.seed = seed
        self.crop_size = crop_size
        self.crops_per_image = crops_per_image
        self.crops_total = crops_total
        self.sampling = sampling
        self.stride = stride
        self.positive_fraction = positive_fraction
        self.positive_classes = positive_classes
        self.balance = balance
        self.pad_to_crop = pad_to_crop
        self.redraw_crops = redraw_crops
        self.eval_size = eval_size
        self.normalize = normalize
        self.loader = loader if isinstance(loader, LoaderOptions) else LoaderOptions(**(loader or {}))
        self.first_epoch = 0
        self.notes: list[str] = []
        self.skipped: list[dict[str, str]] = []
        self._items: Items | None = None
        self._surveys: dict[Phase, list[Survey]] = {}
        self._places: Places | None = None
        self._spec: DataSpec | None = None
        self._shared = (set(vars(self)) | {"_shared"}) - before

    @abstractmethod
    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Names of the classes in the order of their mask values, and their colours."""

    @abstractmethod
    def read(self) -> Items:
        """Reads and checks all files, by the data set's own keys alone: a sweep may read once for jobs that share them.

        Raises:
            DataError: A file is missing, unreadable or does not fit; nothing has been written by then.
        """

    def observers(self) -> Mapping[str, Mapping[str, Mask]]:
        """Other people's masks of test images by observer and image name, scored beside the model."""
        return {}

    def scored_region(self) -> str:
        """Which pixels the figures speak of, in words."""
        return "all pixels"

    def look(self, item: Item, classes: int) -> Survey | None:
        """Looks at all pixels of an item; data sets that know files again by their fingerprint say so here.

        Returns:
            None: the item is to be left out, which the data set has noted.
        """
        return survey(item, classes)

    def pixel_size(self) -> float | None:
        """Side of a pixel on the ground in metres, where the files say it; asked after :meth:`read`."""
        return None

    def settled(self) -> Mapping[str, Any]:
        """Keys that the config leaves to the data, and what became of them; asked after :meth:`setup`."""
        return {}

    def setup(self, stage: str | None = None) -> None:
        """Reads the data once; Lightning calls this again for every stage.

        Raises:
            DataError: The files are at fault.
            ConfigError: A crop does not fit into an image.
        """
        if self._items is not None:
            return
        items = reading.read(self)
        if self.eval_size is not None:
            for phase in ("val", "test"):
                items[phase] = [item.resized(self.eval_size) for item in items[phase]]
        items = self._looked_at(items)
        channels, dtype = check_alike([item for phase in PHASES for item in items[phase]])
        pad = self.pad_to_crop and self.sampling == "random"
        self.notes += check_crops(items["train"], self.crop_size, self.loader.batch_size, pad=pad)
        check_whole(items["val"] + items["test"], self.loader.eval_batch_size)
        names, colours = self.classes()
        mean, std = self._mean_and_std(channels, dtype)
        scaling: Literal["fixed", "image"] = "image" if self.normalize == "image" else "fixed"
        self._places = self._make_places(items["train"])
        self._spec = DataSpec(names, colours, channels, mean, std, scaling, pixel_size=self.pixel_size())
        self._items = items

    def own_attributes(self) -> dict[str, Any]:
        """What the data set itself has set, without that which all data sets share."""
        return {name: value for name, value in vars(self).items() if name not in self._shared}

    def _looked_at(self, items: Items) -> Items:
        """Surveys every image; what cannot be used is left out, if the data set allows that."""
        classes = len(self.classes()[0])
        kept: Items = {}
        for phase in PHASES:
            pairs = [(item, found) for item in items[phase] if (found := self.look(item, classes)) is not None]
            if phase == "train":
                blank = [item.name for item, found in pairs if not found.counted]
                if blank:
                    self.notes.append(
                        f"{len(blank)} training images have no pixel that counts, left out: {_few(blank)}"
                    )
                pairs = [(item, found) for item, found in pairs if found.counted]
            if not pairs:
                raise DataError(f"no image is left for {phase}; see what was left out: {_few(self.notes)}")
            kept[phase] = [item for item, _ in pairs]
            self._surveys[phase] = [found for _, found in pairs]
        return kept

    def class_pixels(self, phase: Phase) -> NDArray[np.int64]:
        """Pixels per image and class, int64 (N, C)."""
        self.setup()
        return class_counts(self._surveys[phase])

    def _make_places(self, items: list[Item]) -> Places:
        counts = class_counts(self._surveys["train"])
        if self.sampling == "random":
            count = self.crops_total or self.crops_per_image * len(items)
            positive, balanced = self._positive_numbers(), self.balance == "classes"
            return RandomPlaces(items, count, self.crop_size, counts, self.positive_fraction, positive, balanced)
        if self.crop_size is None:
            raise ConfigError("datamodule.crop_size: found null, but sampling=grid needs the side of its windows")
        ignored = [found.ignored > 0 for found in self._surveys["train"]]
        grid = GridPlaces(items, self.crop_size, self.stride or self.crop_size, ignored)
        if grid.left_out:
            self.notes.append(f"{grid.left_out} windows of the grid hold no pixel that counts and are left out")
        return grid

    def _positive_numbers(self) -> list[int]:
        names = self.classes()[0]
        if self.positive_classes is None:
            return list(range(1, len(names)))
        for name in self.positive_classes:
            if name not in names:
                raise ConfigError(f"datamodule.positive_classes: no class {name!r}; there are {', '.join(names)}")
        return [names.index(name) for name in self.positive_classes]

    def _mean_and_std(self, channels: int, dtype: np.dtype[Any]) -> tuple[Measures, Measures]:
        if self.normalize == "dataset":
            return mean_and_std(self._surveys["train"])
        if self.normalize == "imagenet":
            if channels != len(IMAGENET_MEAN) or dtype != np.uint8:
                raise ConfigError(
                    f"datamodule.normalize: found imagenet, which is for 8-bit RGB, but the images have {channels} "
                    f"channels of {dtype}; use dataset"
                )
            return IMAGENET_MEAN, IMAGENET_STD
        return (0.0,) * channels, (float(np.iinfo(dtype).max),) * channels

    @property
    def spec(self) -> DataSpec:
        """Channels, classes and scaling; known after :meth:`setup`."""
        self.setup()
        if self._spec is None:
            raise RuntimeError("setup did not define the spec")
        return self._spec

    def items(self, phase: Phase) -> list[Item]:
        """Decoded images of a phase."""
        self.setup()
        if self._items is None:
            raise RuntimeError("setup did not define the items")
        return self._items[phase]

    @property
    def samples_per_epoch(self) -> int:
        """Training samples an epoch."""
        return len(self.places)

    @property
    def places(self) -> Places:
        """Where the training samples are cut."""
        self.setup()
        if self._places is None:
            raise RuntimeError("setup did not define the places")
        return self._places

    def train_dataloader(self) -> DataLoader[Sample]:
        """Random crops in random order."""
        crops = RandomCrops(
            self.places,
            self.crop_size,
            self.augment,
            self.seed,
            redraw=self.redraw_crops,
            stats=self.normalize == "image",
        )
        sampler = KeyedSampler(len(crops), self.seed, shuffle=True)
        # Workers ask for their first samples before Lightning tells the sampler which epoch a resumed run is in.
        sampler.set_epoch(self.first_epoch)
        return make_loader(crops, sampler, self.loader, training=True)

    def val_dataloader(self) -> DataLoader[Sample]:
        """Whole validation images."""
        return self._whole("val")

    def test_dataloader(self) -> DataLoader[Sample]:
        """Whole test images."""
        return self._whole("test")

    def _whole(self, phase: Phase) -> DataLoader[Sample]:
        whole = WholeImages(self.items(phase))
        return make_loader(whole, KeyedSampler(len(whole), self.seed, shuffle=False), self.loader, training=False)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Sends uint8, a quarter of float32, without waiting."""
        moved: Batch = {
            "image": batch["image"].to(device, non_blocking=True),
            "mask": batch["mask"].to(device, non_blocking=True),
            "index": batch["index"],
        }
        if "stats" in batch:
            moved["stats"] = batch["stats"].to(device, non_blocking=True)
        return moved

    def describe(self) -> dict[str, Any]:
        """Sizes, names and settings of the data, for run.json."""
        described: dict[str, Any] = {"classes": list(self.spec.classes), "notes": list(self.notes)}
        for phase in PHASES:
            items = self.items(phase)
            side = self.crop_size if phase == "train" else None
            height, width = (side, side) if side else items[0].shape
            samples = self.samples_per_epoch if phase == "train" else len(items)
            described[phase] = {
                "images": len(items),
                "samples": samples,
                "shape": [samples, self.spec.in_channels, height, width],
                "names": [item.name for item in items],
            }
        described["loader"] = asdict(self.loader)
        described["skipped"] = list(self.skipped)
        return described


def _few(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
