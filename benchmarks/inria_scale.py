"""A data set of the size of Inria's Chicago at full scale: does it start quickly, and does it fit into 1.5 GiB?

    python benchmarks/inria_scale.py [--tiles 36] [--size 5000] [--root DIR] [--crops 320] [--more 'metric=none ...']

Tiles are drawn and written (uncompressed GeoTIFF, 3.6 GB for 36 of 5000x5000, and a third as many without labels, as
the contest has them) to a temporary folder that is removed at the end; ``--root`` takes tiles that are there and
leaves them. Then, each in a process of its own:

1. the start of ``split=holdout``: all tiles opened and every pixel looked at, and again from the cache of surveys;
2. the same of ``split=patches``: 36 tiles of 5000x5000 are 14,400 patches of 250x250;
3. ``python -m segexp datamodule=inria``: cunet, batches of 16 crops of 250x250 from all training tiles, then whole
   tiles by sliding windows in validation and test, with measures, baselines, intervals and panels. Its memory is the
   largest resident set that the kernel has seen (ru_maxrss), mapped pages of files included.

Seconds are those of the clock, with those of the processor behind, which other programs disturb less.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

LIMIT = 1536
"""MiB that the training process may take."""

_SURVEY = """
import json, sys, time
from segexp.data.datasets.inria import InriaDataModule
wall, processor = time.perf_counter(), time.process_time()
data = InriaDataModule(sys.argv[1], **json.loads(sys.argv[2]))
data.setup()
counts = {phase: len(data.items(phase)) for phase in ("train", "val", "test")}
print(json.dumps({**counts, "wall": time.perf_counter() - wall, "processor": time.process_time() - processor}))
"""
_SHARES = {"split": "holdout", "val_fraction": 0.03, "test_fraction": 0.06, "crop_size": 250}
"""Of 36 tiles one validates and two are tested: all else trains."""


class Used(NamedTuple):
    """What a process used: seconds by the clock and of the processor, and MiB at most."""

    wall: float
    processor: float
    memory: int
    output: str


def main() -> None:
    """Measures all and prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", type=int, default=36, help="tiles with labels")
    parser.add_argument("--size", type=int, default=5000, help="pixels of a side")
    parser.add_argument("--root", type=Path, help="tiles that are there, instead of new ones")
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder")
    parser.add_argument("--crops", type=int, default=320, help="training samples of each of two epochs")
    parser.add_argument("--more", default="", help="further overrides of the training")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        root = options.root or _generate(Path(folder), options)
        _start(root, Path(folder))
        _train(root, Path(folder), options)


def _generate(folder: Path, options: argparse.Namespace) -> Path:
    needed, free = int(options.tiles * options.size**2 * (4 + 1)), shutil.disk_usage(folder).free
    if free < 2 * needed:
        raise SystemExit(f"{folder}: {free >> 30} GiB free, {2 * needed >> 30} wanted; name another --folder")
    root = folder / "tiles"
    # A quarter of what is asked for has no labels.
    count = max(2, -(-options.tiles * 4 // 3))
    words = f"generate scene=buildings layout=inria size={options.size} count={count} out={root}"
    used = _run([sys.executable, "-m", "segexp", *words.split()], {})
    size = f"{options.size}x{options.size}"
    _say(f"written  {count} tiles of {size}, {_per(used, count)} a tile; {used.memory} MiB at most")
    return root


def _per(used: Used, count: int) -> str:
    return f"{used.wall / count:.1f} s ({used.processor / count:.1f})"


def _start(root: Path, folder: Path) -> None:
    """Surveys of tiles and patches, first cold, then known."""
    patches = {"split": "patches", "val_fraction": 0.1, "test_fraction": 0.1, "crop_size": 250}
    for what, settings in (("tiles", _SHARES), ("patches", patches)):
        for known in ("first", "again"):
            used = _run([sys.executable, "-c", _SURVEY, str(root), json.dumps(settings)], _environment(folder))
            found: dict[str, Any] = json.loads(used.output.splitlines()[-1])
            counts = [found[phase] for phase in ("train", "val", "test")]
            _say(
                f"{what:<9}{sum(counts):,} (train, val, test {counts}), {known}: "
                f"{found['wall']:.1f} s ({found['processor']:.1f}); {used.memory} MiB at most"
            )


def _train(root: Path, folder: Path, options: argparse.Namespace) -> None:
    overrides = [
        "datamodule=inria", f"datamodule.root={root}", "model=cunet", "trainer.max_epochs=2",
        f"datamodule.crops_total={options.crops}", f"output_dir={folder / 'outputs'}",
        *(f"datamodule.{key}={value}" for key, value in _SHARES.items()), *shlex.split(options.more),
    ]  # fmt: skip
    used = _run([sys.executable, "-m", "segexp", *overrides], _environment(folder))
    results = next((folder / "outputs").glob("*/*/results.json"))
    row = json.loads(results.read_text(encoding="utf-8"))["rows"][0]
    verdict = "within" if used.memory <= LIMIT else "ABOVE"
    _say(f"training {used.wall:.0f} s ({used.processor:.0f}); {used.memory} MiB at most, {verdict} {LIMIT}")
    _say(f"         tested by city: {', '.join(row['groups'])}; mean IoU {row['dataset']['miou']:.3f}")


def _say(line: str) -> None:
    print(line, flush=True)


def _environment(folder: Path) -> dict[str, str]:
    return {"SEGEXP_CACHE": str(folder / "cache")}


def _run(command: list[str], environment: dict[str, str]) -> Used:
    """Runs a command and asks the kernel what it used."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment})
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with {process.returncode}:\n{text}")
    # Linux counts in KiB, macOS in bytes.
    memory = used.ru_maxrss >> (20 if sys.platform == "darwin" else 10)
    return Used(time.perf_counter() - start, used.ru_utime + used.ru_stime, memory, text)


if __name__ == "__main__":
    main()
