"""Kills a whole sweep again and again, resumes it each time, and compares all it gives with an undisturbed one.

    python benchmarks/sweep_kill.py [--kills 10] [--rounds 1] [--kind sweep|search|both] [--seed 0] [--keep FOLDER]

Every kill is SIGKILL, at a random moment: to all processes of the sweep, or to the first alone, which must take the
others with it. A round is one sweep, or search, with so many kills, compared with an undisturbed one of its kind.
Prints a line per kill and round, and at the end how many rounds are equal in every number; exit code 1 if one is not.
"""

import argparse
import contextlib
import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from segexp.runs.manifest_files import read_manifest

REPOSITORY = Path(__file__).resolve().parent.parent
SMALL = (
    "datamodule.size=32", "datamodule.train_images=8", "datamodule.val_images=3", "datamodule.test_images=3",
    "datamodule.crop_size=16", "datamodule.loader.batch_size=4", "model.base=2", "model.depth=2",
    "model.norm=batch", "trainer.accelerator=cpu", "trainer.max_epochs=10", "optimizer.lr=0.02", "panels=2",
    "metric=[asd]", "bootstrap=50",
)  # fmt: skip
GRID = ("callbacks.early_stopping.patience=null,2", "loss=bce,bce_jaccard", "seed=0,1")
SEARCH = (
    "sweep=optuna", "sweep.trials=5", "sweep.jobs=1", "sweep.startup=2", "sweep.pruner=none",
    "optimizer.lr=log(1e-3,1e-1)",
    "loss=bce,bce_jaccard",
)  # fmt: skip
"""One trial at a time: what the sampler proposes depends on which trials have ended."""
EARLY = 0.2
"""Share of the kills that come while the sweep starts; the others while jobs run."""
TIMES = ("seconds", "epoch_seconds")
"""Columns that differ between any two runs."""


def main() -> None:
    """Runs both sweeps and compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--kind", choices=("sweep", "search", "both"), default="sweep")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--keep", type=Path, help="folder to work in, kept at the end")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kinds = ("sweep", "search") if given.kind == "both" else (given.kind,)
        equal = _rounds(folder, kinds, given.rounds, given.kills, given.seed)
    print(f"equal in every number: {sum(equal)} of {len(equal)}")
    sys.exit(0 if all(equal) else 1)


def _rounds(folder: Path, kinds: Sequence[str], rounds: int, kills: int, seed: int) -> list[bool]:
    """Whether each round was equal; the undisturbed ones are run once."""
    words = {"sweep": [*SMALL, *GRID], "search": [*SMALL, *SEARCH]}
    whole = {kind: undisturbed(folder / f"undisturbed_{kind}", words[kind]) for kind in kinds}
    equal = []
    for number in range(rounds):
        kind, chance = kinds[number % len(kinds)], random.Random(f"{seed} {number}")
        differences = killed(folder / f"killed_{number:02d}", kills, chance, words[kind], *whole[kind])
        print(f"round {number} ({kind}): {'; '.join(differences) if differences else 'equal'}", flush=True)
        equal.append(not differences)
    return equal


def compare(folder: Path, kills: int, chance: random.Random, overrides: Sequence[str]) -> list[str]:
    """Runs a sweep undisturbed and one with kills.

    Args:
        folder: To work in.
        kills: How many.
        chance: Where the moments come from.
        overrides: The sweep.

    Returns:
        What differs; empty when nothing does.
    """
    return killed(folder / "killed", kills, chance, overrides, *undisturbed(folder / "undisturbed", overrides))


def undisturbed(place: Path, overrides: Sequence[str]) -> tuple[dict[str, Any], float]:
    """Gives all numbers of a sweep to which nothing happens, and the seconds that it took."""
    place.mkdir(parents=True)
    start = time.monotonic()
    subprocess.run(_command(["-m", *overrides]), cwd=place, check=True, stdout=subprocess.DEVNULL, env=_environment())
    seconds = time.monotonic() - start
    print(f"undisturbed: {seconds:.1f} s")
    return _results(place), seconds


def killed(
    broken: Path, kills: int, chance: random.Random, overrides: Sequence[str], right: dict[str, Any], seconds: float
) -> list[str]:
    """Runs a sweep with kills.

    Args:
        broken: Folder to work in.
        kills: How many.
        chance: Where the moments come from.
        overrides: The sweep.
        right: Its numbers without kills.
        seconds: That it takes without.

    Returns:
        What differs.
    """
    broken.mkdir(parents=True)
    for number in range(1, kills + 1):
        # The more kills, the sooner each comes, so that the last ones find jobs too.
        _killed(broken, overrides, chance, seconds / max(4, kills), number)
    code = _run(broken, overrides).wait()
    print(f"last run: exit code {code}")
    return [*([f"exit code {code}"] if code else []), *_differences(right, _results(broken))]


def _killed(place: Path, overrides: Sequence[str], chance: random.Random, latest: float, number: int) -> None:
    """Starts or resumes the sweep and kills it at a random moment, at most ``latest`` seconds after a job began."""
    start = time.time()
    process = _run(place, overrides)
    early = chance.random() < EARLY
    if not early:
        _wait_for_jobs(place, start, process)
    moment = chance.uniform(0.0, 2.0 if early else latest)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(moment)
    everyone = chance.random() < 0.7
    victims = [process.pid, *(_descendants(process.pid) if everyone else [])]
    for pid in victims:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()
    print(f"kill {number} of {len(victims)} processes after {time.time() - start:.1f} s: {_states(place)}", flush=True)


def _wait_for_jobs(place: Path, start: float, process: "subprocess.Popen[bytes]") -> None:
    """Until a job of this run says something, or the run is over."""
    while process.poll() is None:
        logs = place.glob("outputs/multirun/*/jobs/*/output.log")
        if any(log.stat().st_mtime > start for log in logs):
            return
        time.sleep(0.02)


def _run(place: Path, overrides: Sequence[str]) -> "subprocess.Popen[bytes]":
    """As a user would: resume where there is a manifest, else start anew."""
    found = sorted(place.glob("outputs/multirun/*/manifest.json"))
    line = [f"sweep.resume={found[0].parent.relative_to(place)}"] if found else ["-m", *overrides]
    with (place / "said.txt").open("ab") as said:
        return subprocess.Popen(_command(line), cwd=place, stdout=said, stderr=said, env=_environment())


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "segexp", *arguments]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}


def _descendants(pid: int) -> list[int]:
    """All processes below one, however deep, also in other sessions."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
    below = [child for child, parent in parents.items() if parent == pid]
    return [found for child in below for found in (child, *_descendants(child))]


