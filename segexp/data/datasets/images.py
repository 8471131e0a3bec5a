"""Images alone, without masks or classes: what a reconstruction needs."""

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.folder.channels import Channels, OpaqueRaster, choose_channels, open_headers
from segexp.data.folder.override import format_override
from segexp.data.folder.tree import leave_out_pickles, list_files
from segexp.data.items.forms import IMAGE_FORM
from segexp.data.items.item import Item
from segexp.data.items.stored import StoredItem
from segexp.errors import DataError
from segexp.rasters import open_raster
from segexp.spec import ImageTarget
from segexp.types import PositiveInt


class ImagesDataModule(FilesDataModule):
    """All images of a folder and below it; the target of each is the image itself.

    Images of one folder below the root are a group, by which codes are coloured and scored: its name.
    """

    root_folder: ClassVar[str] = "that holds images"

    unlike = f"{format_override('channels', 'rgb')} or {format_override('channels', 'grey')} brings them to the same"
    differing = "set datamodule.image_size, to which all are resized"

    def __init__(
        self,
        root: str,
        channels: Literal["auto", "all", "rgb", "grey"] = "auto",
        image_size: PositiveInt | None = None,
        split: Literal["holdout", "kfold"] = "holdout",
        **shared: Any,
    ) -> None:
        """Stores the settings.

        Args:
            root: Folder below which the images lie.
            channels: ``all``: as in the files; ``rgb`` and ``grey`` bring all images to that, without alpha; ``auto``:
                by a sample of the images.
            image_size: Side to which all images are resized, whatever their shape; None: native sizes.
            split: ``holdout``, ``kfold``: as for all data sets.
            **shared: Keys of every data set of files.
        """
        super().__init__(split=split, **shared)
        self.root = Path(root).expanduser()
        self.channels: Literal["auto", "all", "rgb", "grey"] = channels
        self.image_size = image_size

    @classmethod
    def write_example(cls, folder: Path) -> dict[str, Any]:
        """Thirty drawn images of 40 and 48 pixels a side, in a folder for each of three kinds."""
        from segexp.data.synthetic.labelled import write_class_folders

        write_class_folders(folder / "files", count=10)
        return {"root": str(folder / "files"), "image_size": 32}

    @cached_property
    def _paths(self) -> tuple[list[str], list[str]]:
        """Images below the root, listed once, and notes of what is passed over."""
        tree, notes = leave_out_pickles(list_files(self.root, what=self.root_folder))
        if not tree.images:
            raise DataError(f"datamodule.root: {self.root} holds no image; found {tree.says() or 'nothing'}")
        return list(tree.images), [*notes, *tree.special]

    def target(self) -> ImageTarget:
        """The image itself."""
        return ImageTarget({"grey": 1, "rgb": 3}.get(self.shown_as) or self._own_channels, itself=True)

    @cached_property
    def _own_channels(self) -> int:
        return open_raster(self.root / self._paths[0][0]).channels

    def listing(self) -> Listing:
        """All images."""
        paths, notes = self._paths
        short = [path.rpartition(".")[0] for path in paths]
        counts = Counter(short)
        names = [path if counts[name] > 1 else name for name, path in zip(short, paths, strict=True)]
        groups = [path.partition("/")[0] if "/" in path else None for path in paths]
        named = zip(names, paths, groups, strict=True)
        return Listing([Pair(name, self.root / path, group=group) for name, path, group in named], notes=list(notes))

    @cached_property
    def shown_as(self) -> Channels:
        """Channels that images are brought to: as ``channels`` says, else by a sample of the images."""
        if self.channels != "auto":
            return self.channels
        return choose_channels(open_headers([self.root / path for path in self._paths[0]]))

    def cache_name(self) -> str:
        """Names what images are brought to, for the key of a cache."""
        return self.shown_as

    def open(self, pair: Pair) -> Item:
        """An image; reads the header."""
        image = open_raster(pair.image)
        shown = image if self.shown_as == "all" else OpaqueRaster(image, self.shown_as)
        return StoredItem(pair.name, shown, None, pair.group, IMAGE_FORM)

    def settled(self) -> dict[str, Any]:
        """The channels, where they were chosen by the files."""
        return {"channels": self.shown_as} if self.channels == "auto" else {}
