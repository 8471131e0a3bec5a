"""Reads the data and builds the module; all that can be wrong with either is found here, before anything is written."""

from collections.abc import Sequence
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch

from segexp.config.measure_names import check_name
from segexp.data.base import SegmentationDataModule
from segexp.data.items.item import Image, Item
from segexp.data.sampling.batches import check_batches
from segexp.data.splits.rules import PHASES
from segexp.errors import ConfigError
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.speed import resolve_speed
from segexp.training import build
from segexp.training.config_trials import try_loss, try_model
from segexp.training.distributed.plan import count
from segexp.windows.settings import Inference

Config = dict[str, Any]


def prepare(config: Config, *, allocator: bool) -> tuple[SegmentationDataModule, Segmentation]:
    """Reads the data and builds the module; weights depend on the seed alone."""
    datamodule = build.build_datamodule(config)
    datamodule.setup()
    # From here on the config says what the data decided: a repetition decides the same, whatever files come later.
    config["datamodule"].update(datamodule.settled())
    spec = datamodule.spec
    pl.seed_everything(config["seed"], verbose=False)
    model = build.build_model(config, spec)
    # Of the training images alone: what is known of the others must not shape the training.
    loss = build.build_loss(config, spec, lambda: torch.from_numpy(datamodule.class_pixels("train")))
    try_loss(loss, spec)
    check_monitors(config, spec.classes)
    schedule = build.build_schedule(config, config["trainer"]["check_val_every_n_epoch"])
    module = _kind(config)(
        model,
        loss,
        spec,
        build.build_optimizer(config, model),
        schedule=schedule,
        speed=resolve_speed(config["speed"], device_type(config), allocator=allocator),
        measures=build.build_measures(config, spec),
        inference=Inference(**config["inference"]),
        shares=datamodule.train_batches().shares if count(config["trainer"]) > 1 else None,
        record={"config": config, "split": {phase: [i.name for i in datamodule.items(phase)] for phase in PHASES}},
    )
    ranks = count(config["trainer"])
    check_batches(datamodule.samples_per_epoch, datamodule.loader, ranks)
    build.check_length(config, schedule, len(datamodule.train_batches()))
    _try_sizes(module, datamodule)
    return datamodule, module


def _kind(config: Config) -> type[Segmentation]:
    """The class of the module; what divides it between ranks takes time to import."""
    if config["trainer"]["strategy"] != "fsdp" or count(config["trainer"]) == 1:
        return Segmentation
    from segexp.training.distributed.sharded import ShardedModule

    return ShardedModule


def check_monitors(config: Config, classes: Sequence[str]) -> None:
    """Compares the measures that the config watches with the classes of the data and the terms of the loss.

    Raises:
        ConfigError: There is no such measure.
    """
    terms = [str(term) for term in config["loss"].get("terms", {})]
    for key, name in (("monitor", config["monitor"]), ("scheduler.monitor", config["scheduler"]["monitor"])):
        if name is not None:
            _check_measure(key, name, classes, terms)


def _check_measure(key: str, name: str, classes: Sequence[str], terms: Sequence[str]) -> None:
    try:
        check_name(name, classes, terms)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error


def device_type(config: Config) -> str:
    """``cpu``, ``cuda`` or ``mps`` for the accelerator asked for."""
    asked = config["trainer"]["accelerator"]
    if asked in ("auto", "gpu") and torch.cuda.is_available():
        return "cuda"
    if asked in ("auto", "mps") and torch.backends.mps.is_available():
        return "mps"
    if asked in ("gpu", "mps"):
        raise ConfigError(f"trainer.accelerator: found {asked}, but PyTorch sees none; use auto or cpu")
    return "cpu"


def _try_sizes(module: Segmentation, datamodule: SegmentationDataModule) -> None:
    """A forward pass per size of sample: sizes that do not fit are found before anything is written.

    In evaluation mode: a probe must leave running statistics and the stream of random numbers alone. Of an image that
    is seen in windows, one window is tried.
    """
    probes = [datamodule.train_samples()[0, 0]["image"]]
    probes += _seen_at_once([*datamodule.items("val"), *datamodule.items("test")], module.inference)
    was_training = module.training
    module.eval()
    for image in {array.shape: array for array in probes}.values():
        try_model(module, torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None])
    module.train(was_training)


def _seen_at_once(items: Sequence[Item], inference: Inference) -> list[Image]:
    """What one forward pass sees of an image, all of it or a window: one example of each size."""
    found: dict[tuple[int, int], Image] = {}
    for item in items:
        window = inference.window_for(*item.shape)
        height, width = item.shape if window is None else (min(side, window) for side in item.shape)
        if (height, width) not in found:
            found[height, width] = item.window(0, 0, height, width)[0]
    return list(found.values())
