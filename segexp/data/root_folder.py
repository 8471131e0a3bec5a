"""The folder that a data set lies in: looked for before anything heavy is imported, and again when files are listed."""

import ast
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from segexp.config.lineage import definition
from segexp.config.signatures.declared_figures import bound
from segexp.config.signatures.plain_lightning import comes_from
from segexp.errors import DataError
from segexp.runs.near_paths import near_paths

ATTRIBUTE = "root_folder"
"""Attribute of a data set's class that says which folder ``datamodule.root`` is, to follow the words ``the folder``.

Keys of the data set in braces stand for their values. A class without it looks for its folder itself.
"""
_BASE = "segexp.data.base.ImageDataModule"


def check_block_root(block: Mapping[str, Any]) -> None:
    """Refuses a block ``datamodule`` whose root is not there; its class is read from source, and not imported.

    Left alone are drawn data, and classes that do not say themselves which folder it is: those look for it later.

    Args:
        block: Checked, with its ``_target_``.

    Raises:
        DataError: The folder is not there.
    """
    root, folder = block.get("root"), _written(str(block.get("_target_")))
    if folder is not None and isinstance(root, str) and block.get("generate") is not True:
        check_root(Path(os.path.expanduser(root)), _filled(folder, block))  # noqa: PTH111 - of any text


def _filled(folder: str, block: Mapping[str, Any]) -> str:
    """The words with the values of keys; of one that the block leaves to the class, the key."""
    return re.sub(r"\{(\w+)\}", lambda found: str(block.get(found[1], f"datamodule.{found[1]}")), folder)


def _written(target: str) -> str | None:
    """What the class itself says of its folder; not those above it, whose way of listing files may be another."""
    found = definition(target)
    # Elsewhere an attribute of this name may mean anything.
    value = dict(bound(found.node)).get(ATTRIBUTE) if found is not None and comes_from(target, _BASE) else None
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None


def check_root(root: Path, folder: str) -> None:
    """Refuses a root that is no folder.

    Args:
        root: As given.
        folder: Which one it should be: ``that holds images and masks``.

    Raises:
        DataError: It is a file or not there; names what lies near.
    """
    if _is(root.is_dir):
        return
    if _is(root.exists):
        raise DataError(f"datamodule.root: {root}: is a file; give the folder {folder}")
    raise DataError(f"datamodule.root: no folder {root}; give the folder {folder}{near_paths(root)}")


def _is(asked: Callable[[], bool]) -> bool:
    try:
        return asked()
    except (OSError, ValueError):  # too long, or with a null byte
        return False
