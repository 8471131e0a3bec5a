"""Builds objects from a checked config; what a constructor refuses becomes a message with its section's name."""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import get_method, instantiate
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim import Optimizer

from segexp.config.measure_names import direction
from segexp.data.base import SegmentationDataModule
from segexp.errors import ConfigError, SegexpError
from segexp.losses.base import SegmentationLoss, refuse_other
from segexp.metrics.base import ImageMeasure
from segexp.spec import DataSpec
from segexp.system.free_memory import free_memory, gib
from segexp.tasks.schedule import AUTO, Schedule
from segexp.training.config_trials import expect, told, try_measure, trying
from segexp.training.resume_source import checkpoint_of
from segexp.training.run_split import split_of

Config = dict[str, Any]


def build_datamodule(config: Config) -> SegmentationDataModule:
    """Datamodule with its augmentation; reads no image yet. With ``resume`` its split is that of the run."""
    with _naming("augment"), warnings.catch_warnings():
        # albumentations only warns of an argument that it does not know, and goes on without it.
        warnings.filterwarnings("error", message=".*not valid for transform.*")
        augment = instantiate(config["augment"], _convert_="all")
    with _naming("datamodule"):
        built: SegmentationDataModule = instantiate(config["datamodule"], augment=augment, _convert_="all")
        expect(built, SegmentationDataModule, "datamodule", "a segexp.data.base.SegmentationDataModule")
    if (resume := checkpoint_of(config.get("resume"))) is not None and (split := split_of(Path(resume))) is not None:
        built.keep_split(split)
    return built


def build_model(config: Config, spec: DataSpec) -> nn.Module:
    """The network for the channels of the data.

    With ``resume`` all weights come from the checkpoint: no published ones are read, no network is touched.
    """
    section = dict(config["model"])
    if config.get("resume") is not None:
        section |= {key: off for key, off in _PUBLISHED.items() if key in section}
    _refuse_too_large(section, spec)
    with _naming("model", {**section, "in_channels": spec.in_channels, "out_channels": spec.out_channels}):
        model: nn.Module = instantiate(
            section, in_channels=spec.in_channels, out_channels=spec.out_channels, _convert_="all"
        )
        expect(model, nn.Module, "model", "a torch.nn.Module that gives logits (B, K, H, W)")
    return model


def _refuse_too_large(section: Config, spec: DataSpec) -> None:
    """Models of ours are first built without their weights: what is larger than the memory is found at once."""
    if not str(section.get("_target_")).startswith("segexp.models."):
        return
    off = {key: value for key, value in _PUBLISHED.items() if key in section}
    try:
        with torch.device("meta"), warnings.catch_warnings(action="ignore"):
            model: nn.Module = instantiate(
                section | off, in_channels=spec.in_channels, out_channels=spec.out_channels, _convert_="all"
            )
        need = sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())
    except InstantiationException as error:
        if not isinstance(error.__cause__, RuntimeError | OverflowError | MemoryError):
            return  # told, or working, where it is built in earnest
        raise ConfigError(f"model: {_last_line(error.__cause__)}; {_SMALLER}") from error
    free = free_memory()
    if free is not None and need > free:
        raise ConfigError(f"model: its weights take {gib(need)}, but {gib(free)} are free; {_SMALLER}")


_SMALLER = "use fewer channels or stages"
_PUBLISHED = {"pretrained": False, "encoder_weights": None}
"""Keys of models that load published weights, and what turns that off."""


def build_loss(config: Config, spec: DataSpec, counts: Callable[[], Tensor] | None = None) -> SegmentationLoss:
    """The loss, checked against the classes of the data.

    Args:
        config: The whole config.
        spec: Classes of the data.
        counts: Gives the pixels of the training images per image and class, int64 (N, C); called only where a weight
            is ``auto``.
    """
    with _naming("loss", config["loss"]):
        loss: SegmentationLoss = instantiate(config["loss"], _convert_="all")
        refuse_other(loss, "loss._target_", config["loss"].get("_target_", ""))
    with trying("loss", "its check(spec)"):
        loss.check(spec)
    if counts is not None and loss.needs_counts:
        loss.set_counts(counts(), spec)
    return loss


