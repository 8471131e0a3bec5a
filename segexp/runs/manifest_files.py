"""The files in which a sweep says what has become of its jobs, as every reader finds them, also after a kill.

``manifest.json`` holds all jobs. It is written whole, which takes the longer the more jobs there are, so what changes
in quick succession is first added to ``manifest_changes.jsonl``: each line is a job as it is since, with all it has in
the manifest. Once the manifest is written again it holds the same, and the file of changes goes. A kill in between
leaves both, and a line read twice is the same job; so the last line of a job counts, and after it the manifest.
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from segexp.errors import DataError
from segexp.runs.files import sync
from segexp.runs.json_yaml import parse_plain, read_json_lines, read_object
from segexp.runs.text import printable, shortened

MANIFEST = "manifest.json"
"""All jobs of a sweep, beside their folders."""
CHANGES = "manifest_changes.jsonl"
"""Jobs as they are since the manifest was written."""


def read_manifest(folder: Path) -> Mapping[str, Any]:
    """The manifest of a sweep with its jobs as they are now; of a folder of anybody, so nothing else is known of it.

    Raises:
        DataError: A file is damaged, too large or too deep.
        OSError: It cannot be read.
    """
    # In this order: what is taken out of the changes meanwhile stands in the manifest that is read after them.
    changes = read_changes(folder, parse_plain)
    content = read_object(folder / MANIFEST)
    if not changes:
        return content
    listed = content.get("jobs")
    jobs = [changes.pop(_number(job), job) for job in (listed if isinstance(listed, list) else ())]
    return {**content, "jobs": [*jobs, *changes.values()]}


def read_changes(folder: Path, parse: Callable[[str], Any]) -> dict[int, Any]:
    """Jobs that have changed since the manifest was written, each as its last line has it, by number.

    A last line that is cut short is that of a change that never was: whoever made it waited for the disk before
    anything else. Devices and pipes in the place of the file are passed over.

    Args:
        folder: The sweep's.
        parse: Gives the value of a line.

    Raises:
        DataError: A line is no job, or the file is too large.
        OSError: It cannot be read.
    """
    path = folder / CHANGES
    if not path.is_file():
        return {}
    found: dict[int, Any] = {}
    try:
        for job in read_json_lines(path, parse):
            if (number := _number(job)) < 0:
                raise ValueError("a line is no job with a number")
            found[number] = job
    except FileNotFoundError:  # the manifest was written at this moment
        return {}
    except ValueError as error:
        raise DataError(f"{path}: {shortened(printable(str(error)), 200)}; was it edited?") from error
    return found


def _number(job: object) -> int:
    """Number of a job; -1: it has none."""
    number = job.get("number") if isinstance(job, Mapping) else None
    return number if type(number) is int else -1


def append_change(folder: Path, job: Mapping[str, Any]) -> None:
    """Adds a job as it is now, and waits for the disk.

    Raises:
        OSError: It cannot be written; then the file ends with the line before.
    """
    path = folder / CHANGES
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        size = os.fstat(handle).st_size
        try:
            _write(handle, (json.dumps(job) + "\n").encode())
        except OSError as error:
            error.filename = str(path)  # of a disk that is full the system names nothing
            os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if not size:
        sync(folder)


def _write(handle: int, line: bytes) -> None:
    """Writes all of a line: a disk that is nearly full takes a part of it first."""
    while line:
        line = line[os.write(handle, line) :]
    os.fsync(handle)


def forget_changes(folder: Path) -> None:
    """Takes the changes away, which the manifest holds by now."""
    (folder / CHANGES).unlink(missing_ok=True)
