"""``check scope=contracts``: whether a model, a loss, measures or a data set do what each of them promises."""

import inspect
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import nn

from segexp.config.experiment import Experiment
from segexp.config.schema import ObjectConfig
from segexp.config.signatures.task_figures import SEGMENTATION
from segexp.config.signatures.torch_metrics import is_torch_metric
from segexp.errors import ConfigError, MismatchError
from segexp.inspection.contracts import datamodules, losses, measures, models
from segexp.inspection.contracts.datamodules import DataCase
from segexp.inspection.contracts.losses import LossCase
from segexp.inspection.contracts.measures import MeasureCase
from segexp.inspection.contracts.models import Channels, ModelCase
from segexp.inspection.contracts.promise import ContractError, PromiseResult, outcome
from segexp.losses.base import SegmentationLoss
from segexp.losses.weighted_sum import WeightedSum
from segexp.metrics.base import ImageMeasure
from segexp.models.contracts import exceptions_of
from segexp.spec import DataSpec, MaskTarget
from segexp.training.building.datamodule import build_datamodule
from segexp.training.building.loss import build_loss
from segexp.training.building.measures import build_measures
from segexp.training.building.model import build_model

PARTS = ("model", "loss", "metric", "datamodule")
"""Groups whose options have a contract."""


@dataclass(frozen=True)
class Part:
    """One part that is tried.

    Attributes:
        name: As it is chosen: ``model=tiny``, ``metric.hd95``.
        built: An object of its class.
        outcomes: Tries its promises one by one.
    """

    name: str
    built: object
    outcomes: Iterator[PromiseResult]

    @property
    def place(self) -> str:
        """Its class, and the file in which that is."""
        own = type(self.built)
        return f"{own.__module__}.{own.__qualname__} in {inspect.getsourcefile(own)}"


def check_contracts(experiment: Experiment, form: Literal["table", "json"]) -> None:
    """Tries the promises of the parts that the command line chooses, and prints what came of each.

    Args:
        experiment: The training that has the parts.
        form: ``table`` prints a line as soon as a promise was tried, ``json`` all at the end.

    Raises:
        ConfigError: The command line chooses no part, or the task is none whose parts have a contract.
        ContractError: A promise is broken; the printed lines say what was found, what was expected and what to do.
    """
    broken: list[str] = []
    content: dict[str, Any] = {}
    for part in _parts(experiment):
        outcomes = []
        _print(form, f"{part.name}: {part.place}")
        for found in part.outcomes:
            outcomes.append(found)
            reason = f"\n{'':13}{found.reason}" if found.reason else ""
            _print(form, f"  {found.state:<10} {found.name}: {found.meaning}{reason}")
        content[part.name] = {"class": part.place, "promises": [asdict(found) for found in outcomes]}
        names = [found.name for found in outcomes if found.state == "broken"]
        broken += [f"{part.name} breaks {len(names)} of {len(outcomes)} promises: {', '.join(names)}"] if names else []
    if form == "json":
        print(json.dumps(content))  # noqa: T201 - the command's answer
    if broken:
        raise ContractError("; ".join(broken) + "; found, expected and what to do stand above")


def _print(form: str, line: str) -> None:
    if form == "table":
        print(line, flush=True)  # noqa: T201 - the command's answer


def _parts(experiment: Experiment) -> Iterator[Part]:
    words = [word.lstrip("+").partition("=")[0].partition(".")[0] for word in experiment.invocation.overrides]
    chosen = [group for group in PARTS if group in words]
    if not chosen:
        raise ConfigError(
            "scope=contracts: found no part on the command line, expected one at least of model=, loss=, metric= and "
            "datamodule=, as in check scope=contracts --config-dir my_conf model=tiny"
        )
    if experiment.task_class != SEGMENTATION:
        raise ConfigError(
            f"scope=contracts: found task {experiment.task_class}, expected {SEGMENTATION}: the contracts are of "
            "masks; scope=all checks parts of other tasks"
        )
    option = {group: f"{group}={experiment.invocation.choices.get(group)}" for group in chosen}
    if "model" in chosen:
        yield _model(option["model"], experiment.model)
    if "loss" in chosen:
        yield _loss(option["loss"], experiment.loss)
    own = {name: section for name, section in experiment.metric.items() if not is_torch_metric(section)}
    for name, section in own.items() if "metric" in chosen else ():
        yield _measure(f"metric.{name}", name, section)
    if "datamodule" in chosen:
        yield _data(option["datamodule"], experiment.datamodule)


def _model(name: str, section: ObjectConfig) -> Part:
    def make(channels: Channels) -> nn.Module:
        count = max(2, channels[1])
        target = MaskTarget(tuple("abcd"[:count]), ((0, 0, 0),) * count, two_logits=channels[1] == 2)
        torch.manual_seed(0)
        return models.awake(build_model(section, DataSpec(target, channels[0]), published=False))

    built = make((3, 1))
    tried = (outcome(promise, [ModelCase(make)], exceptions_of(built)) for promise in models.PROMISES)
    return Part(name, built, tried)


def _loss(name: str, section: ObjectConfig) -> Part:
    cases, misfit = [], MismatchError(f"{name}: fits neither two nor three classes")
    for classes in (2, 3):
        spec = losses.example_spec(classes)
        make = partial(build_loss, section, spec, partial(torch.full, (1, classes), 100))
        try:
            make()
        except MismatchError as error:
            misfit = error
        else:
            cases.append(LossCase(make, classes))
    if not cases:
        raise misfit
    built: SegmentationLoss = cases[0].make()
    # A sum names what its terms are excused from; another term may make up for it.
    needed = not isinstance(built, WeightedSum)
    tried = (outcome(promise, cases, built.exceptions, needed=needed) for promise in losses.PROMISES)
    return Part(name, built, tried)


def _measure(name: str, key: str, section: Mapping[str, Any]) -> Part:
    def make(classes: int) -> ImageMeasure:
        return build_measures({key: dict(section)}, losses.example_spec(classes))[key]

    cases = [MeasureCase(partial(make, classes), classes, section) for classes in (2, 3)]
    built = make(2)
    tried = (outcome(promise, cases, built.exceptions) for promise in measures.PROMISES)
    return Part(name, built, tried)


def _data(name: str, section: Mapping[str, Any]) -> Part:
    def make(seed: int) -> object:
        return build_datamodule({**section, **({"seed": seed} if "seed" in section else {})})

    crop = section.get("crop_size")
    case = DataCase(make, crop if isinstance(crop, int) else None)
    tried = (outcome(promise, [case], {}) for promise in datamodules.PROMISES)
    return Part(name, make(0), tried)
