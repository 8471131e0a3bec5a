"""A split that is given: the split.json of a run, a file written by hand, or that of the run that goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segexp.config.checks.suggest import nearest
from segexp.data.checks.sizes import name_some
from segexp.data.splits.rules import PHASES, Split
from segexp.errors import DataError
from segexp.runs.json_yaml import read_json
from segexp.runs.text import printable, shortened

KEY = "datamodule.split_file"
MOST = 5
"""Problems that are told: the split of another data set has one for each of its images."""


def read_split(path: Path, names: Sequence[str], notes: list[str]) -> Split:
    """Reads lists of image names under ``train``, ``val`` and ``test``; others are used nowhere, which is said.

    Args:
        path: JSON.
        names: Images that there are.
        notes: Where those are named that stand in no list.

    Raises:
        DataError: The file is missing or no such JSON, names an image that is not there, or one in two parts.
    """
    content = _content(path)
    problems: list[str] = []
    seen: dict[str, str] = {}
    there = set(names)
    for phase in PHASES:
        for name in content[phase]:
            told = f"{KEY}: {path} names {shortened(printable(name), 200)}"
            if name not in there:
                # To look for the nearest takes its time, and no more than these are told.
                best = nearest(name, names) if len(problems) < MOST else None
                problems.append(f"{told}, which is not there" + (f"; is it {best}?" if best else ""))
            if name in seen:
                problems.append(f"{told} twice, under {seen[name]} and {phase}")
            seen[name] = phase
    if problems:
        more = [f"{KEY}: {path}: and {len(problems) - MOST} more of the kind"] if len(problems) > MOST else []
        raise DataError("\n".join([*problems[:MOST], *more]))
    if unused := sorted(set(names) - set(seen)):
        notes.append(f"{KEY}: {path} names {len(seen)} of {len(names)} images; used nowhere: {name_some(unused)}")
    return {phase: list(content[phase]) for phase in PHASES}


def take_over_split(split: Split, names: Sequence[str], notes: list[str]) -> Split:
    """The split of a run that goes on, or is tested again.

    Args:
        split: Names of the images of each part of the run.
        names: Images that there are.
        notes: Where those are named that the run does not know.

    Raises:
        DataError: Some of its images are not there.
    """
    known = {name for phase in PHASES for name in split[phase]}
    if lost := sorted(known - set(names)):
        raise DataError(
            f"{len(lost)} images of the run's split are not there: {name_some(lost)}; put them back where they were, "
            "or train a new run (no resume): dealt out anew, images would be tested that this one was trained on"
        )
    if new := sorted(set(names) - known):
        notes.append(
            f"{len(new)} images that are in no part of the split of the run are used nowhere: {name_some(new)}"
        )
    return {phase: list(split[phase]) for phase in PHASES}


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        what = f"{path} is a folder, expected a split.json" if path.is_dir() else f"no file {path}"
        raise DataError(f"{KEY}: {what}")
    try:
        content = read_json(path)
    except ValueError as error:
        raise DataError(f"{KEY}: {path} is no valid JSON: {error}") from error
    for phase in PHASES:
        listed = content.get(phase) if isinstance(content, dict) else None
        if not isinstance(listed, list) or not listed or not all(isinstance(name, str) for name in listed):
            raise DataError(
                f'{KEY}: {path} has no list of image names under "{phase}"; expected '
                '{"train": [...], "val": [...], "test": [...]}, as split.json of a run'
            )
    return dict(content)
