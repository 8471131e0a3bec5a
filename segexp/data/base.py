"""The datamodule that all data sets share: sampling, scaling and loaders around decoded items."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from segexp.data import reading
from segexp.data.checks.lookalikes import describe_lookalikes, find_lookalikes
from segexp.data.checks.object_sizes import measure_sizes
from segexp.data.checks.problems import Problem, problem_of, refuse
from segexp.data.checks.sizes import check_absent_classes, find_most_common, find_same_pixels, find_smaller, name_some
from segexp.data.checks.survey import Survey, class_counts, survey_image
from segexp.data.items.item import Item, Mask
from segexp.data.sampling.batches import KeyedBatches
from segexp.data.sampling.border_share import beyond_notes
from segexp.data.sampling.crop_locations import CropLocations, GridLocations, RandomLocations
from segexp.data.sampling.loader import make_batches, make_loader
from segexp.data.sampling.normalization import constants
from segexp.data.sampling.on_device.checks import check_device_memory
from segexp.data.sampling.on_device.images import DeviceImages
from segexp.data.sampling.on_device.plans import CropPlans
from segexp.data.sampling.samples import Batch, KeyedSampler, RandomCrops, Sample, WholeImages
from segexp.data.settings import DataSettings, Items
from segexp.data.splits.rules import PHASES, Phase, Split, find_moved
from segexp.errors import DataError, UserError
from segexp.moved import renamed
from segexp.runs.console import progress
from segexp.spec import DataSpec

__all__ = ["ImageDataModule", "Items"]


class ImageDataModule(DataSettings):
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

    def setup(self, stage: str | None = None) -> None:
        """Reads the data once; Lightning calls this again for every stage.

        Raises:
            DataError: The files are at fault.
            ConfigError: A crop does not fit into an image.
        """
        if self._items is not None:
            return
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

    def _check_forms(self, items: list[Item]) -> None:
        """Compares what items say of their targets with the data set's own: crops and changes go by it."""
        form = self.target().form
        if (other := next((item for item in items if item.form.name != form), None)) is not None:
            raise DataError(
                f"{other.name}: its target is cropped as a {other.form.name} is, but {type(self).__name__}.target() "
                f"gives a {type(self.target()).__name__}, of which targets are cropped as a {form} is"
            )

    def own_attributes(self) -> dict[str, Any]:
        """Attributes that the data set itself has set, without those that all data sets share."""
        return {name: value for name, value in vars(self).items() if name not in self._shared}

    def _looked_at(self, items: Items) -> Items:
        """Surveys every image; what cannot be used is left out, if the data set allows that."""
        found: dict[Phase, list[tuple[Item, Survey]]] = {phase: [] for phase in PHASES}
        problems: list[Problem] = []
        every = [(phase, item) for phase in PHASES for item in items[phase]]
        self._check_forms([item for _, item in every])
        for phase, item in progress(every, len(every), "looking at images"):
            try:
                found[phase].append((item, self.look(item, len(self.counted_classes()))))
            except DataError as error:
                if not self.leaves_out(item.name, error):
                    problems.append(problem_of(error))
        if self.copies_matter:
            problems += self._leave_out_copies(found)
        refuse(problems)
        if self.copies_matter and (pairs_alike := find_lookalikes(found)):
            self.notes.append(describe_lookalikes(pairs_alike))
        surveys = {p: [seen for _, seen in pairs] for p, pairs in found.items()}
        absent = list(check_absent_classes(surveys, self.counted_classes(), of_images=self._of_images(items)))
        refuse(absent)
        self.notes += [problem.text for problem in absent]
        found["train"] = self._with_pixels(found["train"])
        for phase in PHASES:
            if not found[phase]:
                raise DataError(f"no image is left for {phase}; see what was left out: {name_some(self.notes)}")
            self._surveys[phase] = [survey for _, survey in found[phase]]
        return {phase: [item for item, _ in found[phase]] for phase in PHASES}

    def _leave_out_copies(self, found: dict[Phase, list[tuple[Item, Survey]]]) -> list[Problem]:
        """Images that are in two parts: left out of the earlier one as asked, or a problem."""
        problems = []
        for name, copied in find_same_pixels(found, self.sources):
            if not self.leaves_out(name, copied):
                problems.append(problem_of(copied, kind="duplicates"))
                continue
            for phase in PHASES:
                found[phase] = [(item, seen) for item, seen in found[phase] if item.name != name]
        return problems

    def _with_pixels(self, found: list[tuple[Item, Survey]]) -> list[tuple[Item, Survey]]:
        """Training images that have a pixel that counts."""
        blank = [item.name for item, survey in found if not survey.counted]
        if blank:
            self.notes.append(f"{len(blank)} training images have no pixel that counts, left out: {name_some(blank)}")
        return [(item, survey) for item, survey in found if survey.counted]

    def _of_images(self, items: Items) -> bool:
        """Whether an image is of one class."""
        return any(item.form.classes_of == "image" for phase in PHASES for item in items[phase][:1])

    def class_pixels(self, phase: Phase) -> NDArray[np.int64]:
        """Pixels per image and class, int64 (N, C); where an image is of one class, 1 for that."""
        self.setup()
        counts = class_counts(self._surveys[phase])
        return np.sign(counts) if self._items is not None and self._of_images(self._items) else counts

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

    @property
    def origin(self) -> "ImageDataModule":
        """The data set that the images come from: itself, unless images of it are evaluated."""
        return self

    def trained_items(self) -> list[Item]:
        """Training images of the data set that the test images come from; none where these are not apart from them."""
        return self.items("train")

    @property
    def samples_per_epoch(self) -> int:
        """Training samples an epoch."""
        return len(self.places)

    @property
    def places(self) -> CropLocations:
        """Locations at which the training samples are cut."""
        self.setup()
        if self._places is None:
            raise RuntimeError("setup did not define the places")
        return self._places

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
        if (sizes := self.spec.sizes) is not None:
            described["train"]["sizes"] = sizes.to_dict(self.spec.pixel_size)
        described["loader"] = asdict(self.loader)
        described["skipped"] = list(self.skipped)
        return described


def __getattr__(name: str) -> Any:
    """The class under its name of version 0.1, when every task was a segmentation."""
    if name != "SegmentationDataModule":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    renamed("SegmentationDataModule", "ImageDataModule")
    return ImageDataModule
