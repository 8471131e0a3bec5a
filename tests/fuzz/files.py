"""Seeded fuzz of files: python -m tests.fuzz.files count=20000 seed=0. Each is refused in a line, or read rightly.

Never a trace, a crash, a hang, more than 1 GB above what the process has, lines of a library on the terminal, or other
content where the format has a checksum over it.
"""

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz.mutations import Draw, change, change_within
from tests.fuzz.readers import READERS
from tests.fuzz.seeds import Seed, all_seeds
from tests.fuzz.server import BAD, Limits, Outcome, WrongError, count, run_cases
from tests.fuzz.structured import STRUCTURED

WEIGHTS = {
    "TIFF": 30, "PNG": 15, "JPEG": 6, "WebP": 4, "GIF": 5, "BMP": 5, "PNM": 4, "JP2": 1, "npy": 4, "npy stack": 2,
    "idx": 2, "idx.gz": 2, "checkpoint": 6, "weights": 2, "safetensors": 3, "run.json": 2, "results.json": 3,
    "split.json": 1, "config.yaml": 2, "metrics.csv": 2, "per_image.csv": 1, "thresholds.csv": 1, "manifest": 2,
    "manifest changes": 1, "table": 1, "boxes": 1, "world file": 1,
}  # fmt: skip
"""How often each format is drawn."""
LIMITS = Limits(memory=10**9, cpu=20, wall=180, cases=200)


class Fuzz:
    """The cases of a seed: number ``n`` is the same file at every time."""

    def __init__(self, seed: int, folder: Path, formats: Sequence[str] = ()) -> None:
        self.seed = seed
        self.folder = folder
        self.by_format: dict[str, list[Seed]] = {}
        for each in all_seeds():
            if not formats or each.format in formats:
                self.by_format.setdefault(each.format, []).append(each)
        self.formats = sorted(self.by_format)

    def draw(self, number: int) -> tuple[Seed, bytes, str, Draw]:
        """The sound file that a case is made from, its bytes, how it was made, and the numbers that go on from there.

        How is ``sums``: changed under a checksum; ``any``; ``format``: its checksums were made anew.
        """
        draw = random.Random(f"{self.seed}/{number}")
        form = draw.choices(self.formats, [WEIGHTS[name] for name in self.formats])[0]
        seeds = self.by_format[form]
        seed = draw.choice(seeds)
        others = [other.content for other in seeds if other is not seed]
        if form in STRUCTURED and draw.random() < 0.5:
            return seed, _several(STRUCTURED[form], seed.content, draw), "format", draw
        if seed.sums and draw.random() < 0.5:
            return seed, change_within(seed.content, list(seed.sums), draw), "sums", draw
        if seed.sums == ((0, len(seed.content)),):
            return seed, change(seed.content, [], draw), "sums", draw
        return seed, change(seed.content, others, draw), "any", draw

    def run(self, number: int) -> str:
        """Reads the file of a case."""
        seed, content, how, draw = self.draw(number)
        read, state = READERS[seed.format], draw.getstate()
        with tempfile.TemporaryDirectory(dir=self.folder) as place:
            os.chdir(place)
            path = Path(place) / seed.name
            path.write_bytes(content)
            found = read(path, draw)
            if how == "sums" and found is not None:
                again = Draw()
                again.setstate(state)
                path.write_bytes(seed.content)
                if not same(found, read(path, again)):
                    raise WrongError("read otherwise than the sound file, though a checksum speaks of the change")
        return "right"

    def name(self, number: int) -> str:
        """Format, sound file and kind of change of a case."""
        seed, content, how, _ = self.draw(number)
        return f"{seed.format} {seed.name} {how} {len(content)} bytes"


def _several(do: Callable[[bytes, Draw], bytes], content: bytes, draw: Draw) -> bytes:
    for _ in range(draw.choice((1, 1, 1, 2))):
        try:
            content = do(content, draw)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, OverflowError):
            break  # a change before it has left nothing that could be changed so
    return content


def same(one: Any, other: Any) -> bool:
    """Whether two readings are equal, arrays in every number."""
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
    return bool(one == other)


def warm() -> None:
    """Imports all that is read with, once, so that no case pays for it."""
    import cv2
    import imagecodecs
    import rasterio
    import torch

    import segexp.cli.from_run
    import segexp.inference.load
    import segexp.report.comparison_page.compare
    import segexp.report.rebuild
    import segexp.training.resuming.checkpoint

    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    _ = (imagecodecs, rasterio, segexp)


def fuzz(seed: int, numbers: Sequence[int], *, seconds: float, jobs: int, formats: Sequence[str]) -> list[Outcome]:
    """Runs cases until they are done or the time is up; bad ones are printed."""
    end = time.monotonic() + seconds
    found: list[Outcome] = []
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        cases = Fuzz(seed, Path(folder), formats)
        for outcome in run_cases(numbers, cases.run, LIMITS, jobs):
            found.append(outcome)
            if outcome.kind in BAD:
                print(
                    f"{outcome.kind} {outcome.number} {cases.name(outcome.number)}: {outcome.words[:400]}", flush=True
                )
            if time.monotonic() > end:
                break
        by_format: dict[str, list[Outcome]] = {}
        for outcome in found:
            by_format.setdefault(cases.draw(outcome.number)[0].format, []).append(outcome)
    for name, outcomes in sorted(by_format.items()):
        print(f"{name:15} {len(outcomes):6} {json.dumps(count(outcomes))}")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--start", type=int, default=0, help="number of the first case; with --count 1: that one alone")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--formats", nargs="*", default=())
    asked = parser.parse_args(argv)
    warm()
    numbers = range(asked.start, asked.start + asked.count)
    found = fuzz(asked.seed, numbers, seconds=asked.seconds, jobs=asked.jobs, formats=asked.formats)
    total = count(found)
    print(f"files: {len(found)} with seed {asked.seed}: {json.dumps(total)}")
    return int(any(kind in BAD for kind in total["kinds"]))


if __name__ == "__main__":
    sys.exit(main())
