"""PyTorch beside the exported files: images per second from raw pixels to classes.

    python benchmarks/export.py [--models cunet,unet_small] [--size 512] [--rounds 5] [--threads 2]

Untrained networks on a drawn image; weights do not change the time. (a) PyTorch as it is by default, float32; (b) as
``segexp`` evaluates, in the memory order of ``speed=auto``; (c) onnxruntime; (d) onnxruntime in int8, ranges from four
drawn images; (e) TorchScript. All have the same number of threads and take turns in one process, so that a busy moment
of the machine hits all of them; medians over the rounds. Packages: ``pip install '.[export]'``.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

WAYS = {
    "a": "PyTorch, its defaults",
    "b": "PyTorch, segexp's memory order",
    "c": "onnxruntime",
    "d": "onnxruntime, int8",
    "e": "TorchScript",
}


def main() -> None:
    """Measures each model and prints its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default="cunet,unet_small", help="names in conf/model")
    parser.add_argument("--size", type=int, default=512, help="pixels of a side")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=None, help="default: as PyTorch finds the machine")
    options = parser.parse_args()
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    for name in options.models.split(","):
        with tempfile.TemporaryDirectory() as folder:
            speeds, sizes = _measured(name, options.size, options.rounds, Path(folder))
        print(f"\n{name}, 1 x 3 x {options.size} x {options.size}, {torch.get_num_threads()} threads; images/s, "
              f"median of {options.rounds} rounds")  # fmt: skip
        for key, text in WAYS.items():
            size = f"{sizes[key] / 1e6:8.2f} MB" if key in sizes else ""
            print(f"({key}) {text:<34}{speeds[key]:>8.2f}{speeds[key] / speeds['a']:>8.2f} x (a){size}")


def _measured(name: str, size: int, rounds: int, folder: Path) -> tuple[dict[str, float], dict[str, int]]:
    from segexp.data.items.item import Item
    from segexp.data.synthetic.scenes import draw_scene
    from segexp.inference.export.agreement import run_pytorch
    from segexp.inference.export.graph import Deployed
    from segexp.inference.export.int8 import quantise
    from segexp.inference.export.onnx_file import OnnxFormat
    from segexp.inference.export.speed import images_per_second
    from segexp.inference.export.torchscript_file import TorchScriptFormat

    plain, ours = _model(name, "speed=off"), _model(name)
    scenes = [draw_scene("buildings", 0, number, size) for number in range(4)]
    items = [Item(str(number), scene.image, scene.mask) for number, scene in enumerate(scenes)]
    files = {"c": folder / "m.onnx", "d": folder / "m.int8.onnx", "e": folder / "m.torchscript"}
    OnnxFormat().write(ours, Deployed(ours.module), files["c"], {})
    TorchScriptFormat().write(ours, Deployed(ours.module), files["e"], {})
    quantise(files["c"], files["d"], items, np.dtype(np.uint8))
    ways: dict[str, Callable[[Any], object]] = {
        "a": lambda image: run_pytorch(plain, image),
        "b": lambda image: run_pytorch(ours, image),
        "c": OnnxFormat().read(files["c"]),
        "d": OnnxFormat().read(files["d"]),
        "e": TorchScriptFormat().read(files["e"]),
    }
    image = np.ascontiguousarray(scenes[0].image.transpose(2, 0, 1)[None])
    return images_per_second(ways, image, rounds), {key: path.stat().st_size for key, path in files.items()}


def _model(name: str, *overrides: str) -> Any:
    """An untrained model with segexp's settings for this machine."""
    from hydra import compose, initialize_config_dir

    from segexp.config.composed import checked_train
    from segexp.config.paths import conf_dir

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = compose("train", [f"model={name}", "datamodule=synthetic", *overrides])
    experiment = checked_train(composed)
    from segexp.system.allocator import tune_allocator

    allocator = tune_allocator(experiment.speed.allocator)
    import torch

    from segexp.config.experiment import RunConfig
    from segexp.inference.load import NoLoss
    from segexp.inference.model import Model
    from segexp.spec import DataSpec, MaskTarget
    from segexp.tasks.segmentation import Segmentation
    from segexp.tasks.speed import resolve_speed
    from segexp.training.building.model import build_model

    spec = DataSpec(MaskTarget(("ground", "building"), ((0, 0, 0), (255, 255, 255))), 3, (110.0,) * 3, (50.0,) * 3)
    torch.manual_seed(0)
    speed = resolve_speed(experiment.speed, "cpu", allocator=allocator)
    run = RunConfig.from_plain(experiment.plain())
    return Model(
        Segmentation(build_model(experiment.model, spec), NoLoss(), spec, torch.optim.SGD, speed=speed), [], run
    )


if __name__ == "__main__":
    main()
