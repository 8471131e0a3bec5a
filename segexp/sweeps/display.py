"""What a sweep says while it runs: a line for every event, and on a terminal a live line for every running job."""

import shutil
import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TextIO

from segexp.report.run_page.decided import of_monitor, of_test
from segexp.runs.json_yaml import read_json
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.manifest import Entry, Manifest, State

REFRESH = 0.5
"""Seconds between two looks at the jobs' logs."""


class Display:
    """Lines that stay, and below them lines that are drawn anew."""

    def __init__(self, manifest: Manifest, stream: TextIO | None = None) -> None:
        self._manifest = manifest
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._drawn = 0
        self._labels = (0, 0)
        """Jobs whose labels were looked at, and the letters of the longest."""
        self._next = 0.0
        self._start = time.monotonic()
        self.total = len(manifest.entries)
        """Jobs in all; of a search, they are not all known."""

    def say(self, text: str) -> None:
        """A line that stays."""
        self._clear()
        print(text, file=self._stream, flush=True)
        self._next = 0.0

    def event(self, entry: Entry, what: str, more: str = "") -> None:
        """Prints a line on what has become of a job."""
        self.say(self._line(entry, what, more))

    def _label_width(self) -> int:
        """Letters of the longest label, up to 60; of jobs that have come since, their labels are looked at too."""
        if len(self._manifest.entries) != self._labels[0]:
            known = self._manifest.entries
            new = islice(reversed(known.values()), len(known) - self._labels[0])
            longest = max((len(entry.label) for entry in new), default=0)
            self._labels = (len(known), min(60, max(longest, self._labels[1])))
        return self._labels[1]

    def _line(self, entry: Entry, what: str, more: str) -> str:
        width = self._label_width()
        return f"job {entry.number:>3}  {what:<11}  {entry.label:<{width}}  {more}".rstrip()

    def refresh(self, places: int) -> None:
        """Draws the live lines anew, when it is time."""
        now = time.monotonic()
        if not self._live or now < self._next:
            return
        self._next = now + REFRESH
        folder = self._manifest.folder
        said = [(entry, last_line(JobFiles(folder, entry.number).output)) for entry in self._manifest.of("running")]
        lines = [self._line(entry, "running", text or "starting") for entry, text in said]
        self._draw([*lines, self._summary(places)])

    def close(self) -> None:
        """Takes the live lines away."""
        self._clear()

    def _summary(self, places: int) -> str:
        states: tuple[State, ...] = ("finished", "pruned", "failed", "running", "waiting")
        counts = {state: self._manifest.count(state) for state in states}
        counts["waiting"] += self._to_come()
        parts = [f"{count} {state}" for state, count in counts.items() if count]
        passed = time.monotonic() - self._start
        return f"{', '.join(parts)}; {clock(passed)} so far{self._left(places)}"

    def _to_come(self) -> int:
        return max(0, self.total - len(self._manifest.entries))

    def _left(self, places: int) -> str:
        """Time to go, from the jobs that have ended."""
        known = [entry.seconds for entry in self._manifest.of("finished", "pruned") if entry.seconds]
        if not known:
            return ""
        jobs = self._manifest.count("waiting", "running") + self._to_come()
        return f", about {clock(sum(known) / len(known) * jobs / places)} to go"

    def _draw(self, lines: Sequence[str]) -> None:
        columns, rows = shutil.get_terminal_size()
        self._clear()
        shown = [line[: columns - 1] for line in lines[-(rows - 1) :]]
        self._stream.write("\n".join(shown) + "\n")
        self._stream.flush()
        self._drawn = len(shown)

    def _clear(self) -> None:
        if self._drawn:
            # up, and everything below away
            self._stream.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0


def last_line(path: Path, size: int = 4096) -> str:
    """The last line of a log that is not empty."""
    try:
        with path.open("rb") as stream:
            stream.seek(0, 2)
            stream.seek(max(0, stream.tell() - size))
            lines = stream.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def clock(seconds: float) -> str:
    """Hours, minutes and seconds as 1:02:03 or 2:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def describe_result(folder: Path) -> str:
    """The figures that a finished job is told by."""
    try:
        content = read_json(folder / "results.json")
        best = content["checkpoint"]
        chosen = "no checkpoint chosen"
        if best["value"] is not None:
            chosen = f"{best['monitor']} {best['value']:.4f} {of_monitor(content)}".rstrip()
        return f"{chosen}, test mean IoU {content['rows'][0]['dataset']['miou']:.4f} {of_test(content)}".rstrip()
    except (OSError, ValueError, KeyError, TypeError):
        return ""
