"""Run folders that may have been meant by a path at which there is none, as words to be pasted."""

import os
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice
from pathlib import Path

from segexp.config.overrides.quoting import printed
from segexp.runs.attempts import is_evaluation, record_of
from segexp.runs.near_paths import MOST, near_paths
from segexp.runs.newest import OUTPUTS, runs_by_change

LOOKED = 5000
"""Folders that are looked into."""
_ALIKE = 0.6
"""Least share of letters that two names have in common to be near."""
_INSIDE = ("checkpoints", "config.yaml")
"""What may be named inside a run folder."""


def near_runs(key: str, place: str | Path) -> str:
    """``. Did you mean from=outputs/a or from=outputs/b?``: to follow a message about a run that is not there.

    Looks below the folder that the path leads to as far as it is there, and below ``outputs``. Where no name is near,
    or the path is a folder above runs, the last ones are told; where there are no runs, what lies beside a path that is
    not there.

    Args:
        key: Of the word, such as ``resume``.
        place: A run folder, or a file in one.
    """
    path = Path(os.path.expanduser(place))  # noqa: PTH111 - that of pathlib raises for an unknown user
    runs = list({run.resolve(): run for top in _tops(path) for run in runs_by_change(top, LOOKED)}.values())
    near = [] if _is_folder(path) else _alike(_run_of(path), runs)
    words = [printed(key, str(run)) for run in islice(filter(_usable, near or runs), MOST)]
    looked = "" if path.is_absolute() else f" (looked for {Path.cwd() / path})"
    if not words:
        return looked if _is_folder(path) else near_paths(place)
    told = f". Did you mean {' or '.join(words)}?" if near else f"; runs that are there: {', '.join(words)}"
    return told + ("" if _is_folder(path) else looked)


def _tops(path: Path) -> Iterator[Path]:
    """Folders to look below; none that holds the whole working folder, or everything of a user."""
    above = next((place for place in (path, *path.parents) if _is_folder(place)), None)
    own = (Path.cwd(), Path(os.path.expanduser("~")))  # noqa: PTH111
    if above is not None and not any(place.is_relative_to(above.resolve()) for place in own):
        yield above
    if above != path and _is_folder(Path(OUTPUTS)):
        yield Path(OUTPUTS)


def _is_folder(place: Path) -> bool:
    try:
        return place.is_dir()
    except (OSError, ValueError):  # too long, or with a null byte
        return False


def _run_of(path: Path) -> Path:
    """The run folder that a path inside one names."""
    inside = next((number for number, name in enumerate(path.parts) if name in _INSIDE), len(path.parts))
    return Path(*path.parts[:inside])


def _alike(path: Path, runs: Sequence[Path]) -> list[Path]:
    """Runs with a near name, the nearest first; of the same likeness the one that was changed last."""
    scored = [(score, run) for run in runs if (score := _likeness(path, run)) > _ALIKE]
    return [run for _, run in sorted(scored, key=lambda each: each[0], reverse=True)]


def _likeness(path: Path, run: Path) -> float:
    """Share of letters in common, of the whole paths or of the last names."""
    return max(SequenceMatcher(None, str(a), str(b)).ratio() for a, b in ((path, run), (path.name, run.name)))


def _usable(run: Path) -> bool:
    return (run / "config.yaml").is_file() and not is_evaluation(record_of(run))
