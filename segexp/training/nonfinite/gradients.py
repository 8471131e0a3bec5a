"""Norms of gradients, by weight and by part of the network."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

Named = Sequence[tuple[str, Tensor]]
"""Gradients by the names of their weights."""


def gradients_of(optimizer: Optimizer, names: Mapping[int, str]) -> Named:
    """Gradients of the weights that an optimizer moves; of sparse ones the values that are there.

    Args:
        optimizer: Before its step.
        names: Of the weights, by ``id``.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    found = [(names.get(id(weight), "?"), weight.grad) for weight in weights if weight.grad is not None]
    dense = [(name, grad.coalesce().values() if grad.is_sparse else grad.detach()) for name, grad in found]
    # On a rank that holds a part of the weights some are empty.
    return [(name, grad) for name, grad in dense if grad.numel()]


def gradient_norms(gradients: Named) -> Tensor:
    """L2 norm of each gradient, float32 (N,)."""
    if not gradients:
        return torch.zeros(0)
    norms = torch._foreach_norm([grad for _, grad in gradients], 2, torch.float32)
    return torch.stack([norm.to(norms[0].device) for norm in norms])


def all_finite(gradients: Named, norms: Tensor) -> Tensor:
    """Whether every number of the gradients is finite, a boolean scalar.

    On a processor the norms tell it for a fraction of what the largest numbers cost; where squares overflow, and no
    number does, the numbers are looked at.
    """
    if norms.is_cuda:
        largest = torch._foreach_norm([grad for _, grad in gradients], torch.inf)
        return torch.stack([each.float() for each in largest]).isfinite().all()
    if bool(norms.isfinite().all()):
        return torch.tensor(True)
    return torch.tensor(all(bool(grad.isfinite().all()) for _, grad in gradients))


def norms_by_part(names: Sequence[str], norms: Sequence[float]) -> dict[str, float]:
    """L2 norm of the gradient of each part of the network, in the order in which parts come.

    Args:
        names: Of the weights: ``model.encoder.conv.weight`` is of the part ``encoder``.
        norms: Of their gradients.
    """
    squares: dict[str, float] = {}
    for name, norm in zip(names, norms, strict=True):
        words = name.removeprefix("model.").split(".")
        part = words[0]
        squares[part] = squares.get(part, 0.0) + norm * norm
    return {part: square**0.5 for part, square in squares.items()}
