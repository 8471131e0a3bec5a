"""What any engine must give: the numbers of the local one, and a sweep that goes on."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.sweeps.real import command, environment, manifest, results, sweep_folder

LONG = ("trainer.max_epochs=100", "scheduler=none", "seed=0,1,2")
PATIENCE = 300
"""Seconds without any change of a file after which a test gives up; how long all of it takes depends on the machine."""


class Watch:
    """Ends a test in which nothing happens any more."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._seen: float = -1.0
        self._end = 0.0
        self.look()

    def look(self) -> None:
        """Fails if nothing below the current folder has changed for long."""
        if (seen := _last_change()) != self._seen:
            self._seen, self._end = seen, time.monotonic() + PATIENCE
        assert time.monotonic() < self._end, f"{self._what}: nothing has happened for {PATIENCE} s"


def _last_change() -> float:
    times = [0.0]
    for folder, _, names in os.walk("."):
        for name in (".", *names):
            # What is written at this moment may be gone at the next.
            with suppress(OSError):
                times.append(Path(folder, name).stat().st_mtime)
    return max(times)


@contextmanager
def started(*overrides: str) -> Iterator["subprocess.Popen[str]"]:
    """A sweep that runs; killed at the end if it still does."""
    with subprocess.Popen(
        command("-m", *overrides), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment()
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition: Callable[[], bool], what: str, process: "subprocess.Popen[str] | None" = None) -> None:
    watch = Watch(what)
    while not condition():
        assert process is None or process.poll() is None, process.communicate()[0]
        watch.look()
        time.sleep(0.1)


def epochs(number: int) -> int:
    """Epochs of a job that are on the disk."""
    found = list(Path("outputs/multirun").glob(f"*/{number:03d}_*/metrics.csv"))
    return len(found[0].read_text(encoding="utf-8").splitlines()) - 1 if found else 0


def numbers(folder: Path) -> dict[str, Any]:
    """Every number of a sweep but times: metrics per epoch, figures of test and image, weights."""
    parts = ("checkpoint", "threshold", "rows", "confusion", "notes")
    told = results(folder)
    for job in told.values():
        job["results"] = {part: job["results"][part] for part in parts}
    return {
        name: {part: job[part] for part in ("metrics", "results", "images", "weights")} for name, job in told.items()
    }


def states(folder: Path) -> list[str]:
    return [job["state"] for job in manifest(folder)]


def table(folder: Path) -> list[dict[str, str]]:
    """The table of a sweep without times."""
    with (folder / "summary.csv").open(newline="", encoding="utf-8") as stream:
        return [{k: v for k, v in row.items() if not k.startswith("train_s")} for row in csv.DictReader(stream)]


def resumed(*overrides: str) -> "subprocess.Popen[str]":
    line = [sys.executable, "-m", "segexp", f"sweep.resume={sweep_folder()}", *overrides]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment())


def ended(process: "subprocess.Popen[str]", code: int = 0) -> str:
    """What it said."""
    watch = Watch("the end of the command")
    while True:
        try:
            out: str = process.communicate(timeout=2)[0]
        except subprocess.TimeoutExpired:
            watch.look()
            continue
        assert process.returncode == code, out
        return out


def ctrl_c(process: "subprocess.Popen[str]") -> str:
    process.send_signal(signal.SIGINT)
    out = ended(process, 130)
    assert f"to go on: python -m segexp sweep.resume={sweep_folder()}" in out
    return out
