"""Runs the jobs of a sweep through an engine, keeps the manifest, and stops cleanly."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from segexp.sweeps.display import Display, describe_result, last_line
from segexp.sweeps.engines.base import Ended, JobEngine
from segexp.sweeps.engines.process import signal_name
from segexp.sweeps.job_source import GridSource, JobSource
from segexp.sweeps.layout import JobFiles, now, resume_command
from segexp.sweeps.manifest import Entry, Manifest
from segexp.system.signals import handled_by

INTERRUPTED = 130
TICK = 0.2
"""Seconds that Ctrl-C may have to wait."""


class Runner:
    """One run of a sweep: from the first waiting job to the last that ends."""

    def __init__(
        self, manifest: Manifest, engine: JobEngine, display: Display, source: JobSource | None = None
    ) -> None:
        """Takes jobs from ``source``; None: all of the manifest that have not finished."""
        self._manifest = manifest
        self._engine = engine
        self._display = display
        self._source = source or GridSource(manifest)
        display.total = self._source.total
        self._running: set[int] = set()
        self._presses = 0
        self._told = 0

    def run(self) -> int:
        """Runs until no job is left, or Ctrl-C.

        Returns:
            Exit code: 0, 1 when a job failed, 130 after Ctrl-C.
        """
        with self._ctrl_c():
            try:
                while (self._source.more() and not self._presses) or self._running:
                    self._step()
            finally:
                for number in self._running:
                    self._manifest.change(number, state="interrupted", ended=now())
                self._manifest.catch_up(at_once=True)
                self._display.close()
        return self._conclude()

    def _step(self) -> None:
        if self._presses > self._told:
            self._stop()
        free = self._engine.places - len(self._running)
        if free > 0 and not self._presses and (numbers := self._source.take(free)):
            self._start(numbers)
        for ended in self._engine.wait(TICK):
            self._end(ended)
        for notes in (self._engine.notes, self._source.notes):
            while notes:
                self._display.say(f"note: {notes.pop(0)}")
        self._manifest.catch_up()
        self._display.refresh(self._engine.places)

    def _start(self, numbers: list[int]) -> None:
        for number in numbers:
            before = self._manifest.entries[number]
            self._running.add(number)
            entry = self._manifest.change(
                number, state="running", attempts=before.attempts + 1, started=now(), ended=None, error=None
            )
            self._display.event(entry, "started" if before.attempts == 0 else "goes on")
        for started in self._engine.start(numbers):
            if started.gpu is not None:
                self._manifest.change(started.number, gpu=started.gpu)

    def _end(self, ended: Ended) -> None:
        outcome = None if ended.error else JobFiles(self._manifest.folder, ended.number).outcome()
        state, error = outcome or self._killed(ended)
        self._running.discard(ended.number)
        entry = self._manifest.change(
            ended.number, state=state, ended=now(), seconds=ended.seconds, memory_mb=ended.memory_mb, error=error
        )
        self._source.ended(entry)
        if state in ("finished", "pruned"):
            done = f"{self._manifest.count('finished', 'pruned')} of {self._source.total}"
            place = JobFiles(self._manifest.folder, entry.number)
            figures = (
                last_line(place.output) if state == "pruned" else describe_result(self._manifest.folder / entry.folder)
            )
            self._display.event(entry, state, f"{figures}  {ended.seconds or 0:.1f} s  ({done})")
        elif state == "failed":
            self._display.event(entry, "FAILED")
            self._display.say(self._failure(entry))
        else:
            self._display.event(entry, state)

    def _killed(self, ended: Ended) -> tuple[str, str | None]:
        """The ending of a job that could not write its own."""
        if self._presses:
            return "interrupted", None
        signalled = ended.code is not None and ended.code < 0
        error = ended.error or (signal_name(ended.code or 0) if signalled else f"exit code {ended.code}")
        JobFiles(self._manifest.folder, ended.number).write_failure(error, ended.code or 1, [])
        return "failed", error

    def _failure(self, entry: Entry) -> str:
        lines = (entry.error or "").splitlines() or ["unknown error"]
        text = "\n".join(f"    {line}" for line in lines)
        return f"{text}\n    log  {JobFiles(self._manifest.folder, entry.number).output}"

    def _stop(self) -> None:
        self._told = self._presses
        if self._presses == 1:
            self._display.say("stopping: running jobs keep their last epoch; Ctrl-C again to kill them")
            self._engine.interrupt()
        else:
            self._engine.kill()

    @contextmanager
    def _ctrl_c(self) -> Iterator[None]:
        """Counts Ctrl-C instead of raising in the middle of a write; the end of a terminal and SIGTERM count too."""

        def press(number: int, frame: FrameType | None) -> None:
            self._presses += 1

        with handled_by(press, ("SIGINT", "SIGTERM", "SIGHUP")):
            yield

    def _conclude(self) -> int:
        """Names what failed and how to go on."""
        failed = self._manifest.of("failed")
        if failed:
            self._display.say(f"\n{len(failed)} of {len(self._manifest.entries)} jobs failed:")
            for entry in failed:
                first = (entry.error or "unknown error").splitlines()[0]
                log = JobFiles(self._manifest.folder, entry.number).output
                self._display.say(f"  job {entry.number}  {entry.label}\n    {first}\n    log  {log}")
        if self._source.left():
            self._display.say(f"\nto go on: {resume_command(self._manifest.folder, self._manifest.again)}")
        if self._presses:
            return INTERRUPTED
        return 1 if self._manifest.count("failed", "interrupted") else 0
