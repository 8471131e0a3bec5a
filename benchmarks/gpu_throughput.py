"""Training on a GPU side by side: a bare loop against ``segexp fit``, from the loader and from images on the GPU.

    python -m benchmarks.gpu_throughput [--rounds 3] [--steps 40] [--epochs 100] [--device gpu] [--figures FILE]

Networks cunet, unet and deeplabv3, batches of 16 images of 3x250x250, BCE, Adam, augment=d4. (a) is a bare PyTorch loop
with segexp's settings over scaled batches that are on the GPU already, the most that a training loop can reach. (b) and
(c) are segexp's own fit with datamodule, augmentation, Lightning and logging, and ``trainer.deterministic=false`` as in
(a): (b) with loading processes, (c) with ``datamodule.loader.on_device=true``; (d) is (c) with the default
``trainer.deterministic=warn``. The variants take turns; ratios are medians over the rounds.

Last come the hundred epochs of system 1 (``experiment=drive_shallow_segnet``), whole runs on forty drawn photographs of
565x565 pixels, from the loader and from images on the GPU: seconds of training with its validation after every epoch.

Every figure is printed, and appended to ``--figures`` as a line of JSON, as soon as it is known. ``--device cpu`` with
small sizes (``--side 32 --batch 2 --steps 2 --rounds 1 --epochs 1``) tries the benchmark itself.
"""

import argparse
import contextlib
import io
import json
import statistics
import tempfile
from pathlib import Path

import torch

from benchmarks.train_throughput import train_bare, train_fitted

MODELS = {"cunet": "cunet", "unet": "unet", "deeplabv3": "deeplabv3_resnet101"}
"""Options of the group model by the name under which they stand in the table."""
ON_DEVICE = ("datamodule.loader.on_device=true", "datamodule.loader.num_workers=2")
FREE = "trainer.deterministic=false"
FITS: dict[str, tuple[str, ...]] = {"b": (FREE,), "c": (FREE, *ON_DEVICE), "d": ON_DEVICE}
PATHS: dict[str, tuple[str, ...]] = {
    "loading processes": (),
    # The crops of system 1 are the same in every epoch: there is nothing to draw.
    "images on the GPU": (ON_DEVICE[0], "datamodule.loader.num_workers=0"),
}
VARIANTS = {
    "a": "bare loop, batches on the GPU",
    "b": "segexp fit, loading processes",
    "c": "segexp fit, images on the GPU",
    "d": "the same, trainer.deterministic=warn",
}


def main() -> None:
    """Measures everything and prints the tables."""
    given = _arguments()
    for model in given.models:
        rounds = [{name: _measure(given, model, name) for name in VARIANTS} for _ in range(given.rounds)]
        print(f"\n{model}, {given.batch} x 3 x {given.side} x {given.side}; median of {given.rounds} rounds")
        print(f"{'':4}{'':40}{'images/s':>10}{'vs (a)':>9}{'vs (b)':>9}")
        for name, text in VARIANTS.items():
            speed = statistics.median(each[name] for each in rounds)
            ratios = [statistics.median(each[name] / each[base] for each in rounds) for base in ("a", "b")]
            print(f"({name}) {text:<40}{speed:>10.1f}{ratios[0]:>9.2f}{ratios[1]:>9.2f}", flush=True)
            _note(given, what="median", model=model, variant=name, rate=speed, vs_a=ratios[0], vs_b=ratios[1])
    if given.epochs:
        _system_1(given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=40, help="steps measured per variant and round")
    parser.add_argument("--epochs", type=int, default=100, help="of system 1; 0: leave it out")
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--side", type=int, default=250, help="of the images, pixels")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--photograph", type=int, default=565, help="side of the photographs of system 1, pixels")
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu")
    parser.add_argument("--figures", type=Path, help="file that gets a line of JSON for every figure")
    return parser.parse_args()


def _measure(given: argparse.Namespace, model: str, variant: str) -> float:
    """Images per second of a variant; the same data set for all of them."""
    words = [
        f"model={MODELS[model]}", "loss=bce", "optimizer=adam", "scheduler=none", "augment=d4", "datamodule=synthetic",
        "datamodule.scene=buildings", f"datamodule.size={given.side}", "datamodule.crop_size=null",
        f"datamodule.train_images={4 * given.batch}", "datamodule.val_images=1", "datamodule.test_images=1",
        f"datamodule.loader.batch_size={given.batch}", "trainer.progress=none", f"trainer.accelerator={given.device}",
        f"datamodule.crops_total={given.steps * given.batch}",
    ]  # fmt: skip
    torch.use_deterministic_algorithms(False)
    if variant == "a":
        speed = train_bare([*words, "datamodule.loader.num_workers=0"], given.batch, given.steps)
    else:
        speed = train_fitted([*words, *FITS[variant]], given.batch, given.steps)
    _note(given, what="round", model=model, variant=variant, rate=speed)
    return speed


def _system_1(given: argparse.Namespace) -> None:
    """Training seconds of system 1 from the loader and from images on the GPU."""
    from segexp.cli.app import run
    from segexp.data.synthetic.generate import generate

    print(f"\nsystem 1, {given.epochs} epochs of 600 crops of 224x224: seconds of training and validation")
    with tempfile.TemporaryDirectory() as place:
        generate("vessels", "drive", Path(place) / "DRIVE", count=40, size=given.photograph, seed=0)
        for name, words in PATHS.items():
            outputs = Path(place) / name.replace(" ", "_")
            line = [
                "experiment=drive_shallow_segnet", f"datamodule.root={place}/DRIVE", f"output_dir={outputs}", FREE,
                f"trainer.max_epochs={given.epochs}", f"trainer.accelerator={given.device}", "trainer.progress=none",
                "metric=none", "baselines=false", "bootstrap=0", "panels=0", *words,
            ]  # fmt: skip
            if given.photograph < 224:
                line += ["datamodule.crop_size=32", "datamodule.eval_size=32", "datamodule.crops_total=20"]
            with contextlib.redirect_stdout(io.StringIO()):
                code = run(line)
            if code != 0:
                raise SystemExit(f"system 1 ended with exit code {code}")
            seconds = json.loads(next(outputs.rglob("run.json")).read_text(encoding="utf-8"))["train_seconds"]
            print(f"{name:<44}{seconds:>10.1f}", flush=True)
            _note(given, what="system 1", path=name, epochs=given.epochs, seconds=seconds)


def _note(given: argparse.Namespace, **figures: float | str) -> None:
    if given.figures is not None:
        with given.figures.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"benchmark": "gpu_throughput", "device": given.device, **figures}) + "\n")


if __name__ == "__main__":
    main()
