"""How time and memory grow with the number of jobs, runs, files and images.

    python benchmarks/load.py [--cases sweep compare scan predict page] [--scale 1.0]

Each case is done with n, 2n and 4n, each in a process of its own; seconds are of the processor, memory is the peak of
that process. The exponent is that of what grows: log2 of the second increase over the first, so that what a process
costs anyway does not count; 1 is linear, 2 quadratic. Full size needs 2 GB of disk, given back, and some minutes.
"""

import argparse
import csv
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, TextIO

REPOSITORY = Path(__file__).resolve().parent.parent
CHECKPOINT = REPOSITORY / "tests" / "fixtures" / "formats" / "3" / "checkpoints" / "best.ckpt"
LARGEST = {"sweep": 1_000, "compare": 1_000, "scan": 100_000, "predict": 20_000, "page": 5_000}
UNITS = {"sweep": "jobs", "compare": "runs", "scan": "files", "predict": "images", "page": "test images"}


def main() -> None:
    """Prints a line for each case and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", choices=[*LARGEST], default=[*LARGEST], help="which")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one[0], Path(given.one[1]))))
        return
    print(f"{'':<26}{'processor s':>12}{'peak MB':>9}{'handles':>9}")
    for case in given.cases:
        largest = round(LARGEST[case] * given.scale)
        rows = [measured_apart(case, largest // part) for part in (4, 2, 1)]
        for row in rows:
            name = f"{case}, {row['n']:,} {UNITS[case]}"
            print(f"{name:<26}{row['seconds']:>12.2f}{row['megabytes']:>9.0f}{row['handles']:>9}", flush=True)
        print(f"{'  exponent':<26}{exponent(rows, 'seconds'):>12}{exponent(rows, 'megabytes'):>9}", flush=True)


def exponent(rows: Sequence[dict[str, Any]], key: str) -> str:
    """That of what grows over n, 2n, 4n; a dash where nothing does."""
    first, second = (after[key] - before[key] for before, after in pairwise(rows))
    # Less than a tenth of the whole is noise of the machine.
    grows = first > 0 and second > 0 and first + second > 0.1 * rows[0][key]
    return f"{math.log2(second / first):.2f}" if grows else "-"


def measured_apart(case: str, n: int) -> dict[str, Any]:
    """Prepares a case, and measures it in another process."""
    with tempfile.TemporaryDirectory(prefix="segexp_load_") as folder:
        PREPARE[case](Path(folder), n)
        words = [sys.executable, __file__, "--one", case, folder]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"n": n, **found}


def measure(case: str, folder: Path) -> dict[str, Any]:
    """Does a case once."""
    started = time.process_time()
    handles = WORK[case](folder)
    seconds = time.process_time() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
    return {"seconds": seconds, "megabytes": memory, "handles": handles}


def open_handles() -> int:
    """Files that this process holds open."""
    return len(list(Path("/proc/self/fd").iterdir()))


# ---- a sweep whose jobs end at once


def count_only(folder: Path, n: int) -> None:
    """The case makes what it needs itself."""
    (folder / "n").write_text(str(n))


def sweep(folder: Path) -> int:
    """Plans n jobs, starts them four at a time, writes down how they end, and goes on with the finished sweep."""
    from segexp.sweeps.display import Display
    from segexp.sweeps.layout import JobFiles
    from segexp.sweeps.manifest import Manifest
    from segexp.sweeps.run import Runner

    count = int((folder / "n").read_text())
    manifest = Manifest.create(folder / "sweep", _jobs(count), {"command": "segexp -m"})
    engine = _AtOnce(lambda number: JobFiles(folder / "sweep", number).write_outcome("finished"))
    with (folder / "said").open("w") as stream:
        code = Runner(manifest, engine, _display(Display, manifest, stream)).run()
    again = Manifest.read(folder / "sweep")
    if code or len(again.of("finished")) != count:
        raise SystemExit(f"{len(again.of('finished'))} of {count} finished, exit code {code}")
    return engine.handles


def _display(kind: Any, manifest: Any, stream: TextIO) -> Any:
    return kind(manifest, stream)


def _jobs(count: int) -> list[Any]:
    from dataclasses import replace

    from hydra import compose, initialize_config_dir

    from segexp.config.composed import checked_train
    from segexp.config.paths import conf_dir
    from segexp.invocation import Invocation
    from segexp.sweeps.plan import Job

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        experiment = checked_train(compose("train", []))
    labels = [f"optimizer.lr={number / 1e5:g} seed={number}" for number in range(count)]
    made = (replace(experiment, invocation=Invocation(overrides=tuple(label.split()))) for label in labels)
    return [Job(number, f"{number:016x}", labels[number], each) for number, each in enumerate(made)]


class _AtOnce:
    """An engine whose jobs have ended when they are asked for."""

    places = 4

    def __init__(self, ended: Callable[[int], None]) -> None:
        self.facts: Mapping[str, Any] = {}
        self.notes: list[str] = []
        self.handles = 0
        self._ended, self._started = ended, list[int]()

    def expect(self, number: int, experiment: Any) -> None:
        """Nothing."""

    def start(self, numbers: Sequence[int]) -> list[Any]:
        """Starts jobs."""
        self._started += numbers
        return []

    def wait(self, seconds: float) -> list[Any]:
        """All that were started have ended."""
        from segexp.sweeps.engines.base import Ended

        numbers, self._started = self._started, []
        for number in numbers:
            self._ended(number)
        self.handles = max(self.handles, open_handles())
        return [Ended(number, 0, 1.5, 100) for number in numbers]

    def interrupt(self) -> None:
        """Nothing runs."""

    kill = close = interrupt


# ---- runs


def make_run(folder: Path, number: int, images: int) -> None:
    """The plain files of a run as a test of that many images leaves them."""
    share = 0.5 + (number * 7919 % 1000) / 4000
    figures = {"miou": share, "mdice": share, "accuracy": 0.9, "iou": {"background": 0.9, "vessel": share}}
    row = {"name": "model", "note": "", "dataset": figures, "image": figures}
    checkpoint = {"path": "checkpoints/best.ckpt", "epoch": 3, "monitor": "val/miou", "mode": "max", "value": share}
    task = {"datamodule": "drive", "classes": ["background", "vessel"], "colours": [[0, 0, 0], [200, 40, 40]]}
    results = {"task": task, "checkpoint": checkpoint, "split": {"name": "test", "images": images}, "rows": [row]}
    record = {"name": "load", "state": "finished", "started": "2026-11-30T10:00:00+00:00", "seconds": 60.0,
              "model": {"name": "unet", "parameters": 1000}, "data": {"name": "drive"}}  # fmt: skip
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "results.json").write_text(json.dumps(results))
    (folder / "config.yaml").write_text(f"name: load\nseed: {number % 3}\noptimizer: {{lr: {1 + number // 3}.0e-5}}\n")
    with (folder / "per_image.csv").open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(["image", "row", "miou", "iou/vessel"])
        table.writerows([f"{i:05d}", "model", share, (i * 31 + number) % 1000 / 1000] for i in range(images))


def many_runs(folder: Path, n: int) -> None:
    """Runs of 20 images; three seeds of each setting."""
    for number in range(n):
        make_run(folder / "runs" / f"{number:05d}", number, 20)


def compare_runs(folder: Path) -> int:
    """The table, the differences and the page."""
    from segexp.report.comparison_page.compare import compare

    compare([folder / "runs"]).write(folder / "out")
    return open_handles()


def one_run(folder: Path, n: int) -> None:
    """A run of n test images."""
    make_run(folder / "run", 0, n)


def page(folder: Path) -> int:
    """Its page."""
    from segexp.report.run_page.page import write_report

    write_report(folder / "run")
    return open_handles()


# ---- images


def pairs(folder: Path, n: int) -> None:
    """N files: half as many images as masks of their names, 16 pixels a side."""
    _images(folder / "data" / "images", n // 2, 255)
    _images(folder / "data" / "masks", n // 2, 2)


def images(folder: Path, n: int) -> None:
    """N images of 16 pixels a side."""
    _images(folder / "data", n, 255)


def _images(folder: Path, n: int, largest: int) -> None:
    import cv2
    import numpy as np

    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(n):
        values = rng.integers(0, largest, (16, 16) if largest < 255 else (16, 16, 3), dtype=np.uint8)
        (folder / f"{number:06d}.png").write_bytes(cv2.imencode(".png", values)[1].tobytes())


def scan(folder: Path) -> int:
    """Lists, pairs and splits the files of a data set, and reads the headers that a check reads."""
    return _command(folder, "check", "datamodule=folder", f"datamodule.root={folder / 'data'}", "model=unet",
                    "model.base=2", "model.depth=2", "datamodule.crop_size=16", "trainer.accelerator=cpu")  # fmt: skip


def predict(folder: Path) -> int:
    """A mask of every image."""
    return _command(folder, "predict", f"run={CHECKPOINT}", f"input={folder / 'data'}", f"output={folder / 'out'}",
                    "write=[mask]", "device=cpu")  # fmt: skip


def _command(folder: Path, *words: str) -> int:
    import contextlib

    from segexp.cli.app import run

    sys.argv = ["segexp", *words]
    with (folder / "said").open("w") as stream, contextlib.redirect_stdout(stream):
        code = run(words)
    if code:
        raise SystemExit((folder / "said").read_text() + f"exit code {code}")
    return open_handles()


PREPARE: dict[str, Callable[[Path, int], None]] = {
    "sweep": count_only, "compare": many_runs, "scan": pairs, "predict": images, "page": one_run,
}  # fmt: skip
WORK: dict[str, Callable[[Path], int]] = {
    "sweep": sweep, "compare": compare_runs, "scan": scan, "predict": predict, "page": page,
}  # fmt: skip

if __name__ == "__main__":
    main()
