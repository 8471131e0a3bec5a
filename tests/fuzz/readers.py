"""What segexp does with a file of each format, and whether what came out of it is right."""

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from segexp.errors import SegexpError
from segexp.rasters import open_raster
from segexp.rasters.formats.idx import read_idx
from segexp.rasters.formats.stack import open_stack
from segexp.runs.manifest_files import MANIFEST
from tests.fuzz import seeds
from tests.fuzz.mutations import Draw
from tests.fuzz.seeds import RUN
from tests.fuzz.server import WrongError

Reader = Callable[[Path, Draw], Any]
"""Reads a file, and gives what it holds, to be compared with what the sound file holds; None: no figures."""


def read_image(path: Path, draw: Draw) -> list[Any]:
    """Pixels as an image or as a mask, whole; a window of them must be the same as when it is read alone."""
    raw = draw.random() < 0.5
    raster = open_raster(path, raw=raw)
    raster.describe()
    pixels = raster.read()
    if pixels.shape != (raster.height, raster.width, raster.channels) or pixels.dtype != raster.dtype:
        raise WrongError(f"{pixels.dtype} {pixels.shape} of {raster.describe()}")
    top, left = draw.randrange(raster.height), draw.randrange(raster.width)
    height, width = draw.randint(1, raster.height - top), draw.randint(1, raster.width - left)
    part = open_raster(path, raw=raw).window(top, left, height, width)
    if not np.array_equal(part, pixels[top : top + height, left : left + width]):
        raise WrongError(f"a window reads otherwise than the whole: {raster.describe()}")
    return [raw, pixels]


def read_array(path: Path, draw: Draw) -> list[Any]:
    """A stack of images, or an array that is one image."""
    if draw.random() < 0.5:
        return read_image(path, draw)
    stack = open_stack(path)
    height, width = stack.size
    return [stack.window(index, 0, 0, height, width) for index in range(min(stack.count, 5))]


def read_numbers(path: Path, _: Draw) -> list[Any]:
    """Numbers of MNIST's format."""
    return [read_idx(path)]


def read_checkpoint(path: Path, draw: Draw) -> list[Any] | None:
    """The network of a checkpoint; or a resume from it; or its weights to start from."""
    from segexp.inference.stored_network import load_network
    from segexp.models.weight_files import read_state_dict
    from segexp.runs.checkpoints import find_sources
    from segexp.training.resuming.checkpoint import _recorded, read_resumed

    how = draw.random()
    if how < 0.6:
        (source,) = find_sources(path)
        return _values(load_network(source).model.state_dict())
    if how < 0.8:
        return _values(read_state_dict(path, "init_from", "weights"))
    if path.suffix == ".ckpt":
        read_resumed(str(path), lambda found: _recorded(found, path))
    return None


def read_weights(path: Path, _: Draw) -> list[Any]:
    """A state dict."""
    from segexp.models.weight_files import read_state_dict

    return _values(read_state_dict(path, "init_from", "weights"))


def _values(state: dict[str, Any]) -> list[Any]:
    return [(name, value.float().numpy()) for name, value in sorted(state.items())]


def read_folder(path: Path, draw: Draw) -> None:
    """A run folder in which one file is foreign: the commands that read such folders, each in its turn."""
    folder = path.parent / "run"
    shutil.copytree(RUN, folder, dirs_exist_ok=True)
    shutil.move(path, folder / path.name)
    out = path.parent / "out"
    command = draw.choice((
        ["report", str(folder)],
        ["compare", str(folder), f"out={out}", "resamples=50"],
        ["check", f"from={folder}", "scope=config"],
        None, None, None, None, None,
    ))  # fmt: skip
    if command is None:
        _read_parts(folder)
    else:
        run_words(command)


