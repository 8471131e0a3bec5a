"""Prediction of a large GeoTIFF: peak memory and time, and whether the result lies in the same place.

    python benchmarks/large_raster.py [--size 20000] [--height N] [--write mask,probability] [--limit 1536]

Draws an RGB GeoTIFF of ``--size`` pixels a side, or of ``--height`` rows (tiles of 512, deflate, UTM), and predicts it
with ``python -m segexp predict`` and cunet, in a process of its own whose peak memory is measured. Weights are random
unless ``--run`` names a run folder: they change neither time nor memory. Ends with exit code 1 if the peak is above
``--limit`` MiB, or if size, coordinate system, transform or tiling of an output differ from those of the input.
``--folder`` keeps the files.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TILE = 512
GROUND: dict[str, Any] = {"crs": "EPSG:32633", "side": 0.3, "corner": (600_000.0, 5_200_000.0)}


def main() -> None:
    """Draws, predicts, measures, compares."""
    options = _options()
    if options.make_run:
        make_run(Path(options.make_run))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary)
        folder.mkdir(parents=True, exist_ok=True)
        image = folder / f"raster_{options.height}x{options.size}.tif"
        if not image.is_file():
            draw_raster(image, options.height, options.size)
        run = Path(options.run) if options.run else folder / "run"
        if not run.is_dir():
            # In a process of its own: what this one holds would count as memory of its children.
            subprocess.run([sys.executable, __file__, "--make-run", str(run)], check=True)
        seconds, peak, code = predict(run, image, folder / "predicted", options)
        problems = compare(image, folder / "predicted", options.write.split(","))
    _report(options, seconds, peak, problems)
    sys.exit(code or int(peak > options.limit or bool(problems)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=20_000, help="pixels of a side")
    parser.add_argument("--height", type=int, help="rows; memory depends on the width alone; default: as many")
    parser.add_argument("--write", default="mask,probability", help="maps to write")
    parser.add_argument("--limit", type=int, default=1536, help="MiB of memory allowed")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--run", help="run folder; default: cunet with random weights")
    parser.add_argument("--folder", help="where to keep the files; default: nowhere")
    parser.add_argument("--make-run", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.height = options.height or options.size
    return options


def draw_raster(path: Path, rows: int, columns: int) -> None:
    """Drawn towns in a random order, written tile by tile."""
    import numpy as np
    import rasterio
    from rasterio.transform import from_origin

    from segexp.data.synthetic.scenes import draw_scene

    towns = [draw_scene("buildings", 0, number, TILE).image.transpose(2, 0, 1) for number in range(8)]
    transform = from_origin(*GROUND["corner"], GROUND["side"], GROUND["side"])
    profile = {
        "driver": "GTiff", "height": rows, "width": columns, "count": 3, "dtype": "uint8", "crs": GROUND["crs"],
        "transform": transform, "tiled": True, "blockxsize": TILE, "blockysize": TILE, "compress": "deflate",
        "photometric": "rgb", "interleave": "pixel", "BIGTIFF": "IF_SAFER",
    }  # fmt: skip
    random = np.random.default_rng(0)
    with rasterio.open(path, "w", **profile) as dataset:
        for top in range(0, rows, TILE):
            for left in range(0, columns, TILE):
                height, width = min(TILE, rows - top), min(TILE, columns - left)
                town = towns[random.integers(len(towns))][:, :height, :width]
                dataset.write(np.ascontiguousarray(town), window=((top, top + height), (left, left + width)))


def make_run(folder: Path) -> None:
    """A folder that holds what ``predict`` needs of a run: a checkpoint, here of weights that were never trained."""
    import torch
    from hydra import compose, initialize_config_dir

    from segexp.config.composed import checked_train
    from segexp.config.paths import conf_dir
    from segexp.spec import DataSpec, MaskTarget
    from segexp.training.building.model import build_model

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = compose("train", ["model=cunet", "datamodule=synthetic", "datamodule.scene=buildings"])
    experiment = checked_train(composed)
    spec = DataSpec(
        MaskTarget(("ground", "building"), ((0, 0, 0), (255, 120, 0))), 3, (110.0,) * 3, (50.0,) * 3, dtype="uint8"
    )
    torch.manual_seed(0)
    weights = {f"model.{key}": value for key, value in build_model(experiment.model, spec).state_dict().items()}
    (folder / "checkpoints").mkdir(parents=True)
    content = {"config": experiment.plain(), "spec": spec.to_dict(), "threshold_logit": 0.0}
    torch.save({"segexp": content, "state_dict": weights}, folder / "checkpoints" / "best.ckpt")


def predict(run: Path, image: Path, output: Path, options: argparse.Namespace) -> tuple[float, float, int]:
    """Seconds, peak memory in MiB and exit code of the command."""
    command = [
        sys.executable, "-m", "segexp", "predict", f"run={run}", f"input={image}", f"output={output}",
        f"write=[{options.write}]", "tta=none", "overwrite=true", "device=cpu",
    ]  # fmt: skip
    threads = str(options.threads)
    start = time.perf_counter()
    process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads})
    _, status, usage = os.wait4(process.pid, 0)
    # In KiB on Linux, in bytes on a Mac.
    peak = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    return time.perf_counter() - start, peak, os.waitstatus_to_exitcode(status)


def compare(image: Path, output: Path, written: list[str]) -> list[str]:
    """What of the outputs does not lie as the input does."""
    import rasterio

    problems = []
    with rasterio.open(image) as source:
        for name in written:
            with rasterio.open(output / f"{image.stem}_{name}.tif") as found:
                for fact in ("shape", "crs", "transform"):
                    if getattr(found, fact) != getattr(source, fact):
                        problems.append(f"{name}: {fact} {getattr(found, fact)}, not {getattr(source, fact)}")
                if found.block_shapes[0] != source.block_shapes[0]:
                    problems.append(f"{name}: tiles {found.block_shapes[0]}, not {source.block_shapes[0]}")
    return problems


def _report(options: argparse.Namespace, seconds: float, peak: float, problems: list[str]) -> None:
    pixels = options.height * options.size / 1e6
    print(f"\n{options.height} x {options.size}, cunet, {options.threads} threads, {options.write}")
    print(f"time         {seconds:.0f} s, {pixels / seconds:.2f} million pixels a second")
    print(f"peak memory  {peak:.0f} MiB, {'within' if peak <= options.limit else 'ABOVE'} {options.limit} MiB")
    print("\n".join(problems) or "size, coordinate system, transform and tiling are those of the input")


if __name__ == "__main__":
    main()
