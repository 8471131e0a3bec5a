"""Images and masks in arrays of ``numpy.save``, one image for each place along the first axis."""

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.folder.masks.palette import choose_class_colours
from segexp.data.items.item import Item
from segexp.data.items.stack_values import StackMask, image_convert
from segexp.data.items.stored import StoredItem
from segexp.data.labels.label_map import LabelMap
from segexp.data.root_folder import check_root
from segexp.errors import ConfigError, DataError
from segexp.rasters.formats.stack import Stack, StackRaster, open_stack
from segexp.spec import IGNORED

Part = tuple[Stack, Stack]
"""Images and their masks."""


class ArraysDataModule(FilesDataModule):
    """``images_training.npy`` (N, H, W, C) with ``seg_training.npy``: class numbers (N, H, W) or one-hot (N, H, W, K).

    Arrays are memory-mapped: a window of an image is read without the rest of the file.
    """

    root_folder: ClassVar[str] = "that holds {images} and {masks}"

    def __init__(
        self,
        root: str,
        images: str = "images_training.npy",
        masks: str = "seg_training.npy",
        test_images: str | None = None,
        test_masks: str | None = None,
        classes: list[str] | None = None,
        mask_values: dict[int, int] | None = None,
        image_values: Literal["stored", "unit", "byte"] = "stored",
        split: Literal["official", "holdout", "kfold"] = "holdout",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder of the arrays.
            images: File of the images, uint8 or uint16 unless ``image_values`` says otherwise.
            masks: File of their classes.
            test_images: File of the images that ``split=official`` tests.
            test_masks: File of their classes.
            classes: Names; None: ``class_0`` and so on for one-hot masks. Class numbers need names.
            mask_values: What class numbers in the file mean; None: 0 is the first class, 255 is ignored.
            image_values: ``stored``: uint8 and uint16 as they are; ``unit``: numbers of 0..1, ``byte``: of 0..255 in
                another type: they become 8 bits, which is noted.
            split: ``official``: the test arrays are tested; ``holdout``, ``kfold``: as for all data sets.
            **shared: Keys of every data set of files.

        Raises:
            ConfigError: ``split=official`` without both test arrays, or one of them alone.
        """
        super().__init__(split=split, **shared)
        self.root = Path(root).expanduser()
        self.files = [(images, masks)]
        if (test_images is None) != (test_masks is None) or (split == "official" and test_images is None):
            raise ConfigError(
                f"datamodule.test_images, datamodule.test_masks: found {test_images} and {test_masks}, but a test "
                "needs both; images without labels are for prediction"
            )
        if split == "official":
            self.files.append((str(test_images), str(test_masks)))
        self.class_names = classes
        self.mask_values = mask_values
        self.image_values = image_values
        self._where: dict[str, tuple[Part, int]] = {}

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Ten drawn images of 40x40 pixels."""
        from segexp.data.synthetic.generate import generate

        generate("buildings", "arrays", folder / "files", count=10, size=40, seed=0)
        return {"root": str(folder / "files"), "crop_size": 32}

    @cached_property
    def _parts(self) -> list[Part]:
        """Headers of all arrays."""
        images, masks = self.files[0]
        check_root(self.root, self.root_folder.format(images=images, masks=masks))
        return [(open_stack(self.root / images), open_stack(self.root / masks)) for images, masks in self.files]

    @cached_property
    def _names(self) -> tuple[str, ...]:
        masks = self._parts[0][1]
        if masks.channels == 1:
            if self.class_names is None:
                raise ConfigError(
                    f"datamodule.classes: found null, but {masks.path} {masks.shape} holds class numbers; name the "
                    "classes in their order: datamodule.classes='[background,object]'"
                )
            return tuple(self.class_names)
        names = tuple(self.class_names or (f"class_{channel}" for channel in range(masks.channels)))
        if len(names) != masks.channels:
            raise ConfigError(
                f"datamodule.classes: found {len(names)} names, but {masks.path} {masks.shape} has {masks.channels} "
                "one-hot channels"
            )
        return names

    @cached_property
    def _labels(self) -> LabelMap | None:
        """Map from class numbers of the file; None: the masks are one-hot."""
        if self._parts[0][1].channels > 1:
            if self.mask_values is not None:
                raise ConfigError("datamodule.mask_values: one-hot masks have no values; leave it null")
            return None
        count = len(self._names)
        return LabelMap(self.mask_values or {**{number: number for number in range(count)}, IGNORED: IGNORED}, count)

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        """Names as given, colours that are told apart."""
        return self._names, tuple(choose_class_colours(len(self._names)))

    def listing(self) -> Listing:
        """An image for each place along the first axis; opens the headers."""
        listing = Listing()
        for number, (part, (file, _)) in enumerate(zip(self._parts, self.files, strict=True)):
            images, masks = part
            listing.problems += self._unfit(images, masks)
            stem = "_".join(Path(file).with_suffix("").parts)
            digits = max(3, len(str(images.count - 1)))
            for index in range(images.count):
                name = f"{stem}_{index:0{digits}d}"
                self._where[name] = (part, index)
                listing.pairs.append(Pair(name, images.path, masks.path))
                if number == 1:
                    listing.tested.append(name)
            if self.image_values != "stored":
                listing.notes.append(f"{images.path}: {images.dtype} of {self.image_values} turned into 8 bits")
        used = {self.root / file for pair in self.files for file in pair}
        listing.notes += [f"{path}: not used" for path in sorted(self.root.glob("*.npy")) if path not in used]
        return listing

    def _unfit(self, images: Stack, masks: Stack) -> list[str]:
        """Says what shapes and types have against the arrays."""
        problems = []
        if images.shape[:3] != masks.shape[:3]:
            problems.append(
                f"{masks.path}: shape {masks.shape}, but its images {images.path} have {images.shape}; expected the "
                "same N, H and W"
            )
        if masks.channels != self._parts[0][1].channels:
            problems.append(f"{masks.path}: {masks.channels} channels, but {self._parts[0][1].path} has others")
        try:
            image_convert(images, self.image_values)
        except DataError as error:
            problems.append(str(error))
        return problems

    def cache_name(self) -> str:
        """Names how images are read and what class numbers mean, for the key of a cache."""
        return f"{self.image_values} {self.mask_values} {len(self._names)}"

    def open(self, pair: Pair) -> Item:
        """One image of the arrays."""
        (images, masks), index = self._where[pair.name]
        raster = StackRaster(images, index, *image_convert(images, self.image_values))
        item = StoredItem(pair.name, raster, StackMask(masks, index, self._labels))
        # All images of an array share its files.
        item.known_as = f"{item.fingerprint}[{index}]"
        return item
