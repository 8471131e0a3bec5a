"""Runs many small cases in processes that are forked from this one, each with limits on memory and time.

The parent imports what is heavy once. A child takes one case after the other and says what came of each; one that dies,
hangs or takes too much costs its own case alone, and the next child goes on behind it.
"""

import contextlib
import json
import os
import resource
import select
import signal
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from segexp.errors import ResourceError, SegexpError
from segexp.runs.text import readable

Work = Callable[[int], str]
"""Does the case of a number and gives what came of it in a word (``right``, ``refused``, ...), or raises."""


class WrongError(Exception):
    """What was read is not what it should be."""


@dataclass(frozen=True)
class Limits:
    """Limits of one case.

    Attributes:
        memory: Bytes above what the process has before the first case.
        cpu: Seconds of processor time.
        wall: Seconds by the clock, for what waits without working.
        cases: How many cases a child takes before another one goes on.
    """

    memory: int = 10**9
    cpu: float = 10.0
    wall: float = 120.0
    cases: int = 100


@dataclass(frozen=True)
class Outcome:
    """What came of a case.

    Attributes:
        number: Of the case.
        kind: The word of the work (``right``, ``refused``, ...), or one of ``BAD``.
        words: What was said.
        peak: Bytes of memory above those of the process before the first case.
        seconds: By the clock.
    """

    number: int
    kind: str
    words: str = ""
    peak: int = 0
    seconds: float = 0.0


BAD = ("wrong", "trace", "lines", "crash", "hang", "memory")
"""Kinds that must not be: wrong content, an error that is none of ours, of several lines, a process that died, that did
not end, and one that took more than it may. That a library wrote on the terminal by itself is told with any kind."""


def run_cases(numbers: Sequence[int], work: Work, limits: Limits, jobs: int = 1) -> Iterator[Outcome]:
    """Runs the cases of some numbers in up to ``jobs`` children at a time; outcomes come as they are ready."""
    waiting = deque(numbers)
    children: dict[int, _Child] = {}
    try:
        while waiting or children:
            while waiting and len(children) < jobs:
                mine = [waiting.popleft() for _ in range(min(limits.cases, len(waiting)))]
                child = _Child(mine, work, limits)
                children[child.pipe] = child
            ready, _, _ = select.select(list(children), [], [], 1.0)
            for pipe in list(children):
                child = children[pipe]
                yield from child.heard(readable=pipe in ready)
                if child.ended:
                    del children[pipe]
                    # The first of those that are left is the one that it died of.
                    waiting.extendleft(reversed(child.left))
    finally:
        for child in children.values():
            child.kill()


