"""Which remote files a pattern, a folder or an address means, and when each was changed."""

import glob
from collections.abc import Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from segexp.errors import DataError
from segexp.use.prediction.remote.address import HTTP, asked, filesystem, path_of, scheme

CHANGED = ("LastModified", "last_modified", "mtime", "updated", "Last-Modified", "created")
"""Where file systems of fsspec say when a file was changed."""


def listed(place: str, suffixes: Sequence[str], timeout: float) -> list[tuple[str, Path]]:
    """Addresses, and the path of the predictions of each without ending.

    Args:
        place: A pattern, a folder (all images in it and below), or one file, which need not be there: whether it can be
            read is found out when its turn comes. With http a folder ends with ``/`` and must be a page that lists it.
        suffixes: Endings of images in a folder.
        timeout: Seconds without an answer.

    Raises:
        DataError: A folder or pattern cannot be listed, or nothing is in it.
    """
    system, path = filesystem(place, timeout)
    if _is_pattern(place):
        with asked(f"input: {place}", timeout):
            names = sorted(_files(system.glob(path, detail=True)))
        return _below(system, _fixed(place), names, f"{place} matches no file")
    if _is_folder(place, suffixes, system, path, timeout):
        with asked(f"input: {place}", timeout):
            names = [name for name in sorted(_files(system.find(path, detail=True))) if _suffix(name) in suffixes]
        return _below(system, place, names, f"{place} holds no image ({', '.join(suffixes)})")
    return [(place, Path(unquote(PurePosixPath(path_of(place)).stem)))]


def changed(address: str, timeout: float) -> float | None:
    """Time of the last change in seconds; None: the server does not say."""
    system, path = filesystem(address, timeout)
    with asked(address, timeout):
        facts = system.info(path)
    return next((_seconds(facts[key]) for key in CHANGED if facts.get(key)), None)


def _seconds(value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, datetime):
        return value.timestamp()
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        return parsedate_to_datetime(str(value)).timestamp()


def _is_pattern(place: str) -> bool:
    # In http a question mark begins the query.
    return "*" in path_of(place) if scheme(place) in HTTP else glob.has_magic(place)


def _is_folder(place: str, suffixes: Sequence[str], system: Any, path: str, timeout: float) -> bool:
    if place.endswith("/") or scheme(place) in HTTP or _suffix(place) in suffixes:
        return place.endswith("/")
    with asked(f"input: {place}", timeout):
        return bool(system.isdir(path))


def _files(found: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, facts in found.items() if facts["type"] != "directory"]


def _suffix(name: str) -> str:
    return PurePosixPath(path_of(name) if "://" in name else name).suffix.lower()


def _fixed(pattern: str) -> str:
    """The part of a pattern before the first folder that is one."""
    start = pattern.index("://") + 3
    parts = pattern[start:].split("/")
    magic = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return pattern[:start] + "/".join(parts[:magic])


def _below(system: Any, top: str, names: Sequence[str], nothing: str) -> list[tuple[str, Path]]:
    addresses = [name if "://" in name else str(system.unstrip_protocol(name)) for name in names]
    top = str(system.unstrip_protocol(system._strip_protocol(top))).rstrip("/")
    found = []
    for address in addresses:
        below = PurePosixPath(unquote(address.removeprefix(top).lstrip("/")))
        if not below.name.startswith("."):
            found.append((address, Path(below.with_suffix(""))))
    if not found:
        raise DataError(f"input: {nothing}")
    return found
