"""What a page cannot show because its run folder lacks it, and what to do about it."""

from collections.abc import Mapping

from segexp.runs import entries
from segexp.runs.contents import RunContents


def missing(folder: RunContents, content: Mapping[str, object]) -> list[str]:
    """Sentences for runs that were tested; of others it is plain that they have no results.

    Args:
        folder: The run.
        content: What the page shows.
    """
    if not entries.rows_of(folder.results):
        return ["Results: this run was not tested."] if folder.run else []
    broken = folder.run.get("not_made")
    failures = [_not_made(entry) for entry in broken if isinstance(entry, Mapping)] if isinstance(broken, list) else []
    left_out = content["left_out"]
    failures += left_out if isinstance(left_out, list) else []
    masks = entries.task_kind(folder.results) == entries.SEGMENTATION
    binary = masks and entries.foreground_of(folder.results) is not None
    again = "Runs of older versions have none; segexp evaluate run=<folder> makes them."
    lines = {
        "specimens": f"Images with layers: panels/layers is not there. {again}"
        if masks and content["panels"] and not left_out
        else "",
        "decision": f"Measures over thresholds: thresholds.csv is not there. {again}" if binary else "",
        "calibration": "Calibration: it was not measured (metric=[calibration])."
        if masks and not content["reliability"]
        else "",
        "intervals": "Confidence intervals: none were drawn.",
        "training": "" if content["curves"] else "Training curves: metrics.csv is not there.",
    }
    return failures + [line for key, line in lines.items() if line and not content[key]]


def _not_made(entry: Mapping[str, object]) -> str:
    """What could not be made when the run ended."""
    what, error, again = (entries.to_text(entry.get(key)) for key in ("what", "error", "again"))
    return f"{what} could not be made: {error}. To make it: {again}"
