"""Read what a run left in its folder; what is not there is empty."""

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from segexp.errors import DataError
from segexp.runs.attempts import state_of
from segexp.runs.json_yaml import read_object
from segexp.runs.schema import RUN, find_problem, find_results_problem
from segexp.runs.table_file import LONGEST
from segexp.runs.text import printable, shortened

_LOG_LINES = 40
"""Last lines of log.txt that are read."""
_LOG, _CONFIG, _TABLE = 2**18, 2**22, 2**28
"""Bytes of log.txt and of config.yaml, and of a table, that are read at most."""


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
        DataError: There is neither run.json nor results.json, or one of them is none of ours.
    """
    record = read_record(path)
    log = "\n".join(_end(path / "log.txt", _LOG).splitlines()[-_LOG_LINES:])
    return replace(record, images=read_rows(path / "per_image.csv"), log=log)


def read_record(path: Path) -> RunContents:
    """Read what a run folder says of the run as a whole; its log and the table of its images are left empty.

    Args:
        path: The folder of one run.

    Raises:
        DataError: There is neither run.json nor results.json, or one of them is none of ours.
    """
    if not any((path / name).is_file() for name in ("run.json", "results.json")):
        raise DataError(
            f"{path} is no run folder: it holds neither run.json nor results.json. Give the folder of one "
            "run, for example outputs/<name>/<date>_<time>_<id>."
        )
    run, results = read_object(path / "run.json"), read_object(path / "results.json")
    # A process that was killed has left the state that it was in.
    run = {**run, "state": state_of(path, run["state"])} if "state" in run else run
    for name, words in (("run.json", find_problem(run, RUN)), ("results.json", find_results_problem(results))):
        if words:
            raise DataError(f"{path / name}: {words}. Was it edited, or written by another program?")
    config = _end(path / "config.yaml", _CONFIG) if _size(path / "config.yaml") <= _CONFIG else ""
    return RunContents(path=path, run=run, results=results, config=config, images=[], log="")


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table of a run, cells without a value empty; none where there is no file.

    Raises:
        DataError: It is too large, or no table.
    """
    if not path.is_file():
        return []
    if _size(path) > _TABLE:
        raise DataError(f"{path}: found {_size(path) / 1e6:,.0f} MB, expected at most {_TABLE / 1e6:,.0f} MB")
    csv.field_size_limit(LONGEST)
    try:
        with path.open(newline="", encoding="utf-8", errors="replace") as stream:
            # cells beyond the header come under the key None
            return [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(stream)]
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read as a table ({error}). Was it edited or cut short?") from error


def numbers_of(rows: Sequence[Mapping[str, str]], path: Path) -> list[dict[str, float]]:
    """The rows with every cell as a number, nan where it is empty or not finite.

    Raises:
        DataError: A cell is no number.
    """
    try:
        return [{name: _number(cell) for name, cell in row.items()} for row in rows]
    except ValueError as error:
        raise DataError(
            f"{path}: {shortened(printable(str(error)), 200)}; expected numbers alone. Was it edited?"
        ) from error


def _number(cell: str) -> float:
    value = float(cell or "nan")
    return value if math.isfinite(value) else math.nan


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _end(path: Path, most: int) -> str:
    """The last bytes of a text, which may hold any bytes of a library."""
    if not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, _size(path) - most))
        return stream.read(most).decode("utf-8", "replace")