@dataclass
class _Child:
    """A process that works through some cases."""

    left: list[int]
    work: Work
    limits: Limits
    ended: bool = False
    pipe: int = field(init=False)
    _buffer: bytes = b""

    def __post_init__(self) -> None:
        self.pipe, writing = os.pipe()
        self.process = os.fork()
        if self.process == 0:
            os.close(self.pipe)
            _serve(self.left, self.work, self.limits, writing)
        os.close(writing)
        self._since = time.monotonic()

    def heard(self, *, readable: bool) -> Iterator[Outcome]:
        """Outcomes that have come, and the end of the process."""
        if not readable:
            if time.monotonic() - self._since > self.limits.wall:
                self.kill()
                yield Outcome(self.left.pop(0), "hang", f"killed after {self.limits.wall:g} s", 0, self.limits.wall)
            return
        content = os.read(self.pipe, 1 << 16)
        if not content:
            yield from self._death()
            return
        *lines, self._buffer = (self._buffer + content).split(b"\n")
        for line in lines:
            self._since = time.monotonic()
            self.left.remove(int((found := json.loads(line))["number"]))
            yield Outcome(**found)

    def _death(self) -> Iterator[Outcome]:
        status = self._wait()
        if not self.left:
            return
        if os.WIFSIGNALED(status):
            number = os.WTERMSIG(status)
            kind = "hang" if number == signal.SIGPROF else "crash"
            yield Outcome(self.left.pop(0), kind, signal.Signals(number).name, 0, time.monotonic() - self._since)
        elif (code := os.WEXITSTATUS(status)) != 0:
            yield Outcome(self.left.pop(0), "crash", f"ended with {code}", 0, time.monotonic() - self._since)

    def kill(self) -> None:
        """Ends the process."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process, signal.SIGKILL)
        self._wait()

    def _wait(self) -> int:
        if self.ended:
            return 0
        self.ended = True
        os.close(self.pipe)
        return os.waitpid(self.process, 0)[1]


def _serve(numbers: Sequence[int], work: Work, limits: Limits, pipe: int) -> None:
    """The life of a child; does not return."""
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with tempfile.TemporaryFile() as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            base = _status("VmRSS")
            most = _status("VmSize") + limits.memory + 200_000_000  # threads and maps that are never touched
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
            for number in list(numbers):
                outcome = _one(number, work, limits, base, said)
                os.write(pipe, json.dumps(asdict(outcome)).encode() + b"\n")
                if outcome.kind == "memory":
                    # What it took may stay with the process, where the allocator keeps it: a new one goes on.
                    break
        code = 0
    finally:
        os._exit(code)


def _one(number: int, work: Work, limits: Limits, base: int, said: IO[bytes]) -> Outcome:
    _reset_peak()
    signal.setitimer(signal.ITIMER_PROF, limits.cpu)
    start = time.monotonic()
    kind, words = judged(lambda: work(number))
    signal.setitimer(signal.ITIMER_PROF, 0)
    peak = max(0, _status("VmHWM") - base)
    if peak > limits.memory:
        kind, words = "memory", f"{peak / 1e6:.0f} MB: {words}"
    if noise := _said(said):
        kind, words = (kind, words) if kind in BAD else (f"{kind} with noise", noise)
    return Outcome(number, kind, words, peak, time.monotonic() - start)


def judged(do: Callable[[], str]) -> tuple[str, str]:
    """What came of a piece of work: its word, or that of the error that it raised, and what was said."""
    try:
        return do(), ""
    except (ResourceError, MemoryError) as error:
        return "memory", f"{type(error).__name__}: {error}"
    except SegexpError as error:
        text = str(error)
        return ("refused" if is_line(text) else "lines"), f"{type(error).__name__}: {text}"
    except WrongError as error:
        return "wrong", str(error)
    except BaseException as error:  # whatever else: that is what is looked for
        place = _place(error)
        return "trace", f"{type(error).__name__}: {str(error)[:200]} ({place})"


def is_line(text: str) -> bool:
    """Whether a message is one line, as the command line prints it."""
    return bool(text) and len(readable(text).splitlines()) == 1 and len(text) < 2000


def _place(error: BaseException) -> str:
    trace = error.__traceback__
    last = "?"
    while trace is not None:
        last = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return last


def _said(stream: IO[bytes]) -> str:
    """What was written on the terminal since it was last asked."""
    import sys

    for each in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            each.flush()
    size = os.lseek(stream.fileno(), 0, os.SEEK_END)
    if not size:
        return ""
    os.lseek(stream.fileno(), 0, os.SEEK_SET)
    text = os.read(stream.fileno(), 500).decode("utf-8", "replace")
    os.lseek(stream.fileno(), 0, os.SEEK_SET)
    os.ftruncate(stream.fileno(), 0)
    return " ".join(text.split())


def _reset_peak() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status(name: str) -> int:
    """Bytes of a line of /proc/self/status."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    return 0


def count(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Counts outcomes by kind, with the largest memory and the longest time."""
    kinds: dict[str, int] = {}
    for outcome in outcomes:
        kinds[outcome.kind] = kinds.get(outcome.kind, 0) + 1
    peak = max((outcome.peak for outcome in outcomes), default=0)
    longest = max((outcome.seconds for outcome in outcomes), default=0.0)
    return {"kinds": kinds, "peak_mb": round(peak / 1e6), "longest_s": round(longest, 2)}
