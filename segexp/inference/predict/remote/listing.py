"""Lists the remote files that a pattern, a folder or an address means, and when each was changed."""

import glob
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from segexp.data.file_kinds import describe_kinds, file_ending, is_beside, is_clutter, is_image
from segexp.errors import DataError
from segexp.inference.predict.remote.address import (
    HTTP,
    hide_secrets,
    network_errors,
    open_filesystem,
    path_in_address,
    scheme,
)
from segexp.inference.predict.remote.watch import RemoteLimits, call_with_timeout

ANY = RemoteLimits()
"""Unless other bounds are given."""
CHANGED = ("LastModified", "last_modified", "mtime", "updated", "Last-Modified", "created")
"""Where file systems of fsspec say when a file was changed."""


def list_remote_files(
    place: str, timeout: float, bounds: RemoteLimits = ANY, passed_over: list[str] | None = None
) -> list[tuple[str, Path]]:
    """Lists addresses, and the path of the predictions of each without ending.

    Args:
        place: A pattern, a folder (all images in it and below), or one file, which need not be there: whether it can be
            read is found out when its turn comes. With http a folder ends with ``/`` and must be a page that lists it.
        timeout: Seconds without an answer.
        bounds: How long listing may take in all.
        passed_over: Takes the files of a folder that end as no images do.

    Raises:
        DataError: A folder or pattern cannot be listed, or nothing is in it.
    """
    system, path = open_filesystem(place, timeout)
    shown = hide_secrets(place)
    if _is_pattern(place):
        with network_errors(f"input: {place}", timeout):
            names = sorted(_files(call_with_timeout(bounds.seconds, system, "glob", path, detail=True)))
        return _below(system, _fixed(place), names, f"{shown} matches no file")
    if _is_folder(place, system, path, timeout):
        with network_errors(f"input: {place}", timeout):
            every = sorted(_files(call_with_timeout(bounds.seconds, system, "find", path, detail=True)))
        names = [name for name in every if is_image(_plain(name))]
        others = [name for name in every if not is_image(_plain(name)) and _is_said(_plain(name))]
        if passed_over is not None:
            passed_over += [hide_secrets(name) for name in others]
        held = f", but {describe_kinds(map(_plain, others))}" if others else ""
        return _below(system, place, names, f"{shown} holds no image{held}")
    return [(place, _stem(place, PurePosixPath(path_in_address(place)).name or "image"))]


def last_change(address: str, timeout: float) -> float | None:
    """Asks for the time of the last change in seconds; None: the server does not say."""
    return _changed(_facts(address, timeout))


def remote_state(address: str, timeout: float) -> tuple[str, str]:
    """Asks for size in bytes and time of the last change in seconds, as text; empty where the server does not say."""
    facts = _facts(address, timeout)
    seconds, size = _changed(facts), facts.get("size")
    return "" if size is None else str(size), "" if seconds is None else f"{seconds:.6f}"


def _facts(address: str, timeout: float) -> dict[str, Any]:
    system, path = open_filesystem(address, timeout)
    with network_errors(address, timeout):
        facts: dict[str, Any] = call_with_timeout(timeout, system, "info", path)
    return facts


def _changed(facts: dict[str, Any]) -> float | None:
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
    return "*" in path_in_address(place) if scheme(place) in HTTP else glob.has_magic(place)


def _is_folder(place: str, system: Any, path: str, timeout: float) -> bool:
    if place.endswith("/") or scheme(place) in HTTP or is_image(_plain(place)):
        return place.endswith("/")
    with network_errors(f"input: {place}", timeout):
        return bool(call_with_timeout(timeout, system, "isdir", path))


def _files(found: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, facts in found.items() if facts.get("type") != "directory"]


def _plain(name: str) -> str:
    """What a file system calls a file, without host and query."""
    return path_in_address(name) if "://" in name else name


def _is_said(path: str) -> bool:
    """Whether it is worth a word that a file is no image; a page of http also links to folders and to itself."""
    name = path.rpartition("/")[2]
    return bool(file_ending(name)) and not is_clutter(name) and not is_beside(name)


def _fixed(pattern: str) -> str:
    """The part of a pattern before the first folder that is one."""
    start = pattern.index("://") + 3
    parts = pattern[start:].split("/")
    magic = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return pattern[:start] + "/".join(parts[:magic])


def _below(system: Any, top: str, names: Sequence[str], nothing: str) -> list[tuple[str, Path]]:
    found = []
    for address in (_address(system, top, name) for name in names):
        stem = _stem(address, path_in_address(address).removeprefix(path_in_address(top).rstrip("/")))
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
        raise DataError(
            f"input: {hide_secrets(address)}: its predictions would lie outside of the output folder ({path})"
        )
    return Path(path.with_suffix("")) if path.name else Path()
