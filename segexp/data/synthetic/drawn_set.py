"""A drawn data set in the layout of a real one, in the cache folder: what ``datamodule.generate=true`` trains on."""

import hashlib
import inspect
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from segexp.data.base import ImageDataModule
from segexp.data.checks.survey import cache_folder
from segexp.errors import ConfigError, DataError
from segexp.system.causes import reason_of


def drawn_keys(kind: type[object]) -> dict[str, Any]:
    """Keys of a drawn set of a class, written once into the cache folder; the same files in every process.

    Another version of what draws draws anew: the name of the folder holds a digest of its source.

    Args:
        kind: Class of the data set.

    Raises:
        ConfigError: The class draws nothing, or is none of a data set.
        DataError: The cache folder cannot be written.
    """
    if not issubclass(kind, ImageDataModule):
        raise ConfigError(f"datamodule._target_: found {kind.__qualname__}, expected a ImageDataModule")
    folder = cache_folder() / "drawn" / f"{kind.__qualname__}-{_digest(kind)}"
    try:
        if not folder.is_dir():
            _write(kind, folder)
        found: dict[str, Any] = json.loads((folder / "keys.json").read_text(encoding="utf-8"))
    except NotImplementedError as error:
        raise ConfigError(
            f"datamodule.generate: found true, but {kind.__qualname__} draws no images (it has no write_drawn); use "
            "datamodule.generate=false and images of your own"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"{folder}: a drawn set cannot be kept there ({reason_of(error)}); remove it, or name another cache folder "
            "in the environment variable SEGEXP_CACHE"
        ) from error
    return found


def _write(kind: type[ImageDataModule], folder: Path) -> None:
    """Draws beside the folder, which appears whole or not at all: jobs of a sweep may draw at the same time."""
    partial = folder.parent / f".{folder.name}.{uuid.uuid4().hex[:8]}.partial"
    (partial / "set").mkdir(parents=True)
    try:
        keys = json.dumps(kind.write_drawn(partial / "set"))
        # Keys hold paths, as JSON writes them.
        moved = keys.replace(json.dumps(str(partial))[1:-1], json.dumps(str(folder))[1:-1])
        (partial / "keys.json").write_text(moved, encoding="utf-8")
        try:
            partial.rename(folder)
        except OSError:
            if not folder.is_dir():  # another process was first, with the same files
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _digest(kind: type[object]) -> str:
    """Of the source of the class and of all that draws."""
    files = [Path(inspect.getfile(kind)), *sorted(Path(__file__).parent.rglob("*.py"))]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
