"""WeightedSum: several losses as one, each of them logged."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from torch import Tensor, nn

from segexp.errors import ConfigError, MismatchError
from segexp.losses.base import TOTAL, SegmentationLoss, refuse_other
from segexp.losses.weight_schedule import schedule_of, weight_at
from segexp.spec import DataSpec
from segexp.types import NonNegativeFloat, WeightSchedule


class WeightedSum(SegmentationLoss):
    """Sum of named losses times their weights.

    Activation: each term's own, and so is its rule for an absent class.

    With a schedule the sum changes from epoch to epoch, so ``val/loss`` of different epochs cannot be compared: watch
    another measure, such as ``val/miou``. The terms are logged without their weights and stay comparable.

    Args:
        terms: The losses by name; the name appears in the log as ``loss/<name>``.
        weights: One weight of 0 or more for each of them, or a schedule: a block of ``start``, ``end``,
            ``from_epoch``, ``epochs`` and ``shape``. A term of weight 0 is still computed and logged.

    Attributes:
        weights: Those in force; before the first epoch, those of epoch 0.

    Raises:
        ConfigError: Terms and weights name different things, there is no term, a weight is negative, all stay 0, or
            a term is called ``total``.
    """

    def __init__(
        self, terms: dict[str, SegmentationLoss], weights: dict[str, NonNegativeFloat | WeightSchedule]
    ) -> None:
        super().__init__()
        self.schedules = _checked(terms, weights)
        self.losses = nn.ModuleDict(dict(terms))
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


def _checked(terms: Mapping[str, SegmentationLoss], weights: Mapping[str, Any]) -> dict[str, WeightSchedule]:
    """The weights as schedules, which a constant one is too."""
    if not terms or set(terms) != set(weights):
        raise ConfigError(
            f"loss.terms names {sorted(terms)} and loss.weights names {sorted(weights)}: give each term one weight"
        )
    for name, term in terms.items():
        refuse_other(term, f"loss.terms.{name}", f"{type(term).__module__}.{type(term).__qualname__}")
    if TOTAL in terms:
        raise ConfigError(f"loss.terms.{TOTAL}: this name is taken by the sum, choose another")
    schedules = {name: schedule_of(f"loss.weights.{name}", weight) for name, weight in weights.items()}
    if not any(schedule.start or schedule.end for schedule in schedules.values()):
        raise ConfigError("loss.weights are all 0: nothing would be learnt, make one of them positive")
    return schedules
