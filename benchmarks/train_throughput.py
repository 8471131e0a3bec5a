"""Training throughput side by side: the same network, data size and loss, three ways to run it.

    python benchmarks/train_throughput.py [--rounds 3] [--steps 20]

(a) a bare PyTorch loop with PyTorch's own settings; (b) a bare loop with segexp's settings over tensors that are
already in memory; (c) ``segexp``'s own fit: datamodule, augmentation (``--augment``), Lightning, logging, under
deterministic algorithms, which (a) and (b) do not ask for. Network cunet,
batches of 16 images of 3x250x250, BCE, Adam. Each variant runs in a process of its own (the allocator setting holds
for a whole process) and the variants take turns, so that a busy moment of the machine hits all of them; the ratios
are medians over the rounds. A GPU is used where there is one.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence

from segexp.config.experiment import Experiment

BATCH, SIDE, WARM_UP = 16, 250, 3
VARIANTS = {
    "a": "bare loop, PyTorch defaults",
    "b": "bare loop, segexp's settings, tensors in memory",
    "c": "segexp fit: loader, augmentation, Lightning, logging",
}
OVERRIDES = [
    "model=cunet", "loss=bce", "optimizer=adam", "scheduler=none", "augment=d4", "datamodule=synthetic",
    "datamodule.scene=buildings", f"datamodule.size={SIDE}", "datamodule.crop_size=null", "datamodule.val_images=1",
    "datamodule.test_images=1", f"datamodule.loader.batch_size={BATCH}", "trainer.progress=none",
    "datamodule.crops_per_image=1",
]  # fmt: skip


def main() -> None:
    """Runs all variants in turns and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20, help="steps measured per variant and round")
    parser.add_argument("--variant", choices=VARIANTS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.variant:
        print(json.dumps(_measure(arguments.variant, arguments.steps)))
        return
    rounds = [{name: _in_process(name, arguments.steps) for name in VARIANTS} for _ in range(arguments.rounds)]
    _print_table(rounds)


def _in_process(variant: str, steps: int) -> float:
    command = [sys.executable, __file__, "--variant", variant, "--steps", str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def _print_table(rounds: list[dict[str, float]]) -> None:
    print(f"cunet, {BATCH} x 3 x {SIDE} x {SIDE}, BCE, Adam; median of {len(rounds)} rounds")
    print(f"{'':4}{'':56}{'images/s':>10}{'vs (a)':>9}{'vs (b)':>9}")
    for name, text in VARIANTS.items():
        speed = statistics.median(r[name] for r in rounds)
        ratios = [statistics.median(r[name] / r[base] for r in rounds) for base in ("a", "b")]
        print(f"({name}) {text:<56}{speed:>10.1f}{ratios[0]:>9.2f}{ratios[1]:>9.2f}")


def _measure(variant: str, steps: int) -> float:
    """Images per second of one variant in this process."""
    if variant == "a":
        return train_bare(OVERRIDES, BATCH, steps, ours=False)
    images = f"datamodule.train_images={steps * BATCH}"
    return train_bare(OVERRIDES, BATCH, steps) if variant == "b" else train_fitted([*OVERRIDES, images], BATCH, steps)


def _experiment(overrides: Sequence[str]) -> Experiment:
    from hydra import compose, initialize_config_dir

    from segexp.config.composed import checked_train
    from segexp.config.paths import conf_dir

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return checked_train(compose("train", [*overrides]))


def train_bare(overrides: Sequence[str], batch: int, steps: int, *, ours: bool = True) -> float:
    """A loop as anyone would write it, over scaled batches that are on the device already.

    Args:
        overrides: The experiment.
        batch: Its images in a batch.
        steps: Steps that are measured.
        ours: Whether with segexp's settings (``speed``) or PyTorch's own.

    Returns:
        Images per second.
    """
    experiment = _experiment(overrides if ours else [*overrides, "speed=off"])
    from segexp.system.allocator import tune_allocator

    allocator = tune_allocator(experiment.speed.allocator)
    import torch
    from torch.nn.functional import binary_cross_entropy_with_logits

    from segexp.tasks.speed import resolve_speed
    from segexp.training.building.datamodule import build_datamodule
    from segexp.training.building.model import build_model
    from segexp.training.hardware import device_type

    device = device_type(experiment.trainer.accelerator)
    speed = resolve_speed(experiment.speed, device, allocator=allocator)
    datamodule = build_datamodule({**experiment.datamodule, "train_images": 4 * batch}, experiment.augment)
    torch.manual_seed(0)
    layout = torch.channels_last if speed.channels_last else torch.contiguous_format
    model = build_model(experiment.model, datamodule.spec).to(device, memory_format=layout)  # type: ignore[call-overload]
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = [
        (
            ((each["image"].float() - 128) / 64).contiguous(memory_format=layout).to(device),
            each["target"].float().unsqueeze(1).to(device),
        )
        for each in datamodule.train_dataloader()
    ]
    start = 0.0
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            start = _now(device)
        image, mask = batches[step % len(batches)]
        with torch.autocast(device, dtype=torch.bfloat16, enabled=speed.bfloat16):
            logits = model(image)
        loss = binary_cross_entropy_with_logits(logits.float(), mask)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch publishes no types for it
        optimizer.step()
    return steps * batch / (_now(device) - start)


def _now(device: str) -> float:
    import torch

    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def train_fitted(overrides: Sequence[str], batch: int, steps: int) -> float:
    """The training part of an epoch of segexp's own fit, loading included; the first epoch warms up.

    Args:
        overrides: The experiment, whose epochs have ``steps`` batches.
        batch: Its images in a batch.
        steps: Steps of an epoch.

    Returns:
        Images per second.
    """
    experiment = _experiment([*overrides, "trainer.max_epochs=2"])
    from segexp.system.allocator import tune_allocator

    allocator = tune_allocator(experiment.speed.allocator)
    import tempfile
    from pathlib import Path

    from lightning.pytorch.callbacks import Callback

    from segexp.runs.folder import RunFolder
    from segexp.training.hardware import device_type, with_hardware
    from segexp.training.loggers.epoch_table import EpochTable
    from segexp.training.prepare import prepare
    from segexp.training.trainer import build_trainer

    device = device_type(experiment.trainer.accelerator)

    class Clock(Callback):
        """Times from the start of each epoch to the end of its last training batch."""

        start = seconds = 0.0

        def on_train_epoch_start(self, trainer: object, module: object) -> None:
            self.start = _now(device)

        def on_train_batch_end(
            self, trainer: object, module: object, outputs: object, batch: object, batch_idx: int
        ) -> None:
            if batch_idx == steps - 1:
                self.seconds = _now(device) - self.start

    prepared = prepare(with_hardware(experiment), allocator=allocator)
    experiment, datamodule, module = prepared.experiment, prepared.datamodule, prepared.module
    with tempfile.TemporaryDirectory() as place:
        folder = RunFolder.create(Path(place))
        table = EpochTable(folder, experiment.monitor, "max", 2)
        trainer = build_trainer(experiment, folder, [table])
        clock = Clock()
        trainer.callbacks.append(clock)  # type: ignore[attr-defined] # Trainer sets it
        trainer.fit(module, datamodule=datamodule)
    return steps * batch / clock.seconds


if __name__ == "__main__":
    main()
