"""Builds the measures of torchmetrics of the section ``metric``, each tried once on made-up outputs of the task."""

from collections.abc import Mapping
from typing import Any

import torch
from hydra.utils import instantiate
from torch import Tensor
from torchmetrics import Metric

from segexp.config.schema import ObjectConfig
from segexp.config.signatures.signature import signature
from segexp.config.signatures.torch_metrics import FILLED, is_torch_metric
from segexp.errors import ConfigError
from segexp.metrics.torch_metrics import TorchMetrics
from segexp.spec import IGNORED, DataSpec
from segexp.training.building.constructor_errors import naming_section
from segexp.training.checks.config_trials import SIDE, expect, trying


def build_metrics(sections: Mapping[str, ObjectConfig], spec: DataSpec) -> TorchMetrics:
    """Builds the measures of torchmetrics by the names of their blocks, for the target of the data.

    Args:
        sections: The section ``metric``; blocks of other classes are left out.
        spec: Of the data as the task has it; ``task`` and ``num_classes`` of a measure come from it.

    Raises:
        ConfigError: A measure refuses a key or the outputs of the task, or does not give numbers.
    """
    built: dict[str, Metric] = {}
    for name, section in sections.items():
        if not is_torch_metric(section):
            continue
        key = f"metric.{name}"
        filled = _filled(section, spec, key)
        with naming_section(key, filled):
            built[name] = instantiate(filled, _convert_="all")
        expect(built[name], Metric, key, "a torchmetrics.Metric")
        _check_classes(built[name], spec, key)
        _try_metric(name, built[name], spec)
    return TorchMetrics(built, spec.classes)


def _filled(section: ObjectConfig, spec: DataSpec, key: str) -> dict[str, Any]:
    """A block, and those inside it, with the keys that come from the data."""
    found = {
        name: _filled(value, spec, f"{key}.{name}") if is_torch_metric(value) else value
        for name, value in section.items()
    }
    own = signature(str(section["_target_"]))
    if not spec.classes or own is None:
        return found
    # Of two classes torchmetrics gives the second one's number alone, unless it takes them for several.
    by_class = "average" in found and found["average"] in (None, "none")
    task = "binary" if spec.is_binary and not by_class else "multiclass"
    values: dict[str, Any] = {"task": task, "num_classes": spec.num_classes}
    for name in FILLED:
        if name in own.parameters and found.get(name) in ("auto", None):
            found[name] = values[name]
    given = found.get("num_classes")
    if isinstance(given, int) and given != spec.num_classes:
        raise ConfigError(
            f"{key}.num_classes: found {given}, the data has {spec.num_classes} classes ({', '.join(spec.classes)}); "
            "leave it out, or write auto"
        )
    return found


def _check_classes(metric: Metric, spec: DataSpec, key: str) -> None:
    """A measure of two classes would take three for labels of its own."""
    name = type(metric).__name__
    if name.startswith("Binary") and spec.classes and not spec.is_binary:
        raise ConfigError(
            f"{key}: {name} is for two classes, the data has {spec.num_classes} ({', '.join(spec.classes)}); use "
            f"{name.replace('Binary', 'Multiclass')}"
        )


def _try_metric(name: str, metric: Metric, spec: DataSpec) -> None:
    """Updates and computes it once; afterwards it is as it was.

    Raises:
        ConfigError: It raises, or gives what is no number.
    """
    inputs = _made_up(spec)
    if inputs is None:
        return
    tried = TorchMetrics({name: metric}, spec.classes)
    with trying(f"metric.{name}", "its measuring of two images"), torch.random.fork_rng(devices=[]):
        tried.start(torch.device("cpu"))
        tried.update(*inputs)
        tried.values()
        tried.start(torch.device("cpu"))


def _made_up(spec: DataSpec) -> tuple[Tensor, Tensor] | None:
    """Predictions and targets of two images as the tasks of segexp hand them over; None: of another kind of target."""
    channels, classes = spec.score_channels, max(2, spec.num_classes)
    match spec.target.form:
        case "mask":
            target = (torch.arange(2 * SIDE * SIDE) // 5 % classes).byte().view(2, SIDE, SIDE)
            target[:, :2] = IGNORED
            return torch.full((2, channels, SIDE, SIDE), 1 / classes), target
        case "label":
            return torch.full((4 * classes, channels), 1 / classes), torch.arange(4 * classes) % classes
        case "image":
            image = torch.linspace(0, 1, 2 * spec.out_channels * SIDE * SIDE).view(2, spec.out_channels, SIDE, SIDE)
            return image, image.flip(0)
    return None
