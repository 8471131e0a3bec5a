"""run.json: how a run was started, with which code, on what, and how it ended."""

import importlib.metadata
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segexp.config.overrides.quoting import given_line
from segexp.runs.attempts import is_trained, kept_entries, record_of, seconds_before
from segexp.runs.folder import RunFolder

PACKAGES = (
    "segexp", "torch", "lightning", "torchmetrics", "hydra-core", "omegaconf", "albumentations",
    "opencv-python-headless", "numpy", "scikit-image",
)  # fmt: skip
MAX_DIFF = 1_000_000
"""Characters of the git diff that are kept; a larger one is cut, which the file says."""


class RunRecord:
    """Keeps run.json up to date while a run goes through its states.

    Attributes:
        trained: Whether the training had ended when this attempt began.
    """

    def __init__(
        self, folder: RunFolder, command: Sequence[str], facts: Mapping[str, Any], *, goes_on: bool = False
    ) -> None:
        """Writes the first run.json, in state ``running``.

        Args:
            folder: Where it lies.
            command: The command line in words, the program's name first.
            facts: What is known at the start: name, seed, overrides, choices, device, speed, model, data.
            goes_on: Whether the folder holds the start of the same run: its record is kept, with an entry for each
                attempt that has ended.
        """
        self._folder = folder
        self._started = datetime.now(UTC)
        earlier = record_of(folder.path) if goes_on else {}
        kept = kept_entries(folder.path, earlier) if earlier else {}
        self.trained = is_trained(kept)
        git, diff = git_state()
        if diff:
            folder.write_text("git.diff", diff)
        begun = {"command": given_line(command), "started": self._started.isoformat(timespec="seconds")}
        self._content: dict[str, Any] = {
            "command": begun["command"],
            "state": "running",
            "started": begun["started"],
            "git": git,
            "versions": versions(),
            "machine": machine(),
            **facts,
            **kept,
            **({"went_on": begun} if kept else {}),
        }
        self._write()

    @property
    def content(self) -> Mapping[str, Any]:
        """Content of run.json as it was last written."""
        return self._content

    def update(self, **facts: Any) -> None:
        """Adds or replaces facts."""
        self._content.update(facts)
        self._write()

    def end(self, state: str, **facts: Any) -> None:
        """Records the end: ``finished``, ``interrupted`` or ``failed``."""
        ended = datetime.now(UTC)
        seconds = round(seconds_before(self._content) + (ended - self._started).total_seconds(), 1)
        self.update(state=state, ended=ended.isoformat(timespec="seconds"), seconds=seconds, **facts)

    def _write(self) -> None:
        self._folder.write_json("run.json", self._content)


def end_from_outside(folder: Path, state: str, error: str | None) -> None:
    """Records the end of a run whose own process could not; where it did, nothing changes."""
    record = folder / "run.json"
    if not record.is_file():
        return
    content = json.loads(record.read_text(encoding="utf-8"))
    if content["state"] == "running":
        ended = datetime.now(UTC).isoformat(timespec="seconds")
        content |= {"state": state, "ended": ended} | ({} if error is None else {"error": error})
        RunFolder(folder).write_json("run.json", content)


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that the result depends on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def machine() -> dict[str, Any]:
    """Operating system, processor and cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": platform.platform(), "processor": _processor(), "cores": cores}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def git_state() -> tuple[dict[str, Any], str]:
    """Commit and uncommitted diff of the code that runs; empty where it is not a checkout.

    The user's own folder counts when it is a checkout (their models lie there), else segexp's.
    """
    for place in (Path.cwd(), Path(__file__).resolve().parent):
        commit = _git(place, "rev-parse", "HEAD")
        if commit:
            diff = _git(place, "diff", "HEAD")
            if len(diff) > MAX_DIFF:
                diff = diff[:MAX_DIFF] + f"\n[cut: {len(diff)} characters in all]\n"
            changed = _git(place, "status", "--porcelain").splitlines()
            return {
                "commit": commit.strip(),
                "repository": Path(_git(place, "rev-parse", "--show-toplevel").strip()).name,
                "dirty": bool(changed),
                "untracked": [line[3:] for line in changed if line.startswith("??")],
            }, diff
    return {"commit": None, "dirty": None}, ""


def _git(place: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(place), *arguments], capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    # a diff holds the bytes of the files, in whatever encoding they are
    return done.stdout.decode("utf-8", errors="replace") if done.returncode == 0 else ""
