"""The keys that all data sets share, and whether they fit each other and the images."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import numpy as np

from segexp.data.checks.labels import check_labels, check_target_channels
from segexp.data.checks.problems import Problem, problem_of
from segexp.data.checks.sizes import check_alike, check_crops, check_eval_batches, find_most_common
from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.loader import worker_count
from segexp.data.sampling.loader_memory import loaders_fit
from segexp.data.sampling.normalization import check_normalize
from segexp.data.sampling.on_device.checks import on_device_fits
from segexp.data.splits.rules import PHASES, Phase, Split
from segexp.errors import ConfigError, UserError
from segexp.spec import MaskTarget, Target
from segexp.types import Fraction, LoaderOptions, PositiveInt, Seed

Items = dict[Phase, list[Item]]

_DRAWN = (
    "DRAWN IMAGES in the layout of the data set, not the data set itself (datamodule.generate=true): no figure speaks "
    "of real images"
)


class DataSettings(pl.LightningDataModule):
    """Keys of every data set.

    Attributes:
        repeats: Whether every epoch has the samples of the first.
        first_epoch: Epoch that training starts with; not 0 when a run is resumed.
        first_batch: Its batch that training starts with; not 0 when a run is resumed within an epoch.
        notes: What was decided or passed over, in words.
        skipped: Images that were left out, each with the reason.
        sources: File of each image, for messages; empty where there are no files.
        run_split: Images of each part of the run that goes on, or is tested again; None: a new run.
        copies_matter: Whether an image may not be in two parts.
        unlike: What to do about an image that has other channels than the rest.
        differing: What to do about whole images of different sizes.
    """

    copies_matter = False
    unlike = "convert or remove it"
    differing = "set one to train in batches"

    def __init__(
        self,
        augment: Augment | None = None,
        seed: Seed = 0,
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
        generate: bool = False,
    ) -> None:
        """Stores the settings; files are read later, by ``setup``.

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
            generate: Whether the images are drawn in the layout of the data set, in place of its own: whoever builds
                the datamodule has written them then, see :func:`segexp.data.synthetic.drawn_set.drawn_keys`.
        """
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
        self.generate = generate
        self.first_epoch = 0
        self.first_batch = 0
        self.repeats = False
        self.notes: list[str] = [_DRAWN] if generate else []
        self.skipped: list[dict[str, str]] = []
        self.sources: dict[str, Path] = {}
        self.run_split: Split | None = None

    def add_notes(self, notes: Iterable[str]) -> None:
        """Takes what is said of the data beside what it finds itself, a line each."""
        self.notes += notes

    def repeat_first_epoch(self) -> None:
        """Lets every epoch of the training have the samples of the first, in its order."""
        self.repeats = True

    def begin_at(self, epoch: int, batch: int = 0) -> None:
        """Lets training start with a later epoch than the first (0): crops and order of samples are those of it.

        Args:
            epoch: From 0.
            batch: Of that epoch, from 0: those before it were trained already.
        """
        self.first_epoch, self.first_batch = epoch, batch

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Names of the classes in the order of their mask values, and their colours; data sets of masks say them."""
        raise NotImplementedError(f"{type(self).__name__} has neither classes() nor target()")

    def target(self) -> Target:
        """The target that a model learns; a mask of :meth:`classes` unless a data set says otherwise."""
        return MaskTarget(*self.classes())

    def counted_classes(self) -> tuple[str, ...]:
        """Names of the classes that pixels are counted by; without classes every pixel is of one."""
        names: tuple[str, ...] = getattr(self.target(), "classes", ("image",))
        return names

    def unfit(self, items: Items) -> list[Problem]:
        """Lists what headers and settings alone say against training with these images; no pixel is read."""
        every = [item for phase in PHASES for item in items[phase]]
        if not every:
            return []
        (channels, dtype), _ = find_most_common(every)
        pad = self.pad_to_crop and self.sampling == "random"
        others = items["val"] + items["test"]
        return [
            *check_alike(every, self.sources, self.unlike),
            *check_labels(every, self.counted_classes(), self.sources),
            *check_target_channels(every, getattr(self.target(), "channels", None), self.sources),
            *check_crops(items["train"], self.crop_size, self.loader.batch_size, pad=pad, advice=self.differing),
            *(check_eval_batches(others, self.loader.eval_batch_size) if self.eval_size is None else ()),
            *self._settings(channels, dtype),
            *self.augment.problems(channels, dtype, self._sample_shape(items["train"] or every)),
            *(on_device_fits(items["train"], self.crop_size, self.augment) if self.loader.on_device else ()),
            *loaders_fit(items["train"], others, self.crop_size, self.loader, worker_count(self.loader)),
        ]

    def _sample_shape(self, items: list[Item]) -> tuple[int, int]:
        return items[0].shape if self.crop_size is None else (self.crop_size, self.crop_size)

    def _settings(self, channels: int, dtype: np.dtype[Any]) -> Iterator[Problem]:
        """Keys that do not fit each other or the images."""
        checks: tuple[Callable[[], object], ...] = (
            self.positive_numbers,
            *((self.grid_size,) if self.sampling == "grid" else ()),
            lambda: check_normalize(self.normalize, channels, dtype),
        )
        for check in checks:
            try:
                check()
            except UserError as error:
                yield problem_of(error)

    def grid_size(self) -> int:
        """Side of the windows of a grid.

        Raises:
            ConfigError: Training samples are whole images.
        """
        if self.crop_size is None:
            raise ConfigError("datamodule.crop_size: found null, but sampling=grid needs the side of its windows")
        return self.crop_size

    def positive_numbers(self) -> list[int]:
        """Numbers of the classes that count as foreground.

        Raises:
            ConfigError: A name is none of a class.
        """
        names = self.counted_classes()
        if self.positive_classes is None:
            return list(range(1, len(names)))
        for name in self.positive_classes:
            if name not in names:
                raise ConfigError(f"datamodule.positive_classes: no class {name!r}; there are {', '.join(names)}")
        return [names.index(name) for name in self.positive_classes]
