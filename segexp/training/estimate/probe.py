"""Measures a few steps on real samples, on the device, and tells how long a training would last."""

import time

import torch

from segexp.config.experiment import Experiment
from segexp.data.items.item import Item
from segexp.data.sampling.crop_locations import RandomLocations
from segexp.data.sampling.loader import worker_count
from segexp.data.sampling.samples import Batch, RandomCrops, collate
from segexp.data.settings import DataSettings, Items
from segexp.losses.base import SegmentationLoss
from segexp.tasks.base import BaseTask
from segexp.training.estimate.duration import TimeEstimate
from segexp.training.estimate.step_time import seconds_per_step
from segexp.training.run_length import RunLength

LONG = 10
"""Times the seconds to be measured: a first step that takes so long is not followed by others."""


def probe_time(
    experiment: Experiment,
    module: BaseTask,
    datamodule: DataSettings,
    items: Items,
    length: RunLength,
    seconds: float,
) -> TimeEstimate:
    """Measures steps on a real batch, its loading, and a forward pass of an image of validation.

    Args:
        experiment: With its device.
        module: A task that is not used afterwards: it is trained by the steps.
        datamodule: Whose settings say how samples are cut.
        items: Images of each part; a batch of them is read.
        length: How long the training is.
        seconds: How long steps are measured, two at least after the first one; of long ones the first alone.
    """
    device = experiment.device or "cpu"
    begin = time.perf_counter()
    batch = draw_batch(datamodule, items["train"])
    loading = time.perf_counter() - begin if worker_count(datamodule.loader) == 0 else 0.0
    if isinstance(module.loss, SegmentationLoss) and module.loss.needs_counts:
        module.loss.set_counts(torch.ones(1, module.spec.num_classes, dtype=torch.int64), module.spec)
    precision = experiment.trainer.precision
    step = seconds_per_step(module, batch, device, 0.0, precision, warm_up=0, least=1)
    if step < LONG * seconds:
        step = seconds_per_step(module, batch, device, seconds, precision, warm_up=0, least=2)
    pixel = _seconds_per_pixel(module, items["val"][0], device)
    whole = {part: pixel * _seen(module, datamodule, items[part]) for part in ("val", "test")}
    section = experiment.fitting
    return TimeEstimate(
        step + loading, length.seen.train, whole["val"] * length.seen.val / max(1, length.all.val),
        1 / (section.check_val_every_n_epoch or 1), length.epochs, whole["test"], max(1, int(seconds / step)),
    )  # fmt: skip


def draw_batch(datamodule: DataSettings, train: list[Item]) -> Batch:
    """A batch as training draws it, but for the places: those of foreground are known only when all masks are read."""
    places = RandomLocations(train, len(train), datamodule.crop_size)
    stats = datamodule.normalize == "image"
    crops = RandomCrops(places, datamodule.crop_size, datamodule.augment, datamodule.seed, redraw=True, stats=stats)
    return collate([crops[0, number % len(train)] for number in range(datamodule.loader.batch_size)])


def _seconds_per_pixel(module: BaseTask, item: Item, device: str) -> float:
    """Seconds of a forward pass of what is seen at once of an image, over its pixels."""
    height, width = item.shape
    window = module.inference.window_for(height, width)
    rows, columns = (side if window is None else min(side, window) for side in (height, width))
    image, _ = item.window(0, 0, rows, columns)
    raw = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].to(device)
    module.eval()
    with torch.no_grad():
        begin = time.perf_counter()
        float(module.evaluated(raw).sum())  # waits for the device
        return (time.perf_counter() - begin) / (rows * columns)


def _seen(module: BaseTask, datamodule: DataSettings, items: list[Item]) -> int:
    """Pixels that the network sees of all images of a part."""
    side = datamodule.eval_size
    return sum(module.inference.seen_pixels(*(item.shape if side is None else (side, side))) for item in items)
