"""Compares the memory that a training says it will take with what it took, for ten models, each in its own process.

``python benchmarks/memory_estimate.py``; words after it are handed on, such as ``speed=off``. Prints a table in MiB:
the estimate that stands in run.json, the most that the process ever held (from the system, at its end), and their
ratio, for all of it, and without Python, its libraries and the data, which the process held before.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SIZED = {
    "cunet": (8, 256), "unet": (4, 192), "unet_small": (8, 192), "unet_little": (8, 256), "segnet": (4, 192),
    "wnet": (4, 192), "fcn8s": (2, 192), "deeplabv3_resnet101": (4, 192), "deeplabv3plus_xception": (2, 192),
    "pspnet_resnet50": (4, 192),
}  # fmt: skip
"""Models with batch size and side of the samples in pixels."""
WORDS = (
    "datamodule=synthetic", "datamodule.train_images=4", "datamodule.crops_per_image=4", "datamodule.val_images=2",
    "datamodule.test_images=2", "datamodule.loader.num_workers=0", "trainer.max_epochs=1", "trainer.progress=none",
    "trainer.accelerator=cpu", "metric=none", "bootstrap=0", "panels=0",
)  # fmt: skip
MIB = 2**20


def measure(model: str, words: Sequence[str]) -> tuple[dict[str, Any], int]:
    """Trains a model; gives the estimate of run.json and the peak of the process in bytes."""
    batch, side = SIZED[model]
    sizes = [f"model={model}", f"datamodule.size={side}", f"datamodule.crop_size={side}"]
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable, "-m", "segexp", *WORDS, *sizes, f"datamodule.loader.batch_size={batch}",
            f"output_dir={folder}", *words,
        ]  # fmt: skip
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, state, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(state)
        if process.returncode:
            raise SystemExit(f"{model}: exit code {process.returncode}")
        (record,) = Path(folder).rglob("run.json")
        estimate: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))["estimate"]["memory"]
    return estimate, used.ru_maxrss * 1024


def main(words: Sequence[str]) -> None:
    """Prints the table."""
    print(
        f"{'model':<24}{'batch':>6}{'side':>6}{'estimate':>10}{'peak':>8}{'ratio':>7}{'alone':>10}{'peak':>8}{'ratio':>7}"
    )
    for model, (batch, side) in SIZED.items():
        estimate, peak = measure(model, words)
        base = estimate["program"] + estimate["data"]
        total = estimate["total"]
        pairs = ((total, peak), (total - base, peak - base))
        shown = "".join(f"{said / MIB:10.0f}{held / MIB:8.0f}{said / held:7.2f}" for said, held in pairs)
        print(f"{model:<24}{batch:>6}{side:>6}{shown}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
