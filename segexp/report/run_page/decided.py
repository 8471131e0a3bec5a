"""At which threshold figures of two classes are: those of the validation at 0.5, those of the test at a chosen one."""

from collections.abc import Mapping, Sequence
from typing import Any

from segexp.config.signatures.measure_names import PHASES
from segexp.runs import entries

Results = Mapping[str, Any]
FREE = ("loss", "auc", "ap", "brier", "ece")
"""Figures that no threshold decides."""
HALF = "at 0.5"


def threshold_of(results: Results) -> float | None:
    """The threshold of the test figures; None where the most probable class decides."""
    found = entries.get_in(results, "threshold", "value")
    return float(found) if isinstance(found, int | float) else None


def of_monitor(results: Results) -> str:
    """``at 0.5`` where the value of the monitor hangs on a threshold that is not the one of the test; else empty."""
    monitor = entries.to_text(entries.get_in(results, "checkpoint", "monitor"))
    parts = [part for part in monitor.split("/") if part not in (*PHASES, "mean")]
    if threshold_of(results) is None or not parts or parts[0].removeprefix("image_") in FREE:
        return ""
    return HALF


def of_test(results: Results) -> str:
    """``at 0.314``; empty where no threshold decides."""
    threshold = threshold_of(results)
    return "" if threshold is None else f"at {threshold:.3f}"


def decided(runs: Sequence[Results]) -> str:
    """A sentence on the figures of several runs; empty where no threshold decides."""
    found = sorted({threshold for results in runs if (threshold := threshold_of(results)) is not None})
    if not found:
        return ""
    text = f"{found[0]:.3f}" if len(found) == 1 else f"{found[0]:.3f} to {found[-1]:.3f}"
    monitors = {
        entries.to_text(entries.get_in(results, "checkpoint", "monitor")) for results in runs if of_monitor(results)
    }
    told = f"Test masks are cut at the threshold that each run chose on validation images, {text}."
    if not monitors:
        return told
    one = len(monitors) == 1
    names = f"measure{'' if one else 's'} that chose the checkpoint{'' if one else 's'} ({', '.join(sorted(monitors))})"
    return f"{told} The validation {names} {'was' if one else 'were'} measured with masks cut {HALF}."
