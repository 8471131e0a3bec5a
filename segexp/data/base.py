"""The datamodule that all data sets share: sampling, scaling and loaders around decoded items."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from segexp.data.augment import Augment
from segexp.data.items import Item, Mask, statistics
from segexp.data.loader import make_loader
from segexp.data.samples import Batch, KeyedSampler, RandomCrops, Sample, WholeImages
from segexp.data.splits import PHASES, Phase
from segexp.errors import ConfigError
from segexp.spec import DataSpec, Measures
from segexp.types import LoaderOptions, NonNegativeInt, PositiveInt

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
            redraw_crops: Other crops each epoch; False: one fixed set.
            eval_size: Side to which validation and test images are resized; None: native size.
            normalize: ``dataset``: minus mean, over standard deviation of the training images; ``image``: the same
                with each image's own; ``imagenet``: with those of ImageNet, what a pretrained encoder was trained with
                (RGB only); ``unit``: over 255.
            loader: Options of the DataLoaders.
        """
        super().__init__()
        self.augment = augment or Augment()
        self.seed = seed
        self.crop_size = crop_size
        self.crops_per_image = crops_per_image
        self.crops_total = crops_total
        self.redraw_crops = redraw_crops
        self.eval_size = eval_size
        self.normalize = normalize
        self.loader = loader if isinstance(loader, LoaderOptions) else LoaderOptions(**(loader or {}))
        self.first_epoch = 0
        self.notes: list[str] = []
        self._items: Items | None = None
        self._spec: DataSpec | None = None

    @abstractmethod
    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Names of the classes in the order of their mask values, and their colours."""

    @abstractmethod
    def read(self) -> Items:
        """Reads and checks all files.

        Raises:
            DataError: A file is missing, unreadable or does not fit; nothing has been written by then.
        """

    def observers(self) -> Mapping[str, Mapping[str, Mask]]:
        """Other people's masks of test images by observer and image name, scored beside the model."""
        return {}

    def scored_region(self) -> str:
        """Which pixels the figures speak of, in words."""
        return "all pixels"

    def setup(self, stage: str | None = None) -> None:
        """Reads the data once; Lightning calls this again for every stage.

        Raises:
            DataError: The files are at fault.
            ConfigError: A crop does not fit into an image.
        """
        if self._items is not None:
            return
        items = self.read()
        self._check_crops(items["train"])
        if self.eval_size is not None:
            for phase in ("val", "test"):
                items[phase] = [item.resized(self.eval_size) for item in items[phase]]
        self._check_whole(items["val"] + items["test"])
        names, colours = self.classes()
        channels = items["train"][0].image.shape[2]
        mean, std = self._mean_and_std(items["train"], channels)
        scaling: Literal["fixed", "image"] = "image" if self.normalize == "image" else "fixed"
        self._spec = DataSpec(names, colours, channels, mean, std, scaling)
        self._items = items

    def _mean_and_std(self, items: list[Item], channels: int) -> tuple[Measures, Measures]:
        if self.normalize == "dataset":
            return statistics(items)
        if self.normalize == "imagenet":
            if channels != len(IMAGENET_MEAN):
                raise ConfigError(
                    f"datamodule.normalize: found imagenet, which is for RGB, but the images have {channels} channels; "
                    "use dataset"
                )
            return IMAGENET_MEAN, IMAGENET_STD
        return (0.0,) * channels, (255.0,) * channels

    def _check_crops(self, items: list[Item]) -> None:
        if self.crop_size is None:
            sizes = {item.mask.shape for item in items}
            if len(sizes) > 1 and self.loader.batch_size > 1:
                raise ConfigError("datamodule.crop_size: images have different sizes; set one to train in batches")
            return
        for item in items:
            height, width = item.mask.shape
            if min(height, width) < self.crop_size:
                raise ConfigError(
                    f"datamodule.crop_size: found {self.crop_size}, but {item.name} has {height}x{width} pixels; "
                    f"use at most {min(height, width)}"
                )

    def _check_whole(self, items: list[Item]) -> None:
        sizes = {item.mask.shape for item in items}
        if len(sizes) > 1 and self.loader.eval_batch_size > 1:
            raise ConfigError(
                f"datamodule.loader.eval_batch_size: found {self.loader.eval_batch_size}, but validation and test "
                "images have different sizes; use 1, or set datamodule.eval_size"
            )

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
        return self.crops_total or self.crops_per_image * len(self.items("train"))

    def train_dataloader(self) -> DataLoader[Sample]:
        """Random crops in random order."""
        crops = RandomCrops(
            self.items("train"),
            self.samples_per_epoch,
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
            height, width = (side, side) if side else items[0].mask.shape
            samples = self.samples_per_epoch if phase == "train" else len(items)
            described[phase] = {
                "images": len(items),
                "samples": samples,
                "shape": [samples, self.spec.in_channels, height, width],
                "names": [item.name for item in items],
            }
        described["loader"] = asdict(self.loader)
        return described
