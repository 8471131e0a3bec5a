"""Which remote files a pattern, a folder or an address means, and when each was changed."""

import glob
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from segexp.errors import DataError
from segexp.use.prediction.remote.address import HTTP, asked, filesystem, hidden, path_of, scheme
from segexp.use.prediction.remote.watch import Bounds, within

ANY = Bounds()
"""Unless other bounds are given."""
CHANGED = ("LastModified", "last_modified", "mtime", "updated", "Last-Modified", "created")
"""Where file systems of fsspec say when a file was changed."""


def listed(place: str, suffixes: Sequence[str], timeout: float, bounds: Bounds = ANY) -> list[tuple[str, Path]]:
    """Addresses, and the path of the predictions of each without ending.

    Args:
        place: A pattern, a folder (all images in it and below), or one file, which need not be there: whether it can be
            read is found out when its turn comes. With http a folder ends with ``/`` and must be a page that lists it.
        suffixes: Endings of images in a folder.
        timeout: Seconds without an answer.
        bounds: How long listing may take in all.

    Raises:
        DataError: A folder or pattern cannot be listed, or nothing is in it.
    """
    system, path = filesystem(place, timeout)
    shown = hidden(place)
    if _is_pattern(place):
        with asked(f"input: {place}", timeout):
            names = sorted(_files(within(bounds.seconds, system, "glob", path, detail=True)))
        return _below(system, _fixed(place), names, f"{shown} matches no file")
    if _is_folder(place, suffixes, system, path, timeout):
        with asked(f"input: {place}", timeout):
            below = _files(within(bounds.seconds, system, "find", path, detail=True))
            names = [name for name in sorted(below) if _suffix(name) in suffixes]
        return _below(system, place, names, f"{shown} holds no image ({', '.join(suffixes)})")
    return [(place, _stem(place, PurePosixPath(path_of(place)).name or "image"))]


def changed(address: str, timeout: float) -> float | None:
    """Time of the last change in seconds; None: the server does not say."""
    system, path = filesystem(address, timeout)
    with asked(address, timeout):
        facts = within(timeout, system, "info", path)
    return next((_seconds(facts[key]) for key in CHANGED if facts.get(key)), None)


def _seconds(value: Any) -> float | None:
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, datetime):
        return value.timestamp()
    try:
        return datetime.fromisoformat(str(value)).timestamp()
    except ValueError:
        with suppress(ValueError):
            return parsedate_to_datetime(str(value)).timestamp()
    return None


def _is_pattern(place: str) -> bool:
    # In http a question mark begins the query.
    return "*" in path_of(place) if scheme(place) in HTTP else glob.has_magic(place)


def _is_folder(place: str, suffixes: Sequence[str], system: Any, path: str, timeout: float) -> bool:
    if place.endswith("/") or scheme(place) in HTTP or _suffix(place) in suffixes:
        return place.endswith("/")
    with asked(f"input: {place}", timeout):
        return bool(within(timeout, system, "isdir", path))


def _files(found: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, facts in found.items() if facts.get("type") != "directory"]


def _suffix(name: str) -> str:
    return PurePosixPath(path_of(name) if "://" in name else name).suffix.lower()


def _fixed(pattern: str) -> str:
    """The part of a pattern before the first folder that is one."""
    start = pattern.index("://") + 3
    parts = pattern[start:].split("/")
    magic = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return pattern[:start] + "/".join(parts[:magic])


def _below(system: Any, top: str, names: Sequence[str], nothing: str) -> list[tuple[str, Path]]:
    found = []
    for address in (_address(system, top, name) for name in names):
        stem = _stem(address, path_of(address).removeprefix(path_of(top).rstrip("/")))
        # Without a name: links of a page to itself in another order.
        if stem.name and not stem.name.startswith("."):
            found.append((address, stem))
    if not found:
        raise DataError(f"input: {nothing}")
    return found


def _address(system: Any, top: str, name: str) -> str:
    """Of what a file system calls ``name``; one that has a host does not say it again."""
    if "://" in name:
        return name
    above, start = str(system._strip_protocol(top)).rstrip("/"), top.rstrip("/")
    if not start.endswith(":") and name.startswith(f"{above}/"):
        return f"{start}{name.removeprefix(above)}"
    return str(system.unstrip_protocol(name))


def _stem(address: str, below: str) -> Path:
    """Where predictions go, from the path below what was asked for.

    Raises:
        DataError: That would be beside the output folder; whoever made the names wants it so.
    """
    path = PurePosixPath((unquote(below) if scheme(address) in HTTP else below).lstrip("/"))
    if ".." in path.parts:
        raise DataError(f"input: {hidden(address)}: its predictions would lie outside of the output folder ({path})")
    return Path(path.with_suffix("")) if path.name else Path()
