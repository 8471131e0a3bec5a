"""What one datamodule has read, for others of the same settings in the same process and its forks.

Off unless :func:`keep_data` is called, which the fork server of a sweep does.
"""

import pickle
from dataclasses import dataclass
from typing import Any, Protocol

from segexp.data.settings import Items


class Readable(Protocol):
    """A datamodule as far as reading its items goes; see :class:`segexp.data.base.ImageDataModule`."""

    notes: list[str]
    skipped: list[dict[str, str]]

    def read(self) -> Items:
        """Reads the items of each part."""

    def own_attributes(self) -> dict[str, Any]:
        """Attributes that the data set has beside those of all data sets."""


@dataclass(frozen=True)
class ReadData:
    """Items as they were read, the data set's own attributes afterwards, and what it noted."""

    items: Items
    attributes: dict[str, Any]
    notes: list[str]
    skipped: list[dict[str, str]]


_KEPT: dict[bytes, ReadData] = {}


def keep_data(datamodule: Readable) -> bytes | None:
    """Reads and keeps; gives the name to :func:`forget_data` it by, or None where settings cannot be compared."""
    key = _key(datamodule)
    if key is None or key in _KEPT:
        return key
    items = datamodule.read()
    _KEPT[key] = ReadData(items, datamodule.own_attributes(), list(datamodule.notes), list(datamodule.skipped))
    return key


def forget_data(key: bytes) -> None:
    """Lets go of what was kept."""
    _KEPT.pop(key, None)


def is_kept(datamodule: Readable) -> bool:
    """Tells whether another datamodule with the same settings of its own has read."""
    return bool(_KEPT) and _key(datamodule) in _KEPT


def read_or_reuse(datamodule: Readable) -> Items:
    """Reads, or takes over what another one with the same settings of its own has read."""
    key = _key(datamodule) if _KEPT else None
    if key is None or key not in _KEPT:
        return datamodule.read()
    kept = _KEPT[key]
    vars(datamodule).update(kept.attributes, notes=list(kept.notes), skipped=list(kept.skipped))
    return {phase: list(items) for phase, items in kept.items.items()}


def _key(datamodule: Readable) -> bytes | None:
    """Class and own attributes before reading; what all data sets share (crops, seed, loaders) is applied later."""
    try:
        return pickle.dumps((type(datamodule), sorted(datamodule.own_attributes().items())))
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
