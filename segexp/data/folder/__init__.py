"""``datamodule=folder``: any images and masks, found by patterns or by a guess that is said."""

from segexp.data.folder.datamodule import FolderDataModule

__all__ = ["FolderDataModule"]
