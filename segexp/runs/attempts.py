"""A run that goes on in its own folder: what a killed process left there, and what run.json keeps of it."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segexp.runs.entries import to_time
from segexp.runs.json_yaml import read_json
from segexp.runs.lock import owner_of

RUNNING, INTERRUPTED = "running", "interrupted"
TRAINED = ("ended_by", "train_seconds", "epochs")
"""Entries of run.json from the end of training on."""
_OF_TRAINING = (*TRAINED, "skipped_steps")
HOW_ENDED = ("error", "signal")
"""Entries of run.json of an attempt that did not come to its end."""
_BY_WHAT = ("git", "versions", "machine")
"""Entries of run.json that tell the code and the machine of an attempt, which the next one may not have."""
_OF_ATTEMPT = ("command", "started", "ended", "seconds", "state", *HOW_ENDED, *_BY_WHAT)
_PARTIAL = re.compile(r"\..+\.(ckpt\.partial|(json|yaml|csv|txt|html|png|diff)\.[a-z0-9_]{8})")
"""Names that :mod:`segexp.runs.files` and the writer of checkpoints give to what is not whole yet."""
_WRITTEN = ("log.txt", "metrics.csv", "run.json", "checkpoints/last.ckpt", "checkpoints/best.ckpt", "results.json")
"""Files whose last change tells how long a killed process was at work."""


def state_of(folder: Path, recorded: object) -> object:
    """The state in run.json, but ``interrupted`` where the process that wrote ``running`` is gone."""
    if recorded != RUNNING:
        return recorded
    owner = owner_of(folder)
    return INTERRUPTED if owner is not None and owner.state() == "gone" else recorded


def record_of(folder: Path) -> dict[str, Any]:
    """Content of run.json; empty where there is none that can be read."""
    try:
        content = read_json(folder / "run.json")
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def is_evaluation(record: Mapping[str, Any]) -> bool:
    """Tells whether a run.json is of an evaluation of other runs, by its command: nothing was trained."""
    return re.match(r"(python -m )?segexp evaluate ", str(record.get("command", ""))) is not None


def is_trained(record: Mapping[str, Any]) -> bool:
    """Tells whether the training of a run has ended, so that only its test, pictures and page are left."""
    return all(record.get(key) is not None for key in TRAINED)


def kept_entries(folder: Path, earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Selects the entries of run.json that a run keeps when it goes on in its folder.

    Args:
        folder: Of the run; tells by its files when a killed process wrote last.
        earlier: Content of run.json.

    Returns:
        The first command and its time, ``attempts`` with an entry for each that has ended, and what is known of a
        training that has ended.
    """
    before = earlier.get("attempts")
    attempts = [*(before if isinstance(before, list) else []), _attempt(folder, earlier)]
    first = {key: earlier[key] for key in ("command", "started") if key in earlier}
    trained = {key: earlier[key] for key in _OF_TRAINING if key in earlier} if is_trained(earlier) else {}
    return {**first, **trained, "attempts": attempts}


def _attempt(folder: Path, earlier: Mapping[str, Any]) -> dict[str, Any]:
    """The entry of the attempt that run.json is about; of a killed one the end is when it last wrote."""
    now = earlier.get("went_on")
    entry = {key: earlier[key] for key in _OF_ATTEMPT if key in earlier}
    entry |= dict(now) if isinstance(now, Mapping) else {}
    total = sum(_seconds(each) for each in earlier.get("attempts") or () if isinstance(each, Mapping))
    if entry.get("state") == RUNNING:
        ended = datetime.fromtimestamp(_last_written(folder), UTC)
        begun = to_time(entry.get("started")) or ended
        seconds = max(0.0, round((ended - begun).total_seconds(), 1))
        return {**entry, "state": INTERRUPTED, "ended": ended.isoformat(timespec="seconds"), "seconds": seconds}
    # Those of run.json are of all attempts together.
    return {**entry, "seconds": round(_seconds(entry) - total, 1)} if "seconds" in entry else entry


def seconds_before(record: Mapping[str, Any]) -> float:
    """Seconds that all earlier attempts took together."""
    return sum(_seconds(each) for each in record.get("attempts") or () if isinstance(each, Mapping))


def _seconds(entry: Mapping[str, Any]) -> float:
    value = entry.get("seconds")
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _last_written(folder: Path) -> float:
    return max((path.stat().st_mtime for name in _WRITTEN if (path := folder / name).is_file()), default=0.0)


def remove_partial(folder: Path) -> None:
    """Removes files of a run that a kill left half written; hidden files of the user stay."""
    for place in (folder, folder / "checkpoints", folder / "panels", folder / "panels" / "val"):
        for path in place.glob(".*"):
            if path.is_file() and _PARTIAL.fullmatch(path.name):
                path.unlink()
