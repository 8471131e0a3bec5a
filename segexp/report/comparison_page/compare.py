"""Several runs beside each other: summary.csv, summary.md and summary.html, from run folders alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# This one needs no numpy, so that a wrong folder is said at once; the rest is imported once there are runs.
from segexp.runs.find import expand_place, find_runs
from segexp.runs.folder import RunFolder

if TYPE_CHECKING:
    from segexp.report.comparison_page.result import Comparison

RESAMPLES = 10_000
"""Bootstrap samples; they are cheap, since they are means of differences."""


def write_summary(folder: Path) -> list[Path]:
    """Write the three summaries into the folder of a sweep.

    Args:
        folder: It holds run folders, at any depth, and maybe a manifest.json that tells of failed jobs.

    Returns:
        ``summary.csv``, ``summary.md`` and ``summary.html``.

    Raises:
        DataError: There is no finished run.
    """
    return compare([folder]).write(folder)


def summary_folder(places: Sequence[str | Path], out: str | Path | None) -> Path:
    """Chooses the folder for the summaries: the one asked for, the folder of a sweep, or a new one."""
    if out is not None:
        return Path(out)
    if len(places) == 1 and Path(places[0]).is_dir() and not (Path(places[0]) / "run.json").is_file():
        return Path(places[0])
    return RunFolder.create(Path("outputs", "compare")).path


def compare(
    places: Sequence[str | Path],
    measure: str | None = None,
    base: str | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
    rows: str | None = None,
    columns: str | None = None,
) -> "Comparison":
    """Compare runs.

    Args:
        places: Run folders, folders above them at any depth, or globs.
        measure: By what images are compared: ``miou``, ``dice/vessel``, ``mean/hd95`` ...; None: by the measure that
            chose the checkpoints of all runs, else by the mean IoU.
        base: Name of a configuration, or folder of one of its runs, that the others are compared with; None: the best,
            of a search the one that validation has chosen.
        resamples: Bootstrap samples of the test images.
        seed: Of the bootstrap and of the sign flips.
        rows: A varied key, for a table of it against another one; None: no such table.
        columns: The other one.

    Returns:
        The comparison, which writes its files and its text for the terminal.

    Raises:
        DataError: A place holds no run, or no run has finished.
        ConfigError: No run has the measure, none is called as ``base``, or ``rows`` and ``columns`` vary in none.
    """
    found, left_out = find_runs(places)
    from segexp.report.comparison_page.result import build
    from segexp.report.comparison_page.search import best_trial_folder, searches_of

    searches = searches_of(found, [top for place in places for top in expand_place(place)])
    base = base or best_trial_folder(searches, found)
    return build(found, left_out, searches, measure, base, resamples, seed, (rows, columns))