def build_optimizer(config: Config, model: nn.Module) -> Callable[[Any], Optimizer]:
    """The optimiser, still without parameters; tried once so that a value it refuses is found now."""
    with _naming("optimizer", config["optimizer"]):
        make: Callable[[Any], Optimizer] = instantiate(config["optimizer"], _convert_="all")
        expect(make(model.parameters()), Optimizer, "optimizer", "a torch.optim.Optimizer")
    return make


def build_schedule(config: Config, every: int) -> Schedule | None:
    """The learning-rate schedule, or None for a constant rate."""
    section = config["scheduler"]
    if section["target"] is None:
        return None
    settings = {key: value for key, value in section["target"].items() if not key.startswith("_")}
    monitor = section["monitor"]
    towards = direction(monitor) if monitor is not None else "min"
    schedule = Schedule(
        get_method(section["target"]["_target_"]), settings, section["interval"], monitor, towards, every
    )
    built = _tried(config, schedule)
    expect(built, torch.optim.lr_scheduler.LRScheduler, "scheduler.target", "a schedule of torch.optim.lr_scheduler")
    if monitor is None and isinstance(built, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise ConfigError("scheduler.monitor: found null, but a plateau schedule watches a measure; use val/loss")
    return schedule


def _tried(config: Config, schedule: Schedule) -> Any:
    """A schedule of the real optimiser, on a weight of its own: one step, so that what they refuse is found now."""
    optimizer = _one_weight(config)
    target = {key: value for key, value in config["scheduler"]["target"].items() if value != AUTO}
    with _naming("scheduler.target", target), warnings.catch_warnings(action="ignore"):
        try:
            built = schedule.build(optimizer, steps=100, epochs=100)
            optimizer.step(lambda: 0.0)
            built.step(*((0.0,) if isinstance(built, torch.optim.lr_scheduler.ReduceLROnPlateau) else ()))
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f"scheduler.target: {_last_line(error)}") from error
        except ValueError as error:
            if "cycle_momentum" not in str(error):
                raise
            name, cycle = type(optimizer).__name__, config["scheduler"]["target"]["_target_"].rpartition(".")[2]
            plus = "" if "cycle_momentum" in config["scheduler"]["target"] else "+"
            raise ConfigError(
                f"scheduler.target: {cycle} moves the momentum too, and {name} has none; add "
                f"{plus}scheduler.target.cycle_momentum=false"
            ) from error
    for rate in (float(group["lr"]) for group in optimizer.param_groups):
        # A schedule sets whatever it is told, and no optimiser looks at it again.
        if not (math.isfinite(rate) and rate >= 0):
            where = ", ".join(f"{key} {value}" for key, value in target.items() if key[0] != "_" and value != AUTO)
            raise ConfigError(f"scheduler.target ({where}): sets a learning rate of {rate:g}, expected at least 0")
    return built


def _one_weight(config: Config) -> Optimizer:
    """The optimiser that is asked for, with a weight of its own."""
    weight = torch.nn.Parameter(torch.zeros(1, 1))
    weight.grad = torch.zeros(1, 1)
    with _naming("optimizer", config["optimizer"]):
        made: Optimizer = instantiate(config["optimizer"], _convert_="all")([weight])
    return made


