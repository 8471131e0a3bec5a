"""Pictures of a test that could not be made when it ended, made again from the plain files of its run folder."""

from collections.abc import Mapping
from pathlib import Path

from segexp.report.run_page.charts.files import CHARTS, save_chart
from segexp.runs import entries
from segexp.runs.contents import read_run
from segexp.runs.folder import RunFolder

FILES = [f"{stem}.png" for stem in CHARTS]


def remake(path: Path) -> list[Path]:
    """Makes what run.json lists under ``not_made`` and plain files hold, and takes it off that list.

    Args:
        path: A run folder.

    Returns:
        The pictures that were made.
    """
    run = read_run(path)
    listed = run.run.get("not_made")
    lacking = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    made = [name for entry in lacking if (name := entries.to_text(entry.get("what"))) in FILES and _made(path, name)]
    left = [entry for entry in lacking if entry.get("what") not in (*made, "report.html")]
    if len(left) < len(lacking):
        content = {key: value for key, value in run.run.items() if key != "not_made"}
        RunFolder(path).write_json("run.json", content | ({"not_made": left} if left else {}))
    return [path / name for name in made]


def _made(folder: Path, name: str) -> bool:
    try:
        save_chart(folder, name)
    except Exception:  # a damaged file, or the fault is still there: it stays on the list
        return False
    return True