def _states(place: Path) -> str:
    found = sorted(place.glob("outputs/multirun/*/manifest.json"))
    if not found:
        return "no manifest yet"
    return " ".join(job["state"] for job in read_manifest(found[0].parent)["jobs"])


def _results(place: Path) -> dict[str, Any]:
    """All numbers of a sweep, by job and file."""
    (manifest,) = place.glob("outputs/multirun/*/manifest.json")
    found: dict[str, Any] = {}
    for job in json.loads(manifest.read_text(encoding="utf-8"))["jobs"]:
        values = {"key": job["key"], "state": job["state"], **_of_run(manifest.parent / job["folder"])}
        found |= {f"{job['folder']} {name}": value for name, value in values.items()}
    return found


def _of_run(folder: Path) -> dict[str, Any]:
    """Everything that a run measured or drew; times left out."""
    # Whether there is a git.diff is the business of whoever works on the code meanwhile, or of a git that is too slow.
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "git.diff")
    found: dict[str, Any] = {"files": sorted(str(path.relative_to(folder)) for path in files)}
    with (folder / "metrics.csv").open(newline="", encoding="utf-8") as stream:
        found["metrics.csv"] = [{k: v for k, v in row.items() if k not in TIMES} for row in csv.DictReader(stream)]
    for name in ("results.json", "per_image.csv", "config.yaml"):
        found[name] = (folder / name).read_text(encoding="utf-8")
    found["epochs"] = json.loads((folder / "run.json").read_text(encoding="utf-8"))["epochs"]
    for picture in folder.glob("panels/*.png"):
        found[picture.name] = picture.read_bytes()
    for name in ("best", "last"):
        weights = torch.load(folder / "checkpoints" / f"{name}.ckpt", weights_only=True)["state_dict"]
        found |= {f"{name}.ckpt {key}": value.tolist() for key, value in weights.items()}
    return found


def _differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [f"differs: {name}" for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name)]


if __name__ == "__main__":
    main()
