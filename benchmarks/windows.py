"""Random windows of large tiles with their masks, side by side, and what they do to the memory of the process.

    python benchmarks/windows.py [--rounds 9] [--windows 60] [--tiles 36] [--folder DIR]

Tiles of 5000x5000 as in the Inria set (RGB uint8, mask 0 and 255; random noise) are written to a temporary folder. A
sample is a window of 512x512 of an image and the same window of its mask. The ways to read take turns, round by round,
with the same windows, so that a busy moment of the machine hits all of them; figures are medians over rounds, ratios
are medians of the ratios within a round. Files were just written, so nothing waits for a disk, and what is measured is
processor time: the same on a machine that others use as well.

1. Uncompressed strips of one tile: what every window reader can do best.
2. Tiled deflate: only some of the file is decoded, or all of it.
3. ``--tiles`` uncompressed tiles (36: 3.6 GB) with and without a limit of mapped memory. Memory is that of a process of
   its own with torch and lightning loaded: resident at the start (VmRSS) and at most (VmHWM), and what the maps have
   added at the end (RssFile).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray

from segexp.rasters import DEFAULT_MAP_LIMIT, open_raster, set_map_limit

SIDE, WINDOW = 5000, 512
Pair = tuple[Path, Path]
Place = tuple[int, int, int]
"""Tile, top row and left column of a window."""
Read = Callable[[int, int, int], list[Any]]
"""Reads a window of image and mask."""


def main() -> None:
    """Writes the tiles and prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--windows", type=int, default=60, help="windows per round")
    parser.add_argument("--tiles", type=int, default=36, help="tiles of the memory test; 0: leave it out")
    parser.add_argument("--folder", type=Path, help="where to make the temporary folder")
    parser.add_argument("--memory", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory:
        print(json.dumps(_memory(arguments.memory[0], Path(arguments.memory[1]))))
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        strips = [_write(Path(folder), "strips", number) for number in range(max(1, arguments.tiles))]
        deflate = [_write(Path(folder), "deflate", 0, compression="zlib", tile=(256, 256))]
        _compare("uncompressed strips", strips[:1], arguments.rounds, arguments.windows)
        _compare("tiled deflate", deflate, arguments.rounds, arguments.windows)
        if arguments.tiles:
            _compare_limits(Path(folder), strips, arguments.rounds)


def _write(folder: Path, name: str, number: int, **options: Any) -> Pair:
    """One tile and its mask; noise, so that compression finds little to save and no page is shared."""
    rng = np.random.default_rng(number)
    image, mask = folder / f"{name}_{number}.tif", folder / f"{name}_{number}_gt.tif"
    options = options or {"rowsperstrip": 1}
    tifffile.imwrite(image, rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8), photometric="rgb", **options)
    blocks = rng.integers(0, 2, (SIDE // 50, SIDE // 50), np.uint8) * np.uint8(255)
    tifffile.imwrite(mask, np.kron(blocks, np.ones((50, 50), np.uint8)), **options)
    return image, mask


def _ours(pairs: list[Pair]) -> Read:
    rasters = [(open_raster(image), open_raster(mask, raw=True)) for image, mask in pairs]
    return lambda tile, top, left: [raster.window(top, left, WINDOW, WINDOW) for raster in rasters[tile]]


def _memmap(pairs: list[Pair]) -> Read:
    maps = [(tifffile.memmap(image, mode="r"), tifffile.memmap(mask, mode="r")) for image, mask in pairs]
    return lambda tile, top, left: [np.array(_cut(pixels, top, left)) for pixels in maps[tile]]


def _rasterio(pairs: list[Pair]) -> Read:
    import rasterio

    files = [(rasterio.open(image), rasterio.open(mask)) for image, mask in pairs]

    def read(tile: int, top: int, left: int) -> list[Any]:
        window = ((top, top + WINDOW), (left, left + WINDOW))
        return [np.ascontiguousarray(file.read(window=window).transpose(1, 2, 0)) for file in files[tile]]

    return read


def _opencv(pairs: list[Pair]) -> Read:
    def read(tile: int, top: int, left: int) -> list[Any]:
        image, mask = (np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)) for path in pairs[tile])
        return [cv2.cvtColor(_cut(image, top, left), cv2.COLOR_BGR2RGB), np.array(_cut(mask, top, left))]

    return read


def _torchgeo(pairs: list[Pair]) -> Read:
    """TorchGeo's own code for a tile of Inria: it decodes image and mask, then a crop is cut."""
    from torchgeo.datasets import InriaAerialImageLabeling

    dataset = InriaAerialImageLabeling.__new__(InriaAerialImageLabeling)

    def read(tile: int, top: int, left: int) -> list[Any]:
        image, mask = (str(path) for path in pairs[tile])
        loaded = dataset._load_image(image), dataset._load_target(mask)
        return [part[..., top : top + WINDOW, left : left + WINDOW].contiguous() for part in loaded]

    return read


def _cut(pixels: NDArray[Any], top: int, left: int) -> NDArray[Any]:
    return pixels[top : top + WINDOW, left : left + WINDOW]


WAYS: dict[str, Callable[[list[Pair]], Read]] = {
    "tifffile.memmap, kept open": _memmap,
    "segexp open_raster": _ours,
    "rasterio, kept open": _rasterio,
    "OpenCV, whole tile": _opencv,
    "TorchGeo Inria, whole tile": _torchgeo,
}
SLOW = {"OpenCV, whole tile", "TorchGeo Inria, whole tile"}
"""So slow that a round takes three windows."""


