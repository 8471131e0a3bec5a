"""Builds objects from a checked config; what a constructor refuses becomes a message with its section's name."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import get_method, instantiate
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.optim import Optimizer

from segexp.data.base import SegmentationDataModule
from segexp.errors import ConfigError, SegexpError
from segexp.losses.base import SegmentationLoss
from segexp.metrics.base import ImageMeasure
from segexp.metrics.names import direction
from segexp.modules.schedule import Schedule
from segexp.spec import DataSpec
from segexp.training.go_on import checkpoint_of
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
    with _naming("model"):
        model: nn.Module = instantiate(
            section, in_channels=spec.in_channels, out_channels=spec.out_channels, _convert_="all"
        )
    return model


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
    with _naming("loss"):
        loss: SegmentationLoss = instantiate(config["loss"], _convert_="all")
    loss.check(spec)
    if counts is not None and loss.needs_counts:
        loss.set_counts(counts(), spec)
    return loss


def build_optimizer(config: Config, model: nn.Module) -> Callable[[Any], Optimizer]:
    """The optimiser, still without parameters; tried once so that a value it refuses is found now."""
    with _naming("optimizer"):
        make: Callable[[Any], Optimizer] = instantiate(config["optimizer"], _convert_="all")
        make(model.parameters())
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
    if monitor is None and isinstance(built, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise ConfigError("scheduler.monitor: found null, but a plateau schedule watches a measure; use val/loss")
    return schedule


def _tried(config: Config, schedule: Schedule) -> Any:
    """A schedule of the real optimiser, on a weight of its own: one step, so that what they refuse is found now."""
    optimizer = _one_weight(config)
    with _naming("scheduler.target"), warnings.catch_warnings(action="ignore"):
        try:
            built = schedule.build(optimizer, steps=100, epochs=100)
            optimizer.step(lambda: 0.0)
            built.step(*((0.0,) if isinstance(built, torch.optim.lr_scheduler.ReduceLROnPlateau) else ()))
        except (RuntimeError, ArithmeticError, LookupError, AttributeError, AssertionError) as error:
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
    return built


def _one_weight(config: Config) -> Optimizer:
    """The optimiser that is asked for, with a weight of its own."""
    weight = torch.nn.Parameter(torch.zeros(1, 1))
    weight.grad = torch.zeros(1, 1)
    with _naming("optimizer"):
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
        with _naming(f"metric.{name}"):
            built[name] = instantiate(section, _convert_="all")
        built[name].prepare(spec)
    _check_figures(built)
    return built


def _check_figures(measures: dict[str, ImageMeasure]) -> None:
    """Two measures with a figure of one name would hide each other in the tables."""
    owner: dict[str, str] = {}
    for name, measure in measures.items():
        for figure in measure.directions:
            if figure in owner:
                raise ConfigError(f"metric.{name}: gives {figure}, as metric.{owner[figure]} does; leave one out")
            owner[figure] = name


def build_extra_callbacks(config: Config) -> list[Callback]:
    """The user's own Lightning callbacks."""
    with _naming("callbacks.extra"):
        return [instantiate(section, _convert_="all") for section in config["callbacks"]["extra"]]


@contextmanager
def _naming(section: str) -> Iterator[None]:
    """Turns what a constructor raises into an error of the config that names the section."""
    try:
        yield
    except SegexpError:
        raise
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, SegexpError):
            raise cause from error
        if not isinstance(cause, TypeError | ValueError | UserWarning | ImportError | AttributeError):
            raise
        raise ConfigError(f"{section}: {_last_line(cause)}") from error
    except (TypeError, ValueError, UserWarning) as error:
        raise ConfigError(f"{section}: {_last_line(error)}") from error


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines) if lines else type(error).__name__
