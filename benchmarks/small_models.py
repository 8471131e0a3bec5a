"""The table of small models in docs/results.md, made from the run folders of its sweep.

    python benchmarks/small_models.py outputs/multirun/<date>_<time>

Prints a Markdown table per data set: Dice and AUC on the test images, parameters, and training crops a second (the
median epoch, without validation), each as it stands in results.json, run.json and metrics.csv of the run. The Dice
and AUC are of the foreground for two classes, else means over classes.
"""

import argparse
import csv
import statistics
import sys
from pathlib import Path
from typing import Any

from segexp.run.contents import RunContents, read_run


def main() -> None:
    """Reads the folders and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, help="folder that holds the run folders")
    runs = [read_run(path.parent) for path in sorted(parser.parse_args().sweep.glob("*/run.json"))]
    unfinished = [run.path.name for run in runs if not run.results]
    for name in unfinished:
        print(f"{name}: no results.json, left out", file=sys.stderr)
    by_data: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        if run.results:
            by_data.setdefault(str(run.results["task"]["datamodule"]), []).append(_row(run))
    for data, rows in by_data.items():
        _print(data, sorted(rows, key=lambda row: -row["dice"]))


def _row(run: RunContents) -> dict[str, Any]:
    pooled = run.results["rows"][0]["dataset"]
    classes = run.results["task"]["classes"]
    binary = len(classes) == 2
    return {
        "model": run.run["model"]["name"],
        "dice": pooled["dice"][classes[1]] if binary else pooled["mdice"],
        "auc": pooled["auc"] if binary else pooled["mean"]["auc"],
        "parameters": run.run["model"]["parameters"],
        "speed": run.run["data"]["train"]["samples"] / _epoch_seconds(run.path),
        "seconds": run.run["train_seconds"],
    }


def _epoch_seconds(folder: Path) -> float:
    with (folder / "metrics.csv").open(newline="") as file:
        return statistics.median(float(row["seconds"]) for row in csv.DictReader(file))


def _print(data: str, rows: list[dict[str, Any]]) -> None:
    print(
        f"\n{data}\n\n| model | parameters | Dice | AUC | crops/s | training |\n| --- | --- | --- | --- | --- | --- |"
    )
    for row in rows:
        print(
            f"| `{row['model']}` | {row['parameters']:,} | {row['dice']:.4f} | {row['auc']:.4f} "
            f"| {row['speed']:.0f} | {row['seconds']:.0f} s |"
        )


if __name__ == "__main__":
    main()