def _compare(title: str, pairs: list[Pair], rounds: int, windows: int) -> None:
    readers, absent = _readers(pairs)
    times: dict[str, list[float]] = {name: [] for name in readers}
    for turn in range(rounds + 1):
        rng = np.random.default_rng(turn)
        places = _places(rng, 1, windows)
        for name in rng.permutation(list(readers)).tolist():
            # The first windows, untimed, clear the processor's caches of what the way before left there.
            _timed(readers[name], places[:1] if name in SLOW else places[:10])
            seconds = _timed(readers[name], places[:3] if name in SLOW else places)
            if turn:  # the first round touches every page once
                times[name].append(seconds)
    ours = times["segexp open_raster"]
    print(f"\n{title}: {WINDOW}x{WINDOW} windows of a tile of {SIDE}x{SIDE}x3 with its mask, median of {rounds} rounds")
    print(f"{'':30}{'ms':>10}{'windows/s':>12}{'segexp is x times as fast':>28}")
    for name, measured in times.items():
        middle = statistics.median(measured)
        ratio = statistics.median(theirs / mine for theirs, mine in zip(measured, ours, strict=True))
        print(f"{name:30}{middle * 1e3:>10.3f}{1 / middle:>12.0f}{ratio:>28.2f}")
    for name, cause in absent.items():
        print(f"{name:30}{cause}")


def _readers(pairs: list[Pair]) -> tuple[dict[str, Read], dict[str, str]]:
    """The ways that work here, and why others do not."""
    readers: dict[str, Read] = {}
    absent: dict[str, str] = {}
    for name, prepare in WAYS.items():
        try:
            readers[name] = prepare(pairs)
        except ImportError as error:
            absent[name] = f"  not measured: {error}"
        except ValueError as error:
            absent[name] = f"  cannot: {error}"
    return readers, absent


def _places(rng: np.random.Generator, tiles: int, count: int) -> list[Place]:
    corners = rng.integers(0, SIDE - WINDOW + 1, (count, 2)).tolist()
    return [(int(rng.integers(tiles)), top, left) for top, left in corners]


def _timed(read: Read, places: list[Place]) -> float:
    start = time.process_time()
    for place in places:
        read(*place)
    return (time.process_time() - start) / len(places)


LIMITS = {
    "tifffile.memmap, kept open": None,
    "segexp, no limit": None,
    "segexp, 1024 MiB": 1024 << 20,
    f"segexp, {DEFAULT_MAP_LIMIT >> 20} MiB (default)": DEFAULT_MAP_LIMIT,
}


def _compare_limits(folder: Path, pairs: list[Pair], rounds: int) -> None:
    memory = {name: _in_process(name, folder) for name in LIMITS}
    readers = {name: _limited(name, pairs) for name in LIMITS}
    times: dict[str, list[float]] = {name: [] for name in LIMITS}
    for turn in range(rounds):
        rng = np.random.default_rng(turn)
        places = _places(rng, len(pairs), 1500)
        for name in rng.permutation(list(LIMITS)).tolist():
            set_map_limit(LIMITS[name])
            _timed(readers[name], places[:1000])  # until as much is mapped as the limit allows
            times[name].append(_timed(readers[name], places[1000:]))
    raw = times["tifffile.memmap, kept open"]
    print(f"\n{len(pairs)} uncompressed tiles ({len(pairs) / 10:.1f} GB): speed and memory, median of {rounds} rounds")
    print(f"{'':30}{'ms':>10}{'windows/s':>12}{'vs memmap':>12}{'start MiB':>12}{'peak MiB':>12}{'maps MiB':>12}")
    for name, measured in times.items():
        middle = statistics.median(measured)
        ratio = statistics.median(theirs / mine for theirs, mine in zip(raw, measured, strict=True))
        figures = "".join(f"{memory[name][key]:>12.0f}" for key in ("start", "peak", "maps"))
        print(f"{name:30}{middle * 1e3:>10.3f}{1 / middle:>12.0f}{ratio:>12.2f}{figures}")


def _limited(name: str, pairs: list[Pair]) -> Read:
    return _memmap(pairs) if name.startswith("tifffile") else _ours(pairs)


def _in_process(name: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--memory", name, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode != 0:
        sys.exit(done.stderr)
    answer: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _memory(name: str, folder: Path) -> dict[str, float]:
    """Resident memory in MiB of a process that reads 3000 windows of all tiles."""
    import segexp.data.base  # noqa: F401  # torch and lightning, as in a training process

    images = sorted(path for path in folder.glob("strips_*.tif") if "_gt" not in path.name)
    pairs = [(path, path.with_name(f"{path.stem}_gt.tif")) for path in images]
    set_map_limit(LIMITS[name])
    read = _limited(name, pairs)
    start, libraries = _status("VmRSS"), _status("RssFile")
    _timed(read, _places(np.random.default_rng(0), len(pairs), 3000))
    return {"start": start, "peak": _status("VmHWM"), "maps": _status("RssFile") - libraries}


def _status(key: str) -> float:
    """A line of /proc/self/status in MiB (Linux)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    return float("nan")


if __name__ == "__main__":
    main()
