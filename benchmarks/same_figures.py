"""Whether two checkouts give the same figures, to the last digit, for the same seeds.

    python -m benchmarks.same_figures OTHER_CHECKOUT [--drive DRIVE] [--cells CELLS] [--only NAME] [--keep FOLDER]

Runs the same commands with the code of both: the default run, a short run of the presets for DRIVE and for cells, a
sweep and a search. Compared are every column of metrics.csv but ``seconds``, every cell of per_image.csv, and every
value of results.json that both have; keys that only one of them has are listed. Without folders of DRIVE and cells,
images are drawn in their layouts. Exit code 1 where a figure differs.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
SHORT = ["datamodule=synthetic", "trainer=smoke", "speed=off", "panels=0"]
UNLIKE = ("path", "folder", "file", "seconds", "command", "averaging")
"""Keys whose values are places, times or words."""


def main() -> None:
    """Prints a line for each run and file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path)
    parser.add_argument("--drive", type=Path)
    parser.add_argument("--cells", type=Path)
    parser.add_argument("--only")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    place = given.keep or Path(tempfile.mkdtemp(prefix="same_figures_"))
    drive = given.drive or _drawn(place, "drive")
    cells = given.cells or _drawn(place, "cells")
    problems = 0
    for name, words in _commands(drive.resolve(), cells.resolve()).items():
        if given.only in (None, name):
            folders = [_run(checkout.resolve(), place / side / name, words) for checkout, side in
                       ((given.other, "other"), (HERE, "here"))]  # fmt: skip
            problems += _compare(name, *folders)
    sys.exit(1 if problems else 0)


def _commands(drive: Path, cells: Path) -> dict[str, list[str]]:
    return {
        "default": [],
        "drive_cunet": ["experiment=drive_cunet", f"datamodule.root='{drive}'", "trainer.max_epochs=2"],
        "cells_unet": [
            "experiment=cells_unet", f"datamodule.root='{cells}'", "trainer.max_epochs=2",
            "trainer.check_val_every_n_epoch=1",
        ],
        "sweep": ["-m", *SHORT, "model=unet_little,segnet_shallow", "seed=0,1"],
        "search": ["-m", *SHORT, "sweep=optuna", "sweep.trials=3", "optimizer.lr=log(1e-4,1e-2)"],
    }  # fmt: skip


def _drawn(place: Path, layout: str) -> Path:
    """Images in the layout of a data set, made by the code of this checkout."""
    folder = place / f"{layout}_drawn"
    scene = "cells" if layout == "cells" else "vessels"
    _segexp(HERE, place, ["generate", f"scene={scene}", f"layout={layout}", f"out={folder}"])
    return folder


def _run(checkout: Path, folder: Path, words: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    _segexp(checkout, folder, words)
    return folder


def _segexp(checkout: Path, folder: Path, words: list[str]) -> None:
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "segexp", *words], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"{checkout}: {' '.join(words)}: exit code {done.returncode}\n{done.stderr[-2000:]}")


def _compare(name: str, other: Path, here: Path) -> int:
    """Number of differing figures, which are printed."""
    runs = [sorted(path.parent for path in folder.rglob("results.json")) for folder in (other, here)]
    if len(runs[0]) != len(runs[1]):
        print(f"{name}: {len(runs[0])} and {len(runs[1])} finished runs")
        return 1
    differ = 0
    for number, pair in enumerate(zip(*runs, strict=True)):
        for file in ("metrics.csv", "per_image.csv", "results.json"):
            values = [dict(_values(folder / file)) for folder in pair]
            both = values[0].keys() & values[1].keys()
            wrong = sorted(key for key in both if values[0][key] != values[1][key])
            alone = [sorted(one.keys() - both) for one in values]
            print(f"{name} {number} {file}: {len(both)} values, {len(wrong)} differ", *wrong[:5], sep="  ")
            for side, keys in zip(("other", "here"), alone, strict=True):
                if keys:
                    print(f"    only {side}: {len(keys)}, {', '.join(keys[:6])}")
            differ += len(wrong) + len(alone[0])
    return differ


def _values(path: Path) -> Iterator[tuple[str, Any]]:
    """Every value of a file under a name of its own."""
    if path.suffix == ".json":
        yield from _leaves(json.loads(path.read_text(encoding="utf-8")), "")
        return
    with path.open(newline="", encoding="utf-8") as stream:
        for number, row in enumerate(csv.DictReader(stream)):
            yield from ((f"{number}.{key}", value) for key, value in row.items() if key != "seconds")


def _leaves(tree: Any, path: str) -> Iterator[tuple[str, Any]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        if key not in UNLIKE:
            yield from _leaves(value, f"{path}.{key}")
    if not isinstance(tree, dict | list):
        yield path, tree


if __name__ == "__main__":
    main()
