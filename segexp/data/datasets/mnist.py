"""Handwritten digits: the files of MNIST (LeCun et al. 1998), and sets in its form such as Fashion-MNIST."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from segexp.data.base import ImageDataModule, Items
from segexp.data.checks.survey import Survey
from segexp.data.datasets.file_layout import list_contents
from segexp.data.items.forms import LABEL_FORM
from segexp.data.items.item import Item
from segexp.data.root_folder import check_root
from segexp.data.splits.rules import take_validation
from segexp.errors import ConfigError, DataError
from segexp.rasters.formats.idx import read_idx
from segexp.spec import LabelTarget
from segexp.types import Fraction, Range, Seed

FILES = {"train": "60,000", "t10k": "10,000"}
"""Parts of the set as its files are called, and how many images the genuine ones hold."""
Digit = Annotated[int, Range(low=0, high=9)]


class MnistDataModule(ImageDataModule):
    """Grey digits of 28x28 pixels, each with its class; the images of ``t10k`` are tested.

    The classes are the digits that are asked for. An image is called after its place in the file: ``train_00012``.
    """

    root_folder: ClassVar[str] = (
        "that holds the four files of MNIST, train-images-idx3-ubyte and so on, packed (.gz) or not"
    )

    def __init__(
        self,
        root: str,
        digits: list[Digit] | None = None,
        val_fraction: Fraction = 0.15,
        hold_out: bool = True,
        split_seed: Seed = 0,
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder of the four files, or the one above it: ``MNIST/raw`` or ``MNIST``.
            digits: Which digits are used; None: all ten.
            val_fraction: Share of the images of ``train`` that validate, the same of each digit.
            hold_out: Whether these are kept out of training; False: all images train, and the validation images, then
                called ``seen_00012``, are among them: what is chosen on them is chosen on training images.
            split_seed: Seed of the choice of validation images.
            **shared: Keys of every data set.

        Raises:
            ConfigError: A digit is named twice, or none is.
        """
        super().__init__(**shared)
        if digits is not None and (len(set(digits)) != len(digits) or not digits):
            raise ConfigError(f"datamodule.digits: found {digits}, expected one or more different digits")
        self.root = Path(root).expanduser()
        self.digits = list(range(10)) if digits is None else digits
        self.val_fraction = val_fraction
        self.hold_out = hold_out
        self.split_seed = split_seed

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Sixty drawn digits for training and thirty for the test."""
        from segexp.data.synthetic.digits import write_digits

        write_digits(folder / "MNIST", train=60, test=30)
        return {"root": str(folder / "MNIST"), "normalize": "dataset"}

    @classmethod
    def write_drawn(cls, folder: Path) -> dict[str, Any]:
        """A thousand drawn digits for training and 400 for the test."""
        from segexp.data.synthetic.digits import write_digits

        write_digits(folder / "MNIST", train=1000, test=400)
        return {"root": str(folder / "MNIST")}

    def target(self) -> LabelTarget:
        """The digit."""
        return LabelTarget(tuple(map(str, self.digits)))

    def read(self) -> Items:
        """Reads the four files; deals the images of ``train`` into training and validation."""
        check_root(self.root, self.root_folder)
        train, test = self._part("train", "train"), self._part("t10k", "test")
        kinds = {item.name: str(int(item.target)) for item in train}
        tested = [item.name for item in test]
        chosen = set(take_validation(list(kinds), tested, self.val_fraction, self.split_seed, strata=kinds)["val"])
        validating = [item for item in train if item.name in chosen]
        if self.hold_out:
            return {"train": [item for item in train if item.name not in chosen], "val": validating, "test": test}
        self.notes.append(
            f"datamodule.hold_out=false: all {len(train)} images of train are trained on, and the {len(validating)} "
            "that validate (seen_...) are among them: val figures, and the choice of the best epoch, are of training "
            "images"
        )
        return {"train": train, "val": [_seen(item) for item in validating], "test": test}

    def look(self, item: Item, classes: int) -> Survey:
        """Sums of the pixels; copies matter to no one here, so that no fingerprint is made of 70,000 images."""
        image = item.image.astype(np.int64)
        # A reconstruction counts no classes.
        counts = [image.size if number == int(item.target) else 0 for number in range(classes)]
        return Survey(counts, 0, [int(image.sum())], [int((image**2).sum())])

    def _part(self, part: str, phase: str) -> list[Item]:
        images, labels = read_idx(self._file(part, "images", 3)), read_idx(self._file(part, "labels", 1))
        if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
            raise DataError(
                f"{self._file(part, 'images', 3)}: holds an array {images.shape}, its labels {labels.shape}; expected "
                f"(N, H, W) and (N,), N = {FILES[part]} of the genuine set: copy both again"
            )
        found = self._chosen(phase, images, labels)
        if not found:
            raise DataError(
                f"{self._file(part, 'labels', 1)}: none of its {len(labels)} labels is among datamodule.digits="
                f"{self.digits}"
            )
        return found

    def _chosen(self, phase: str, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> list[Item]:
        place = {digit: number for number, digit in enumerate(self.digits)}
        return [
            Item(f"{phase}_{n:05d}", image[..., None], np.uint8(place[int(label)]), form=LABEL_FORM)
            for n, (image, label) in enumerate(zip(images, labels, strict=True))
            if int(label) in place
        ]

    def _file(self, part: str, what: str, axes: int) -> Path:
        """The file of a part, packed or not, below the root or ``raw`` in it; the dot of some copies is no matter."""
        names = [f"{part}-{what}{mark}idx{axes}-ubyte{end}" for end in ("", ".gz") for mark in "-."]
        places = [folder / name for folder in (self.root, self.root / "raw") for name in names]
        found = next((path for path in places if path.is_file()), None)
        if found is None:
            raise DataError(
                f"datamodule.root: no {names[0]} or {names[0]}.gz in {self.root} or {self.root / 'raw'}; "
                f"{self.root} holds {list_contents(self.root)}"
            )
        return found


def _seen(item: Item) -> Item:
    """A training image as a validation image, by another name: no two images share one."""
    return Item(item.name.replace("train", "seen"), item.image, item.target, item.group, item.form)
