"""Weighted sum of several losses, each of them logged; weights may change from epoch to epoch."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

from torch import Tensor, nn
from torch.nn.modules.loss import _Loss

from segexp.errors import ConfigError, MismatchError
from segexp.losses.base import TOTAL, SegmentationLoss
from segexp.losses.plain_loss import as_segmentation_loss
from segexp.spec import DataSpec
from segexp.types import NonNegativeFloat, WeightSchedule


def weight_at(schedule: WeightSchedule, epoch: float) -> float:
    """The weight in an epoch, counted from 0: ``start`` up to ``from_epoch``, ``end`` from ``epochs`` later on."""
    progress = min(max((epoch - schedule.from_epoch) / schedule.epochs, 0.0), 1.0)
    if schedule.shape == "cosine":
        progress = (1.0 - math.cos(math.pi * progress)) / 2.0
    return schedule.start + (schedule.end - schedule.start) * progress


def schedule_of(key: str, value: float | WeightSchedule | Mapping[str, Any]) -> WeightSchedule:
    """A constant weight, a schedule, or the block of its keys as a schedule.

    Raises:
        ConfigError: A key is unknown or a value out of range.
    """
    if isinstance(value, int | float):
        if not value >= 0:
            raise ConfigError(f"{key}={value:g}: a weight is 0 or more")
        return WeightSchedule(start=float(value), end=float(value))
    try:
        schedule = value if isinstance(value, WeightSchedule) else WeightSchedule(**value)
    except TypeError as error:
        raise ConfigError(
            f"{key}: found {value!r}, expected a number, or a block of start, end, from_epoch, epochs and shape"
        ) from error
    if not (schedule.start >= 0 and schedule.end >= 0 and schedule.from_epoch >= 0 and schedule.epochs >= 1):
        raise ConfigError(f"{key}: found {schedule}, expected weights of 0 or more and epochs of 1 or more")
    if schedule.shape not in ("linear", "cosine"):
        raise ConfigError(f"{key}.shape: found {schedule.shape!r}, expected linear | cosine")
    return schedule


class WeightedSum(SegmentationLoss):
    """Sum of named losses times their weights.

    Activation: each term's own, and so is its rule for an absent class.

    With a schedule the sum changes from epoch to epoch, so ``val/loss`` of different epochs cannot be compared: watch
    another measure, such as ``val/miou``. The terms are logged without their weights and stay comparable.

    Args:
        terms: The losses by name, plain ones of torch.nn too; the name appears in the log as ``loss/<name>``.
        weights: One weight of 0 or more for each of them, or a schedule: a block of ``start``, ``end``,
            ``from_epoch``, ``epochs`` and ``shape``. A term of weight 0 is still computed and logged.

    Attributes:
        weights: Those in force; before the first epoch, those of epoch 0.

    Raises:
        ConfigError: Terms and weights name different things, there is no term, a weight is negative, all stay 0, or
            a term is called ``total``.
    """

    def __init__(
        self, terms: dict[str, SegmentationLoss | _Loss], weights: dict[str, NonNegativeFloat | WeightSchedule]
    ) -> None:
        super().__init__()
        self.schedules = _checked(terms, weights)
        self.losses = nn.ModuleDict({name: _of_masks(name, term) for name, term in terms.items()})
        self.weights: dict[str, float] = {}
        self.exceptions = {
            key: f"{name}: {why}" for name, loss in self._named() for key, why in loss.exceptions.items()
        }
        self.at_epoch(0)

    def _named(self) -> Iterator[tuple[str, SegmentationLoss]]:
        for name, loss in self.losses.items():
            yield name, cast(SegmentationLoss, loss)  # ModuleDict forgets the type of its values

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Weighted sum for logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        return self.terms(logits, mask)[TOTAL]

    def terms(self, logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Computes each unweighted term by name, and ``total``, the weighted sum of these very tensors."""
        values: dict[str, Tensor] = {name: loss(logits, mask) for name, loss in self._named()}
        weighted = [self.weights[name] * value for name, value in values.items()]
        total = weighted[0]
        for value in weighted[1:]:
            total = total + value
        return {**values, TOTAL: total}

    def at_epoch(self, epoch: float) -> None:
        """Sets the weights of an epoch, counted from 0, also in terms that are sums."""
        self.weights = {name: weight_at(schedule, epoch) for name, schedule in self.schedules.items()}
        for _, loss in self._named():
            loss.at_epoch(epoch)

    @property
    def weights_now(self) -> dict[str, float]:
        """Weights in force of the terms with a schedule; ``<term>.<inner term>`` for a sum in a sum."""
        own = {name: self.weights[name] for name, s in self.schedules.items() if s.start != s.end}
        inner = {f"{name}.{key}": weight for name, loss in self._named() for key, weight in loss.weights_now.items()}
        return {**own, **inner}

    @property
    def needs_counts(self) -> bool:
        """True if a term has weights that are ``auto``."""
        return any(loss.needs_counts for _, loss in self._named())

    def set_counts(self, counts: Tensor, spec: DataSpec) -> None:
        """Hands pixels per image and class, int64 (N, C), to every term.

        Raises:
            MismatchError: From the first term that cannot use them.
        """
        for name, loss in self._named():
            try:
                loss.set_counts(counts, spec)
            except MismatchError as error:
                raise MismatchError(f"term {name} of the loss: {error}") from error

    def resolved(self) -> dict[str, Any]:
        """Gives the weights that the terms computed, under ``terms`` as in the config."""
        computed = {name: values for name, loss in self._named() if (values := loss.resolved())}
        return {"terms": computed} if computed else {}

    def check(self, spec: DataSpec) -> None:
        """Checks that every term fits the data.

        Raises:
            MismatchError: From the first term that does not.
        """
        for name, loss in self._named():
            try:
                loss.check(spec)
            except MismatchError as error:
                raise MismatchError(f"term {name} of the loss: {error}, alone or in a sum") from error


def _of_masks(name: str, term: nn.Module) -> SegmentationLoss:
    """A term as a loss of masks: one of torch.nn is taken of the valid pixels alone.

    Raises:
        ConfigError: It is another module; the message says how to wrap it.
    """
    if not isinstance(term, SegmentationLoss | _Loss):
        kind = type(term)
        raise ConfigError(
            f"loss.terms.{name}: {kind.__module__}.{kind.__qualname__} is neither a loss of segexp nor of torch.nn; "
            "wrap it: {_target_: segexp.losses.plain_loss.PlainLoss, loss: {_target_: ...}}"
        )
    return as_segmentation_loss(term, f"loss.terms.{name}", type(term).__qualname__)


def _checked(terms: Mapping[str, nn.Module], weights: Mapping[str, Any]) -> dict[str, WeightSchedule]:
    """The weights as schedules, which a constant one is too."""
    if not terms or set(terms) != set(weights):
        raise ConfigError(
            f"loss.terms names {sorted(terms)} and loss.weights names {sorted(weights)}: give each term one weight"
        )
    if TOTAL in terms:
        raise ConfigError(f"loss.terms.{TOTAL}: this name is taken by the sum, choose another")
    schedules = {name: schedule_of(f"loss.weights.{name}", weight) for name, weight in weights.items()}
    if not any(schedule.start or schedule.end for schedule in schedules.values()):
        raise ConfigError("loss.weights are all 0: nothing would be learnt, make one of them positive")
    return schedules
