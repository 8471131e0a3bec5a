"""Sliding windows side by side: what stitching costs beside the bare forward passes, here and in MONAI.

    python benchmarks/sliding_window.py [--size 2000] [--rounds 5] [--window 512] [--overlap 0.25] [--batch 4]

One drawn image of ``--size`` pixels a side, network cunet, the settings of ``speed=auto``. (a) the forward passes of
all windows, cut beforehand, results dropped; (b), (c) ``segexp``: cutting, passes, blending; (d), (e) MONAI's
``sliding_window_inference`` with its defaults on the scaled image, with our memory order and allocator; (f), (g) the
same as whoever calls MONAI has it, in a process of its own without any setting of ours; (h), (i): (b) and (a) under
bfloat16 autocast. The windows are the same in all. Variants take turns, so that a busy moment of the machine hits all
of them; ratios are medians over the rounds. ``--clock processor`` counts the time of the processor instead, which other
programs disturb less. MONAI is in ``pip install '.[test]'``. A GPU is used where there is one.
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

VARIANTS = {
    "a": "bare forward passes of the same windows",
    "b": "segexp, gaussian",
    "c": "segexp, constant",
    "d": "MONAI, gaussian",
    "e": "MONAI, constant",
    "f": "MONAI, gaussian, in a process of its own",
    "g": "MONAI, constant, in a process of its own",
    "h": "segexp, gaussian, bfloat16 (predict precision=bfloat16)",
    "i": "bare forward passes, bfloat16",
}


def main() -> None:
    """Runs all variants in turns and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=2000, help="pixels of a side; 5000 as an Inria tile")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--overlap", type=float, default=0.25)
    parser.add_argument("--batch", type=int, default=4, help="windows in a pass")
    parser.add_argument("--clock", choices=("wall", "processor"), default="wall")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    clock = time.perf_counter if options.clock == "wall" else time.process_time
    if options.alone:
        _serve_monai(options, clock)
        return
    run = _variants(options)
    maps = {name: call() for name, call in run.items()}  # warms up
    timed: dict[str, Callable[[], float]] = {name: partial(_seconds, call, clock) for name, call in run.items()}
    with _monai_alone() as ask:
        timed |= {"f": partial(ask, "gaussian"), "g": partial(ask, "constant")}
        for name in "fg":
            timed[name]()
        rounds = [{name: timed[name]() for name in VARIANTS} for _ in range(options.rounds)]
    _print_table(rounds, options)
    # Gaussians differ: MONAI's least weight is that of a corner, ours that of a side.
    print(f"largest difference of logits, (c) to (e): {float((maps['c'] - maps['e']).abs().max()):.1e}")


def _print_table(rounds: list[dict[str, float]], options: argparse.Namespace) -> None:
    print(
        f"cunet, {options.size} x {options.size}, windows of {options.window}, overlap {options.overlap}, "
        f"{options.batch} in a pass; {torch.get_num_threads()} threads, {options.clock} time; "
        f"median of {len(rounds)} rounds"
    )
    print(f"{'':4}{'':56}{'seconds':>10}{'vs (a)':>9}")
    for name, text in VARIANTS.items():
        seconds = statistics.median(r[name] for r in rounds)
        ratio = statistics.median(r[name] / r["a"] for r in rounds)
        print(f"({name}) {text:<56}{seconds:>10.2f}{ratio:>9.2f}")


def _seconds(call: Callable[[], Tensor], clock: Callable[[], float]) -> float:
    start = clock()
    call()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return clock() - start