def check_length(config: Config, schedule: Schedule | None, batches: int) -> None:
    """Checks that a schedule of a length of its own is as long as the run: it cannot be moved any further.

    Args:
        config: The whole config.
        schedule: That of the run.
        batches: Batches of an epoch.

    Raises:
        ConfigError: It is shorter.
    """
    section = config["trainer"]
    if schedule is None:
        return
    steps = section["max_epochs"] * -(-batches // section["accumulate_grad_batches"])
    length = steps if schedule.interval == "step" else section["max_epochs"]
    own = getattr(schedule.build(_one_weight(config), steps=steps, epochs=section["max_epochs"]), "total_steps", length)
    if own < length:
        raise ConfigError(
            f"scheduler.target: its cycle takes {own} {schedule.interval}s, but the run has {length}; use "
            "scheduler.target.total_steps=auto, or fewer trainer.max_epochs"
        )


def build_measures(config: Config, spec: DataSpec) -> dict[str, ImageMeasure]:
    """The costly measures of the test by name, told what the data is like."""
    built: dict[str, ImageMeasure] = {}
    for name, section in config.get("metric", {}).items():
        if not isinstance(section, Mapping):
            raise ConfigError(
                f"metric.{name}: found {section!r}, expected a block that is named as its file: "
                "my_measure: {_target_: my_package.MyMeasure}"
            )
        with _naming(f"metric.{name}", section):
            built[name] = instantiate(section, _convert_="all")
            expect(
                built[name], ImageMeasure, f"metric.{name}",
                "a segexp.metrics.base.ImageMeasure; docs/extending.md says how to write one",
            )  # fmt: skip
        with trying(f"metric.{name}", "its prepare(spec)"):
            built[name].prepare(spec)
        if not type(built[name]).__module__.startswith("segexp."):
            try_measure(name, built[name], spec)
    _check_figures(built)
    return built


def _check_figures(measures: dict[str, ImageMeasure]) -> None:
    """Two measures with a figure of one name would hide each other in the tables."""
    owner: dict[str, str] = {}
    for name, measure in measures.items():
        for figure in measure.described_figures():
            if figure in owner:
                raise ConfigError(f"metric.{name}: gives {figure}, as metric.{owner[figure]} does; leave one out")
            owner[figure] = name


def build_extra_callbacks(config: Config) -> list[Callback]:
    """The user's own Lightning callbacks."""
    with _naming("callbacks.extra"):
        made = [instantiate(section, _convert_="all") for section in config["callbacks"]["extra"]]
    for number, callback in enumerate(made):
        expect(callback, Callback, f"callbacks.extra[{number}]", "a lightning.pytorch.callbacks.Callback")
    return made


@contextmanager
def _naming(section: str, settings: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Turns whatever a constructor raises into an error of the config that names the section.

    Args:
        section: Its dotted path.
        settings: Its keys, to find the one that is at fault.
    """
    try:
        yield
    except SegexpError:
        raise
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, SegexpError):
            raise cause from error
        raise ConfigError(f"{_at_fault(section, settings)}: {_cause(cause)}") from error
    except Exception as error:
        raise ConfigError(f"{_at_fault(section, settings)}: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """What a constructor raised, in one line; of an error that no constructor raises on purpose, how to see where."""
    expected = isinstance(error, TypeError | ValueError | UserWarning | ImportError)
    return _last_line(error) if expected else f"{told(error)}; debug=true shows where"


def _at_fault(section: str, settings: Mapping[str, Any] | None) -> str:
    """The section, or the one key of it without which its class would be built, with the value that was found."""
    keys = [key for key in settings or {} if not key.startswith("_")]
    for key in keys:
        rest = {name: value for name, value in (settings or {}).items() if name != key}
        try:
            built = instantiate(rest, _convert_="all")
            if rest.get("_partial_") and section == "optimizer":
                built([nn.Parameter(torch.zeros(1, 1))])
            elif rest.get("_partial_"):
                built(torch.optim.SGD([nn.Parameter(torch.zeros(1, 1))], lr=0.1, momentum=0.9))
        except Exception:  # another key is at fault, or this one must be given
            continue
        return f"{section}.{key}: found {(settings or {})[key]!r}"
    values = [f"{key} {(settings or {})[key]}" for key in keys if isinstance((settings or {})[key], int | float)]
    return f"{section} ({', '.join(values)})" if values else section


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines) if lines else type(error).__name__
