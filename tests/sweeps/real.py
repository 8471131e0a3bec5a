"""Sweeps of tiny runs as a user starts them, and what they leave."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from tests.training.runs import TINY

REPOSITORY = Path(__file__).resolve().parents[2]
QUICK = ("panels=0", "baselines=false", "metric=none", "bootstrap=0")
PART = "callbacks.part={_target_: tests.training.parts.%s}"


def command(*overrides: str) -> list[str]:
    return [sys.executable, "-m", "segexp", *TINY, *QUICK, *overrides]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY), **more}


def sweep(*overrides: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return run(command("-m", *overrides), **more)


def resume(folder: Path, *overrides: str) -> "subprocess.CompletedProcess[str]":
    return run([sys.executable, "-m", "segexp", f"sweep.resume={folder}", *overrides])


def run(line: list[str], **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        line,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=environment(**more),
    )


def sweep_folder(parent: Path = Path()) -> Path:
    (folder,) = (parent / "outputs" / "multirun").iterdir()
    return folder


def manifest(folder: Path) -> list[dict[str, Any]]:
    content = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    jobs: list[dict[str, Any]] = content["jobs"]
    return jobs


def results(folder: Path) -> dict[str, Any]:
    """All numbers of a sweep by job: metrics, results, figures per image, weights; times and places left out."""
    found: dict[str, Any] = {}
    for job in manifest(folder):
        place = folder / job["folder"]
        with (place / "metrics.csv").open(newline="", encoding="utf-8") as stream:
            rows = [{key: cell for key, cell in row.items() if key != "seconds"} for row in csv.DictReader(stream)]
        weights = torch.load(place / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
        found[job["folder"]] = {
            "key": job["key"],
            "metrics": rows,
            "results": json.loads((place / "results.json").read_text(encoding="utf-8")),
            "images": (place / "per_image.csv").read_text(encoding="utf-8"),
            "weights": {name: value.tolist() for name, value in weights.items()},
            "config": (place / "config.yaml").read_text(encoding="utf-8"),
            "files": sorted(str(p.relative_to(place)) for p in place.rglob("*") if p.is_file()),
        }
    return found
