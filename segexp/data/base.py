"""The datamodule that all data sets share: sampling, scaling and loaders around decoded items."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import torch
from torch.utils.data import DataLoader

from segexp.data.checks.survey import Survey
from segexp.data.items.item import Item
from segexp.data.read_images import ReadImages
from segexp.data.sampling.batches import KeyedBatches
from segexp.data.sampling.crop_locations import CropLocations
from segexp.data.sampling.loader import make_batches, make_loader
from segexp.data.sampling.on_device.checks import check_device_memory
from segexp.data.sampling.on_device.images import DeviceImages
from segexp.data.sampling.on_device.plans import CropPlans
from segexp.data.sampling.samples import Batch, KeyedSampler, RandomCrops, Sample, WholeImages
from segexp.data.settings import Items
from segexp.data.splits.rules import PHASES, Phase
from segexp.moved import renamed
from segexp.spec import DataSpec

__all__ = ["ImageDataModule", "Items"]


class ImageDataModule(ReadImages):
    """Reads items once, then serves random crops for training and whole images for validation and test.

    A data set says what its classes are (:meth:`classes`) and reads its files (:meth:`read`); all keys below are
    shared by every data set.
    """

    def __init__(self, **shared: Any) -> None:
        """Stores the settings; files are read by :meth:`setup`.

        Args:
            **shared: Keys of every data set.
        """
        before = set(vars(self))
        super().__init__(**shared)
        self._items: Items | None = None
        self._surveys: dict[Phase, list[Survey]] = {}
        self._places: CropLocations | None = None
        self._spec: DataSpec | None = None
        self._on_device: DeviceImages | None = None
        self._shared = (set(vars(self)) | {"_shared"}) - before

    @property
    def origin(self) -> "ImageDataModule":
        """The data set that the images come from: itself, unless images of it are evaluated."""
        return self

    def trained_items(self) -> list[Item]:
        """Training images of the data set that the test images come from; none where these are not apart from them."""
        return self.items("train")

    def loaded_samples(self) -> RandomCrops | CropPlans:
        """Training samples as loading processes make them: pixels, or with ``loader.on_device`` where these lie."""
        crops = self.train_samples()
        return CropPlans(crops, self.items("train")) if self.loader.on_device else crops

    def train_batches(self) -> KeyedBatches:
        """Sample numbers of the training batches of each epoch."""
        return make_batches(KeyedSampler(len(self.places), self.seed, shuffle=True), self.loader, training=True)

    def train_dataloader(self) -> DataLoader[Any]:
        """Random crops in random order; with ``loader.on_device`` of each only where its pixels lie.

        :meth:`transfer_batch_to_device` makes the same batches of both.
        """
        samples = self.loaded_samples()
        sampler = KeyedSampler(len(samples), self.seed, shuffle=True, repeats=self.repeats)
        # Workers ask for their first samples before Lightning tells the sampler which epoch it is, of a run that goes
        # on or of a loader that is made anew.
        sampler.set_epoch(max(self.first_epoch, self.trainer.current_epoch if self.trainer is not None else 0))
        return make_loader(samples, sampler, self.loader, training=True, begin=(self.first_epoch, self.first_batch))

    def val_dataloader(self) -> DataLoader[Sample]:
        """Whole validation images."""
        return self._whole("val")

    def test_dataloader(self) -> DataLoader[Sample]:
        """Whole test images."""
        return self._whole("test")

    def predict_dataloader(self) -> DataLoader[Sample]:
        """Whole test images."""
        return self._whole("test")

    def _whole(self, phase: Phase) -> DataLoader[Sample]:
        whole = WholeImages(self.items(phase))
        return make_loader(whole, KeyedSampler(len(whole), self.seed, shuffle=False), self.loader, training=False)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Sends uint8, a quarter of float32, without waiting; or takes the batch from what lies on the device."""
        if "plan" in batch:
            return self._images_on(device).batch(batch["plan"], batch["index"])
        # A loader of the user's own may still speak of a mask, as version 0.1 did.
        batch = batch if "target" in batch else Batch(batch, target=batch["mask"])
        sent = {key: batch[key].to(device, non_blocking=True) for key in ("image", "target", "stats") if key in batch}
        return Batch(sent, index=batch["index"])

    def check_device(self, device: str) -> None:
        """Compares the training images with the memory of the device, where they are to lie on it.

        Args:
            device: ``cpu``, ``cuda`` or ``mps``.

        Raises:
            ConfigError: They do not fit.
        """
        if self.loader.on_device:
            check_device_memory(self.items("train"), device)

    def _images_on(self, device: torch.device) -> DeviceImages:
        """The training images on the device; the first batch takes them there."""
        if self._on_device is None or self._on_device.device != device:
            stats = self.normalize == "image"
            self._on_device = DeviceImages(self.items("train"), self.crop_size, device, stats=stats)
        return self._on_device

    def teardown(self, stage: str) -> None:
        """Gives back the memory that the training images take on the device."""
        self._on_device = None

    def describe(self) -> dict[str, Any]:
        """Sizes, names and settings of the data, for run.json; of sides that differ the smallest and the largest."""
        described: dict[str, Any] = {"classes": list(self.spec.classes), "notes": list(self.notes)}
        for phase in PHASES:
            items = self.items(phase)
            side = self.crop_size if phase == "train" else None
            height, width = (side, side) if side else map(_span, zip(*(item.shape for item in items), strict=True))
            samples = self.samples_per_epoch if phase == "train" else len(items)
            described[phase] = {
                "images": len(items),
                "samples": samples,
                "shape": [samples, self.spec.in_channels, height, width],
                "names": [item.name for item in items],
            }
        if (sizes := self.spec.sizes) is not None:
            described["train"]["sizes"] = sizes.to_dict(self.spec.pixel_size)
        described["loader"] = asdict(self.loader)
        described["skipped"] = list(self.skipped)
        return described


def _span(sides: Collection[int]) -> int | list[int]:
    low, high = min(sides), max(sides)
    return low if low == high else [low, high]


def __getattr__(name: str) -> Any:
    """The class under its name of version 0.1, when every task was a segmentation."""
    if name != "SegmentationDataModule":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    renamed("SegmentationDataModule", "ImageDataModule")
    return ImageDataModule
