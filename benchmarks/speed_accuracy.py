"""What the faster settings cost in accuracy: the default experiment with ``speed=auto`` and ``speed=off``.

    python benchmarks/speed_accuracy.py [--seeds 3] [key=value ...]

Further arguments are overrides of every run. The ways take turns, seed by seed. Prints test mean IoU and training
seconds of each run, then means, standard deviations over seeds, and the ratio of the training times.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

WAYS = ("off", "auto")


def main() -> None:
    """Runs both ways for each seed and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    print(f"{'speed':<8}{'seed':>6}{'mean IoU':>10}{'AUC':>9}{'train s':>9}")
    for seed in range(arguments.seeds):
        for way in WAYS:
            results, run = _train([f"speed={way}", f"seed={seed}", *arguments.overrides])
            figures = results["rows"][0]["dataset"]
            found[way].append((figures["miou"], run["train_seconds"]))
            auc = figures.get("auc")
            shown = f"{auc:.4f}" if auc is not None else "-"
            print(f"{way:<8}{seed:>6}{figures['miou']:>10.4f}{shown:>9}{run['train_seconds']:>9.1f}", flush=True)
    for way, pairs in found.items():
        values = [miou for miou, _ in pairs]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        print(f"speed={way}: mean IoU {statistics.mean(values):.4f}, standard deviation over seeds {spread:.4f}")
    seconds = {way: statistics.median(s for _, s in pairs) for way, pairs in found.items()}
    print(f"training time, off / auto: {seconds['off'] / seconds['auto']:.2f}")


def _train(overrides: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """results.json and run.json of one run."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "segexp", f"output_dir={place}", "trainer.progress=none", *overrides]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(done.stderr)
        folder = next(Path(place).glob("*/*/results.json")).parent
        return json.loads((folder / "results.json").read_text()), json.loads((folder / "run.json").read_text())


if __name__ == "__main__":
    main()
