"""What every data set promises: batches as the model expects them, disjoint parts, a seed that decides the crops."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

import numpy as np
import torch

from segexp.data.items.item import Item
from segexp.data.splits.rules import PHASES, Phase
from segexp.inspection.contracts.promise import NotTriedError, Promise, require
from segexp.spec import IGNORED, DataSpec

Batch = Mapping[str, Any]


class DataSet(Protocol):
    """Part of a datamodule that the contracts try."""

    @property
    def spec(self) -> DataSpec:
        """Channels, classes and scaling."""

    @property
    def samples_per_epoch(self) -> int:
        """Training samples of an epoch."""

    def items(self, phase: Phase) -> Sequence[Item]:
        """Images of a part."""

    def train_dataloader(self) -> Iterable[Batch]:
        """Batches of training samples."""

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """A batch of a loader as a task gets it."""

    def val_dataloader(self) -> Iterable[Batch]:
        """Whole validation images."""

    def test_dataloader(self) -> Iterable[Batch]:
        """Whole test images."""

    def setup(self, stage: str) -> None:
        """Reads the data once."""

    def describe(self) -> Mapping[str, Any]:
        """Names of the images of each part, and more."""

    def scored_region(self) -> str:
        """Describes the region of the images that counts."""


@dataclass(frozen=True)
class DataCase:
    """A data set, read anew for each call with a seed of the training.

    Attributes:
        make: Makes it.
        crop: Side of its training samples.
    """

    make: Callable[[int], Any]
    crop: int | None = None

    def read(self, seed: int = 0) -> DataSet:
        """The data set."""
        made: DataSet = self.make(seed)
        if made.spec.target.form not in ("mask", "label", "image"):
            raise NotTriedError(f"its target is a {type(made.spec.target).__name__}: no mask, label or image")
        return made


def _check_batch(batch: Batch, spec: DataSpec) -> None:
    image, index = batch["image"], batch["index"]
    size, channels, height, width = image.shape
    kinds = {key: str(batch[key].dtype) for key in ("image", "index")}
    wanted = {"image": f"torch.{spec.dtype or 'uint8'}", "index": "torch.int64"}
    require(kinds == wanted, f"a batch of {kinds}", f"{wanted}")
    require(channels == spec.in_channels, f"{channels} channels", f"{spec.in_channels}, as spec says")
    require(tuple(index.shape) == (size,), f"an index of {tuple(index.shape)}", "(B,)")
    last = (height * width * channels, 1, width * channels, channels)
    require(image.stride() == last, f"strides {image.stride()} of the images", f"channels last, {last}")
    require(bool(image.float().std() > 0), "images of a single colour", "pictures")
    _check_target(batch, spec)


def _check_target(batch: Batch, spec: DataSpec) -> None:
    """Masks uint8 (B, H, W) of classes and 255, labels (B,) of classes, or images (B, K, H, W)."""
    form, target, (size, _, height, width) = spec.target.form, batch["target"], batch["image"].shape
    shapes = {"mask": (size, height, width), "label": (size,), "image": (size, spec.out_channels, height, width)}
    require(tuple(target.shape) == shapes[form], f"targets of {tuple(target.shape)}", f"{shapes[form]} of {form}s")
    if form == "image":
        return
    found, ignored = set(target.unique().tolist()), {IGNORED} if form == "mask" else set()
    strange = found - {*range(spec.num_classes)} - ignored
    require(not strange, f"{sorted(strange)} in a {form}", f"0..{spec.num_classes - 1}, and {IGNORED} in a mask")
    require(found != ignored, "a batch without a pixel that counts", "some")
    require(form != "mask" or str(target.dtype) == "torch.uint8", f"masks of {target.dtype}", "torch.uint8")


def _training(case: DataCase) -> None:
    data = case.read()
    batches = _batches(data)
    count = sum(len(batch["index"]) for batch in batches)
    require(count == data.samples_per_epoch, f"{count} samples an epoch", f"{data.samples_per_epoch}")
    for batch in batches:
        _check_batch(batch, data.spec)
        sides = tuple(batch["image"].shape[2:])
        require(case.crop is None or sides == (case.crop,) * 2, f"samples of {sides}", f"{case.crop}, the crop_size")


def _whole(case: DataCase) -> None:
    data = case.read()
    loaders: dict[Phase, Iterable[Batch]] = {"val": data.val_dataloader(), "test": data.test_dataloader()}
    for phase, loader in loaders.items():
        items, place = data.items(phase), 0
        for batch in loader:
            _check_batch(batch, data.spec)
            for row, number in enumerate(batch["index"].tolist()):
                require(number == place, f"image {number} of {phase} at place {place}", "images in their order")
                item, image, target = items[place], batch["image"][row], batch["target"][row]
                same = np.array_equal(image.permute(1, 2, 0).numpy(), item.image)
                require(same, f"other pixels of {item.name} in the batch", "those of its item")
                own = (target.permute(1, 2, 0) if target.ndim == 3 else target).numpy()
                require(np.array_equal(own, item.target), f"another target of {item.name}", "that of its item")
                place += 1
        require(place == len(items), f"{place} images of {phase}", f"{len(items)}")


def _parts(case: DataCase) -> None:
    data = case.read()
    every = [item for phase in PHASES for item in data.items(phase)]
    for phase in PHASES:
        require(bool(data.items(phase)), f"no image in {phase}", "some")
    names = [item.name for item in every]
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"names that several images have: {twice[:3]}", "a name each")
    pixels = [blake2b(item.image.tobytes()).digest() for item in every]
    require(len(pixels) == len(set(pixels)), "two images of the same pixels", "each in one part, once")


def _spec(case: DataCase) -> None:
    data = case.read()
    spec = data.spec
    if spec.target.form == "mask":
        counts = len(spec.colours), len(set(spec.classes)), spec.num_classes
        each = len(set(counts)) == 1 and counts[0] > 1
        require(each, f"{counts} colours, names and classes", "a colour and a name each")
    inside = all(0 <= value <= 255 for colour in spec.colours for value in colour)
    require(inside, f"colours {spec.colours}", "0..255")
    widths = len(spec.mean), len(spec.std)
    require(widths == (spec.in_channels,) * 2, f"{widths} means and deviations", f"{spec.in_channels}, one a channel")
    require(min(spec.std) > 0, f"deviations {spec.std}", "above 0")
    if spec.target.form == "image":
        return
    found = {int(value) for phase in PHASES for item in data.items(phase) for value in np.unique(item.target)}
    strange = found - {*range(spec.num_classes), IGNORED}
    require(not strange, f"{sorted(strange)} in masks", f"0..{spec.num_classes - 1}, the classes {spec.classes}")


def _read_once(case: DataCase) -> None:
    data = case.read()
    data.setup("fit")
    first = data.items("train")
    data.setup("test")
    require(data.items("train") is first, "images read again by the second setup", "the same ones")
    names = list(data.describe()["train"]["names"])
    require(names == [item.name for item in first], f"describe() with {names[:3]}", "the names of the images")
    require(isinstance(data.scored_region(), str), f"{data.scored_region()!r}", "words")


def _seed(case: DataCase) -> None:
    first, again, other = (case.read(seed) for seed in (1, 1, 2))
    require(_drawn(first) == _drawn(again), "other training samples of the same seed", "the same")
    require(_drawn(first) != _drawn(other), "the same training samples of another seed", "others")
    for phase in PHASES:
        names = [[item.name for item in data.items(phase)] for data in (first, other)]
        require(names[0] == names[1], f"other images in {phase} for another seed", "the same: split_seed changes it")


def _drawn(data: DataSet) -> bytes:
    return b"".join(batch["image"].contiguous().numpy().tobytes() for batch in _batches(data))


def _batches(data: DataSet) -> list[Batch]:
    """Training batches of an epoch, as a task gets them on the processor."""
    place = torch.device("cpu")
    return [data.transfer_batch_to_device(batch, place, 0) for batch in data.train_dataloader()]


PROMISES = (
    Promise("training", "training batches of images, targets of their form, and numbers", _training),
    Promise("whole", "validation and test give every image whole, once, in order", _whole),
    Promise("parts", "no part is empty, no image is in two", _parts),
    Promise("spec", "spec fits the pixels and targets", _spec),
    Promise("read_once", "files are read once, and described", _read_once),
    Promise("seed", "seed decides the training samples, and not the split", _seed),
)
