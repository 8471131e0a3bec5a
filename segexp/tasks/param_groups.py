"""Parameter groups of the optimiser: learning rates by part of the network, and norms and biases without decay."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from segexp.errors import ConfigError
from segexp.models.parts import find_part

FACTOR = "lr_factor"
"""Key of a group that says by what its learning rate is multiplied; schedules with rates of their own look at it."""


@dataclass(frozen=True)
class ParamGroups:
    """Groups of weights that are trained otherwise than the optimiser's keys say.

    Attributes:
        lr_factors: Factor on the learning rate by part of the network; of nested parts the inner one counts.
        norm_decay: False: ``weight_decay`` leaves norms and biases (all weights of one dimension) alone.
    """

    lr_factors: Mapping[str, float] = field(default_factory=dict)
    norm_decay: bool = True

    @property
    def plain(self) -> bool:
        """True if all weights are trained alike."""
        return self.norm_decay and all(factor == 1 for factor in self.lr_factors.values())

    def named_factors(self, model: nn.Module) -> dict[str, float]:
        """Gives the factors by the full names of the parts; those of 1 are left out.

        Raises:
            ConfigError: The network has no such part, or one that trains nothing.
        """
        found: dict[str, float] = {}
        for name, factor in self.lr_factors.items():
            if factor != 1:
                key = f"param_groups.lr_factors.{name}"
                full, part = find_part(model, name, key)
                if not any(weight.requires_grad for weight in part.parameters()):
                    raise ConfigError(f"{key}: found {factor}, but no weight of {full} is trained; leave it at 1")
                found[full] = factor
        return found

    def optimizer(self, make: Callable[[Any], Optimizer], model: nn.Module, others: Iterable[Tensor] = ()) -> Optimizer:
        """Makes the optimiser of the weights of a network that are trained; the first group has the plain rate.

        Args:
            make: Makes it from groups.
            model: The network.
            others: Weights that are trained with it, such as those of a loss.
        """
        factors = self.named_factors(model)
        groups: dict[tuple[float, bool], list[Tensor]] = {(1.0, True): list(others)}
        for name, weight in model.named_parameters():
            if weight.requires_grad:
                within = [part for part in factors if name.startswith(f"{part}.")]
                decays = self.norm_decay or weight.ndim > 1
                groups.setdefault((factors[max(within, key=len)] if within else 1.0, decays), []).append(weight)
        kept = {kind: weights for kind, weights in groups.items() if weights}
        optimizer = make([self._group(*kind, weights) for kind, weights in sorted(kept.items(), key=_plain_first)])
        for group in optimizer.param_groups:
            group["lr"] = group["lr"] * group[FACTOR]
        return optimizer

    @staticmethod
    def _group(factor: float, decays: bool, weights: list[Tensor]) -> dict[str, Any]:
        return {"params": weights, FACTOR: factor, **({} if decays else {"weight_decay": 0.0})}


def _plain_first(group: tuple[tuple[float, bool], list[Tensor]]) -> tuple[bool, bool]:
    """The learning rate that is logged is that of the first group."""
    factor, decays = group[0]
    return factor != 1.0, not decays
