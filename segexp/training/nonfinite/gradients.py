"""Norms of gradients, by weight and by part of the network."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer


def gradients_of(optimizer: Optimizer) -> tuple[list[Tensor], list[Tensor]]:
    """Weights that an optimizer moves and that have a gradient, and these; of sparse ones the values that are there.

    Args:
        optimizer: Before its step.
    """
    moved = [weight for group in optimizer.param_groups for weight in group["params"] if weight.grad is not None]
    found = [(weight, _dense(weight.grad)) for weight in moved]
    # On a rank that holds a part of the weights some are empty.
    filled = [(weight, grad) for weight, grad in found if grad.numel()]
    return [weight for weight, _ in filled], [grad for _, grad in filled]


def _dense(grad: Tensor) -> Tensor:
    values = grad.coalesce().values() if grad.is_sparse else grad.detach()
    return torch.view_as_real(values) if values.is_complex() else values


def gradient_norms(gradients: Sequence[Tensor]) -> Tensor:
    """L2 norm of each gradient, float32 (N,), or float64 where a gradient is."""
    return _norms(gradients, 2) if gradients else torch.zeros(0)


def all_finite(gradients: Sequence[Tensor], norms: Tensor) -> Tensor:
    """Tells whether every number of the gradients is finite, a boolean scalar.

    On a processor the norms tell it for a fraction of what the largest numbers cost; where squares overflow, and no
    number does, the numbers are looked at.
    """
    if norms.is_cuda:
        return _norms(gradients, torch.inf).isfinite().all()
    if bool(norms.isfinite().all()):
        return torch.tensor(True)
    return torch.tensor(all(bool(grad.isfinite().all()) for grad in gradients))


def drop_gradients(optimizer: Optimizer, *, scaled: bool) -> None:
    """Lets the step of an optimizer that comes next change no weight.

    Args:
        optimizer: Before its step.
        scaled: Whether a scaler of 16-mixed calls that step.
    """
    if not (scaled and getattr(optimizer, "_step_supports_amp_scaling", False)):
        optimizer.zero_grad(set_to_none=True)
        return
    # A fused optimizer is called with gradients that the scaler looks at only then: it needs some, and with one that
    # is not finite neither weights nor moments move. Zeros would let weight decay and momentum go on.
    for grad in [weight.grad for group in optimizer.param_groups for weight in group["params"]]:
        if grad is not None:
            grad.fill_(torch.nan)


def _norms(gradients: Sequence[Tensor], order: float) -> Tensor:
    # A norm may be of a wider type than its gradient alone.
    dtype = torch.float64 if any(grad.dtype == torch.float64 for grad in gradients) else torch.float32
    norms = torch._foreach_norm(list(gradients), order, dtype)
    if any(norm.device != norms[0].device for norm in norms):
        norms = tuple(norm.to(norms[0].device) for norm in norms)
    return torch.stack(tuple(norms))


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