def _read_parts(folder: Path) -> None:
    from segexp.config.stored.check import check_stored
    from segexp.runs.contents import numbers_of, read_rows, read_run
    from segexp.runs.find import find_runs
    from segexp.runs.json_yaml import read_yaml

    find_runs([folder])
    read_run(folder)
    numbers_of(read_rows(folder / "metrics.csv"), folder / "metrics.csv")
    with contextlib.suppress(ValueError):  # as everyone who calls it expects
        if isinstance(config := read_yaml(folder / "config.yaml"), dict):
            check_stored(config, folder, built=())


def run_words(words: Sequence[str]) -> None:
    """A command line of segexp in this process: it ends with 0, or with lines of ours.

    Raises:
        SegexpError: It was refused.
        WrongError: It failed otherwise, or said more than its lines.
    """
    from segexp.cli.app import run

    said, answered = io.StringIO(), io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(answered):
        code = run(words)
    text = said.getvalue()
    if "Traceback" in text or code not in (0, 2):
        raise WrongError(f"{words[0]}: exit code {code}: {text.strip()[-300:]}")
    if code:
        if not all(line.startswith(("segexp: ", " ")) for line in text.splitlines()):
            raise WrongError(f"{words[0]}: {text[:300]}")
        raise SegexpError(text.replace("\n", " "))


def read_split_file(path: Path, _: Draw) -> None:
    """A split that is given."""
    from segexp.data.splits.split_file import read_split

    try:
        read_split(path, [f"image{number}" for number in range(20)], [])
    except SegexpError as error:  # a line for each image that is not there
        lines = str(error).splitlines()
        if len(lines) > 10:
            raise WrongError(f"{len(lines)} lines") from error
        raise type(error)(max(lines, key=len)) from error


def read_manifest(path: Path, draw: Draw) -> None:
    """The state of a sweep: to go on from it, or on its page."""
    from segexp.runs.find import find_runs
    from segexp.sweeps.manifest import Manifest

    sweep = path.parent
    if path.name != MANIFEST:
        (sweep / MANIFEST).write_text(json.dumps(seeds.manifest()), encoding="utf-8")
    if draw.random() < 0.7:
        manifest = Manifest.read(sweep)
        _ = [manifest.of("finished"), manifest.of("failed", "interrupted", "waiting", "running")]
        manifest.reconcile()
    else:
        (sweep / "0").mkdir(exist_ok=True)
        for name in ("run.json", "results.json"):
            shutil.copy(RUN / name, sweep / "0" / name)
        _ = [str(entry) for entry in find_runs([sweep])[1]]


def read_table_file(path: Path, _: Draw) -> None:
    """What is known of the images of a folder."""
    from segexp.data.folder.patterns import Match
    from segexp.data.folder.table import read_table

    read_table(path, None, [Match(f"{stem}.png", (stem,), {"stem": stem, "folder": ""}) for stem in "abc"])


def read_box_file(path: Path, _: Draw) -> None:
    """Objects of the command localize."""
    from segexp.inference.localize.truth import read_objects

    read_objects(str(path), None)


def read_place(path: Path, _: Draw) -> None:
    """Where an image lies, of a file beside it."""
    from segexp.rasters.ground.location import read_sidecar_location

    if (found := read_sidecar_location(path.with_suffix(".png"))) is not None:
        found.pixels_of(found.corners(10, 20))


READERS: dict[str, Reader] = {
    **dict.fromkeys(("PNG", "JPEG", "WebP", "TIFF", "GIF", "BMP", "PNM", "JP2", "npy"), read_image),
    "npy stack": read_array, "idx": read_numbers, "idx.gz": read_numbers,
    "checkpoint": read_checkpoint, "safetensors": read_checkpoint, "weights": read_weights,
    **dict.fromkeys(
        ("run.json", "results.json", "config.yaml", "metrics.csv", "per_image.csv", "thresholds.csv"), read_folder
    ),
    "split.json": read_split_file, "manifest": read_manifest, "manifest changes": read_manifest,
    "table": read_table_file, "boxes": read_box_file,
    "world file": read_place,
}  # fmt: skip
