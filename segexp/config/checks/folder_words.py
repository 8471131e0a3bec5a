"""The words for a folder of images and masks that was given where no folder stands: ``data=leaves``."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from segexp.config.overrides.quoting import printed

_BLOCKS = ("", "data", "dataset", "datamodule")
_NAMES = ("data", "dataset", "root", "path", "dir", "folder", "data_dir", "data_path", "data_root", "data_folder")


def folder_words(key: str, value: object, valid: Sequence[str], options: Mapping[str, Sequence[str]]) -> str | None:
    """Words that take a folder as the data set; None: the key does not speak of data, or there is no such folder.

    Args:
        key: As given, which is no key of the config.
        value: As given.
        valid: All keys of the config.
        options: Options of each group that the command has.
    """
    block, _, name = key.rpartition(".")
    if block not in _BLOCKS or name not in _NAMES:
        return None
    if "datamodule.root" in valid and is_folder(value):
        return printed("datamodule.root", str(value))
    return chosen_folder(value, options.get("datamodule", ()))


def chosen_folder(value: object, names: Sequence[str]) -> str | None:
    """Words that choose the data set ``folder`` with this root; None: there is no such folder, or no such option.

    Args:
        value: A path, maybe.
        names: Options of the group ``datamodule``.
    """
    if "folder" not in names or not is_folder(value):
        return None
    return f"datamodule=folder {printed('datamodule.root', str(value))}"


def say_folder(words: str) -> str:
    """A sentence with the words for a folder of images and masks, and those for one of classes where they differ."""
    of_classes = words.replace("datamodule=folder", "task=classification datamodule=image_folder", 1)
    first = f"With a folder for each class: {of_classes}. " if of_classes != words else ""
    return f"{first}For a folder of images and masks write: {words}"


def is_folder(value: object) -> bool:
    """Tells whether a value of a command line is the path of a folder that exists."""
    try:
        return isinstance(value, str | int) and str(value) != "" and Path(str(value)).expanduser().is_dir()
    except (OSError, ValueError, RuntimeError):  # too long, with a null byte, or of a user that there is not
        return False