@contextmanager
def _monai_alone() -> Iterator[Callable[[str], float]]:
    """MONAI in a process with the same options, which answers a mode with seconds."""
    command = [sys.executable, __file__, *sys.argv[1:], "--alone"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        told, heard = process.stdin, process.stdout
        if told is None or heard is None:
            raise RuntimeError("no pipes")

        def ask(mode: str) -> float:
            print(mode, file=told, flush=True)
            return float(heard.readline())

        yield ask
        told.close()


def _serve_monai(options: argparse.Namespace, clock: Callable[[], float]) -> None:
    """What PyTorch does by itself: its memory order, its allocator, its number of threads."""
    module, image = _module_and_image(options.size, "speed=off")
    for line in sys.stdin:
        seconds = _seconds(partial(_monai, module, image, options, line.strip()), clock)
        print(seconds, flush=True)


def _variants(options: argparse.Namespace) -> dict[str, Callable[[], Tensor]]:
    module, image = _module_and_image(options.size)
    from segexp.tasks.tta import Precision
    from segexp.windows.plan import Blend, WindowPlan
    from segexp.windows.sliding import sliding_window

    plan = WindowPlan(options.size, options.size, options.window, options.overlap)
    parts = [image[(..., *plan[number].slices)].permute(0, 2, 3, 1) for number in range(len(plan))]
    batches = [
        torch.cat(parts[start : start + options.batch]).permute(0, 3, 1, 2)
        for start in range(0, len(parts), options.batch)
    ]

    @torch.inference_mode()
    def bare(precision: Precision = "float32") -> Tensor:
        logits = torch.empty(0)
        for batch in batches:
            with torch.autocast(image.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
                logits = module(batch)
        return logits

    def ours(blend: Blend, precision: Precision = "float32") -> Tensor:
        views = module.seen_by(precision=precision).views()
        return sliding_window(views, image, options.window, options.overlap, blend, options.batch)

    return {
        "a": bare,
        "b": lambda: ours("gaussian"),
        "c": lambda: ours("constant"),
        "d": lambda: _monai(module, image, options, "gaussian"),
        "e": lambda: _monai(module, image, options, "constant"),
        "h": lambda: ours("gaussian", "bfloat16"),
        "i": lambda: bare("bfloat16"),
    }


@torch.inference_mode()
def _monai(module: Any, image: Tensor, options: argparse.Namespace, mode: str) -> Tensor:
    """The scaled image, whole, as MONAI's transforms leave it: it adds up in the type of what it is given."""
    from monai.inferers.utils import sliding_window_inference

    scaled = module.scale(image)
    found: Tensor = sliding_window_inference(  # type: ignore[assignment] # one output
        scaled, options.window, options.batch, module.model, overlap=options.overlap, mode=mode
    )
    return found


def _module_and_image(size: int, *overrides: str) -> tuple[Any, Tensor]:
    """The module with segexp's settings for this machine, and a raw image (1, 3, size, size)."""
    from hydra import compose, initialize_config_dir

    from segexp.config.composed import checked_train
    from segexp.config.paths import conf_dir

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = compose("train", ["model=cunet", "datamodule=synthetic", "datamodule.scene=buildings", *overrides])
    experiment = checked_train(composed)
    from segexp.system.allocator import tune_allocator

    allocator = tune_allocator(experiment.speed.allocator)
    from segexp.data.synthetic.scenes import draw_scene
    from segexp.spec import DataSpec, MaskTarget
    from segexp.tasks.segmentation import Segmentation
    from segexp.tasks.speed import resolve_speed
    from segexp.training.building.loss import build_loss
    from segexp.training.building.model import build_model
    from segexp.training.hardware import device_type

    device = device_type(experiment.trainer.accelerator)
    spec = DataSpec(MaskTarget(("ground", "building"), ((0, 0, 0), (255, 255, 255))), 3, (110.0,) * 3, (50.0,) * 3)
    torch.manual_seed(0)
    module = Segmentation(
        build_model(experiment.model, spec),
        build_loss(experiment.loss, spec), spec, torch.optim.Adam,
        speed=resolve_speed(experiment.speed, device, allocator=allocator),
    )  # fmt: skip
    pixels = torch.from_numpy(draw_scene("buildings", 0, 0, size).image).permute(2, 0, 1)[None]
    return module.eval().to(device), pixels.to(device)


if __name__ == "__main__":
    main()
