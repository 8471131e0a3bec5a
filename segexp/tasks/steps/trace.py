"""What a training step computed on its way to the loss, kept until the step is judged."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StepTrace:
    """Outputs and loss of the last training step, without a gradient.

    Attributes:
        outputs: float (B, K, ...), of the whole batch where several ranks share it.
        terms: Scalars of the loss by name, ``total`` among them.
    """

    outputs: Tensor
    terms: Mapping[str, Tensor]


def value_range(values: Tensor) -> Tensor:
    """Smallest and largest finite value of each sample, and how many values are nan or infinite.

    Args:
        values: float (B, ...).

    Returns:
        float32 (B, 3); infinity and minus infinity where a sample has no finite value.
    """
    flat = values.detach().reshape(len(values), -1).float()
    finite = flat.isfinite()
    low, high = flat.where(finite, torch.inf).amin(1), flat.where(finite, -torch.inf).amax(1)
    return torch.stack([low, high, (~finite).sum(1).float()], dim=1)


def rough_range(values: Tensor) -> Tensor:
    """Smallest and largest value of each sample, without a copy of the values.

    Args:
        values: float (B, ...).

    Returns:
        (B, 2) of the type of ``values``; nan or infinite exactly where a value of the sample is.
    """
    places = tuple(range(1, values.ndim))
    ends = (values.amin(places), values.amax(places)) if places else (values, values)
    return torch.stack(ends, dim=1).detach()
