"""Read what a run left in its folder; what is not there is empty."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segexp.errors import DataError

_LOG_LINES = 40
"""Last lines of log.txt that are read."""


@dataclass(frozen=True)
class RunContents:
    """The plain files of one run.

    Attributes:
        path: The folder.
        run: Content of run.json.
        results: Content of results.json.
        config: Text of config.yaml.
        images: Rows of per_image.csv.
        log: The last lines of log.txt.
    """

    path: Path
    run: Mapping[str, Any]
    results: Mapping[str, Any]
    config: str
    images: list[dict[str, str]]
    log: str


def read_run(path: Path) -> RunContents:
    """Read a run folder, finished or not.

    Args:
        path: The folder of one run.

    Returns:
        Its plain files; one that is missing is empty.

    Raises:
        DataError: There is neither run.json nor results.json, or one of them cannot be parsed.
    """
    if not any((path / name).is_file() for name in ("run.json", "results.json")):
        raise DataError(
            f"{path} is no run folder: it holds neither run.json nor results.json. Give the folder of one "
            "run, for example outputs/<name>/<date>_<time>_<id>."
        )
    log = _text(path / "log.txt").splitlines()
    return RunContents(
        path=path,
        run=_mapping(path / "run.json"),
        results=_mapping(path / "results.json"),
        config=_text(path / "config.yaml"),
        images=_rows(path / "per_image.csv"),
        log="\n".join(log[-_LOG_LINES:]),
    )


def _text(path: Path) -> str:
    # a log may hold any bytes of a library
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _mapping(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is no valid JSON: {error}. Was it edited or cut short?") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}; expected an object with named entries.")
    return content


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as stream:
        # cells beyond the header come under the key None
        return [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(stream)]
