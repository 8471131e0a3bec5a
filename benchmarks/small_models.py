"""The table of small models in docs/results.md, made from the run folders of its sweep.

    python benchmarks/small_models.py outputs/multirun/<sweep> [--rounds 3]

Prints a Markdown table per data set: parameters, Dice and AUC on the test images as they stand in the run folders (of
the foreground for two classes, else means over classes), and the speed of training relative to cunet. The speed is
measured here and now, not taken from the runs: the models take turns, each in a process of its own, so that a busy
moment of the machine hits all of them.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from segexp.runs.contents import RunContents, read_run

REFERENCE = "cunet"
BATCH, SIDE, WARM_UP, STEPS = 8, 128, 2, 12


def main() -> None:
    """Reads the folders, measures the models, prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", type=Path, help="folder that holds the run folders", nargs="?")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.model:
        print(json.dumps(_measure(arguments.model)))
        return
    runs = [read_run(path.parent) for path in sorted(arguments.sweep.glob("**/run.json"))]
    for run in runs:
        if not run.results:
            print(f"{run.path.name}: no results.json, left out", file=sys.stderr)
    rows = [_row(run) for run in runs if run.results]
    names = sorted({REFERENCE, *(row["model"] for row in rows)})
    rounds = [{name: _in_process(name) for name in names} for _ in range(arguments.rounds)]
    for data in sorted({row["data"] for row in rows}):
        _print(data, sorted((row for row in rows if row["data"] == data), key=lambda row: -row["dice"]), rounds)


def _row(run: RunContents) -> dict[str, Any]:
    pooled = run.results["rows"][0]["dataset"]
    classes = run.results["task"]["classes"]
    binary = len(classes) == 2
    return {
        "data": str(run.results["task"]["datamodule"]),
        "model": run.run["model"]["name"],
        "dice": pooled["dice"][classes[1]] if binary else pooled["mdice"],
        "auc": pooled["auc"] if binary else pooled["mean"]["auc"],
        "parameters": run.run["model"]["parameters"],
    }


def _print(data: str, rows: list[dict[str, Any]], rounds: list[dict[str, float]]) -> None:
    print(f"\n{data}\n\n| model | parameters | Dice | AUC | crops/s | against {REFERENCE} |")
    print("| --- | --- | --- | --- | --- | --- |")
    for row in rows:
        speed = statistics.median(one[row["model"]] for one in rounds)
        ratio = statistics.median(one[row["model"]] / one[REFERENCE] for one in rounds)
        print(
            f"| `{row['model']}` | {row['parameters']:,} | {row['dice']:.4f} | {row['auc']:.4f} "
            f"| {speed:.0f} | {ratio:.2f} |"
        )


def _in_process(model: str) -> float:
    command = [sys.executable, __file__, "--model", model]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def _measure(name: str) -> float:
    """Crops a second of training steps (forward, BCE, backward, Adam) with segexp's settings, tensors in memory."""
    from hydra import compose, initialize_config_dir

    from segexp.config.composed import checked_train
    from segexp.config.paths import conf_dir
    from segexp.system.allocator import tune_allocator

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        experiment = checked_train(compose("train", [f"model={name}"]))
    allocator = tune_allocator(experiment.speed.allocator)
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from segexp.models.sizes import same_size
    from segexp.spec import DataSpec, MaskTarget
    from segexp.tasks.speed import resolve_speed
    from segexp.training.building.model import build_model

    speed = resolve_speed(experiment.speed, "cpu", allocator=allocator)
    layout = torch.channels_last if speed.channels_last else torch.contiguous_format
    model = build_model(experiment.model, DataSpec(MaskTarget(("ground", "thing"), ((0, 0, 0), (255, 255, 255)))))
    model = model.to(memory_format=layout)  # type: ignore[call-overload] # stubs know only the one form
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    image = torch.randn(BATCH, 3, SIDE, SIDE).contiguous(memory_format=layout)
    target = torch.rand(BATCH, 1, SIDE, SIDE).round()
    start = 0.0
    for step in range(WARM_UP + STEPS):
        if step == WARM_UP:
            start = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=speed.bfloat16):
            logits = same_size(model, image)
        if not isinstance(logits, torch.Tensor):
            logits = logits.logits
        loss = binary_cross_entropy_with_logits(logits.float(), target)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch publishes no types for it
        optimizer.step()
    return STEPS * BATCH / (time.perf_counter() - start)


if __name__ == "__main__":
    main()
