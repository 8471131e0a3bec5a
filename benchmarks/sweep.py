"""A sweep of 12 jobs beside the same 12 as commands one after the other, and beside what the jobs themselves take.

    python benchmarks/sweep.py [--jobs auto 1 2] [--no-commands] [key=value ...]

For every number of jobs at a time: wall time of the sweep, the jobs' own time (training and test, as run.json has it)
divided by the jobs at a time, the ratio of both, and the largest difference in peak memory between jobs. ``key=value``
changes the experiment, which takes a few seconds by default.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent
SMALL = (
    "datamodule.size=128", "datamodule.train_images=32", "datamodule.crop_size=64", "model.base=8",
    "trainer.accelerator=cpu", "trainer.max_epochs=15",
)  # fmt: skip
GRID = {"loss": ("bce", "bce_jaccard"), "optimizer.lr": ("1e-3", "3e-3"), "seed": ("0", "1", "2")}


def main() -> None:
    """Runs everything and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", nargs="+", default=["auto"], help="values of sweep.jobs to try")
    parser.add_argument("--no-commands", action="store_true", help="leave out the 12 separate commands")
    parser.add_argument("overrides", nargs="*", help="changes to the experiment")
    given = parser.parse_args()
    common = [*SMALL, *given.overrides]
    print(f"{'':<34}{'wall s':>8}{'own s / jobs at a time':>24}{'ratio':>7}{'memory':>18}")
    for jobs in given.jobs:
        _print_sweep(jobs, common)
    if not given.no_commands:
        _print_commands(common)


def _print_sweep(jobs: str, common: Sequence[str]) -> None:
    grid = [f"{key}={','.join(values)}" for key, values in GRID.items()]
    with tempfile.TemporaryDirectory() as folder:
        wall = _run(["-m", *common, *grid, f"sweep.jobs={jobs}"], folder)
        (path,) = Path(folder).glob("outputs/multirun/*/manifest.json")
        manifest = json.loads(path.read_text(encoding="utf-8"))
        own = sum(_own_seconds(path.parent / job["folder"]) for job in manifest["jobs"])
    places, threads = manifest["engine"]["places"], manifest["engine"]["threads"]
    memory = [job["memory_mb"] for job in manifest["jobs"]]
    name = f"sweep, {places} at a time, {threads} threads each"
    ideal = own / places
    print(f"{name:<34}{wall:>8.1f}{ideal:>24.1f}{wall / ideal:>7.2f}{min(memory):>10} to {max(memory)} MB", flush=True)


def _print_commands(common: Sequence[str]) -> None:
    wall = own = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for values in product(*GRID.values()):
            chosen = [f"{key}={value}" for key, value in zip(GRID, values, strict=True)]
            wall += _run([*common, *chosen], folder)
        own = sum(_own_seconds(record.parent) for record in Path(folder).glob("outputs/*/*/run.json"))
    print(f"{'12 commands, one after the other':<34}{wall:>8.1f}{own:>24.1f}{wall / own:>7.2f}", flush=True)


def _run(arguments: Sequence[str], folder: str) -> float:
    """Wall time of one command line, seconds."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "segexp", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(command)} failed:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def _own_seconds(folder: Path) -> float:
    """Training and test of a run."""
    record: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return float(record["seconds"])


if __name__ == "__main__":
    main()
