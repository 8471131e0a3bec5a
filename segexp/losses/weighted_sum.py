"""WeightedSum: several losses as one, each of them logged."""

from collections.abc import Mapping

from torch import Tensor, nn

from segexp.errors import ConfigError, MismatchError
from segexp.losses.base import TOTAL, SegmentationLoss
from segexp.spec import DataSpec


class WeightedSum(SegmentationLoss):
    """Sum of named losses times their weights.

    Args:
        terms: The losses by name; the name appears in the log as ``loss/<name>``.
        weights: One weight of 0 or more for each of them. A term of weight 0 is still computed and logged.

    Raises:
        ConfigError: Terms and weights name different things, there is no term, a weight is negative, all are
            0, or a term is called ``total``.
    """

    def __init__(self, terms: dict[str, SegmentationLoss], weights: dict[str, float]) -> None:
        super().__init__()
        self.weights = _checked(terms, weights)
        self.losses = nn.ModuleDict(dict(terms))

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Weighted sum for logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        return self.terms(logits, mask)[TOTAL]

    def terms(self, logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
        """Each unweighted term by name, and ``total``, the weighted sum of these very tensors."""
        values: dict[str, Tensor] = {name: loss(logits, mask) for name, loss in self.losses.items()}
        weighted = [self.weights[name] * value for name, value in values.items()]
        total = weighted[0]
        for value in weighted[1:]:
            total = total + value
        return {**values, TOTAL: total}

    def check(self, spec: DataSpec) -> None:
        """Every term has to fit.

        Raises:
            MismatchError: From the first term that does not.
        """
        for name, loss in self.losses.items():
            try:
                loss.check(spec)  # type: ignore[operator]  # ModuleDict forgets the type of its values
            except MismatchError as error:
                raise MismatchError(f"term {name} of the loss: {error}, alone or in a sum") from error


def _checked(terms: Mapping[str, SegmentationLoss], weights: Mapping[str, float]) -> dict[str, float]:
    """The weights as plain floats."""
    if not terms or set(terms) != set(weights):
        raise ConfigError(
            f"loss.terms names {sorted(terms)} and loss.weights names {sorted(weights)}: give each term one weight"
        )
    if TOTAL in terms:
        raise ConfigError(f"loss.terms.{TOTAL}: this name is taken by the sum, choose another")
    plain = {name: float(weight) for name, weight in weights.items()}
    for name, weight in plain.items():
        if not weight >= 0:
            raise ConfigError(f"loss.weights.{name}={weight:g}: a weight is 0 or more")
    if not any(plain.values()):
        raise ConfigError("loss.weights are all 0: nothing would be learnt, make one of them positive")
    return plain
