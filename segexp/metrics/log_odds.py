"""Log-odds of each class against all others, by which its pixels are ranked."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from segexp.errors import DataError, MismatchError
from segexp.spec import IGNORED

PIECE = 1 << 18
"""Pixels worked on together, which stay in the cache."""

TOGETHER = 1 << 25
"""Log-odds of several classes that are made in one pass, 256 MB of them."""

LARGEST = 1e39
"""Beyond every finite float32; takes the place of infinity, from which nothing can be subtracted."""


def log_odds(logits: Tensor, index: int) -> Tensor:
    """Log-odds of a class, float64 (...), of logits (K, ...): z_k - log sum_j exp(z_j), j not k.

    A sigmoid of it is the softmax probability of the class. K = 1: the logit itself, as it is.
    """
    if len(logits) == 1:
        return logits[0]
    return _log_odds(logits.flatten(1), [index])[0].view(logits.shape[1:])


def by_class(logits: Tensor, truth: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Log-odds of each class in one image, of the valid pixels outside the class and inside it.

    Args:
        logits: float (K, H, W) of three classes or more.
        truth: uint8 (H, W), class numbers and 255 for ignored.

    Returns:
        For each class float64 (n,) and float64 (m,), in the memory of the processor.

    Raises:
        MismatchError: The shapes do not fit each other.
        DataError: The truth holds another value.
    """
    if truth.ndim != 2 or logits.shape[1:] != truth.shape:
        raise MismatchError(
            f"scores: found logits {tuple(logits.shape)} and a mask {tuple(truth.shape)} of an image, "
            "expected (K, H, W) and (H, W)"
        )
    labels = truth.flatten().cpu()
    valid = labels != IGNORED
    # In the memory of the processor: not every accelerator has float64.
    if len(labels[valid]) and int(labels[valid].max()) >= len(logits):
        found = sorted({value for value in torch.unique(labels).tolist() if len(logits) <= value != IGNORED})
        raise DataError(
            f"scores: the mask holds {found}, expected 0..{len(logits) - 1} and {IGNORED} for ignored pixels"
        )
    scores, labels = logits.flatten(1).cpu()[:, valid], labels[valid]
    step = max(1, TOGETHER // max(1, len(labels)))
    for start in range(0, len(logits), step):
        classes = range(start, min(start + step, len(logits)))
        for index, odds in zip(classes, _log_odds(scores, classes), strict=True):
            inside = labels == index
            yield odds[~inside], odds[inside]


def _log_odds(logits: Tensor, classes: Sequence[int]) -> Tensor:
    """Log-odds of some classes, float64 (classes, n), of logits (K, n)."""
    found = torch.empty(len(classes), logits.shape[1], dtype=torch.float64)
    for part, out in zip(torch.split(logits, PIECE, dim=1), torch.split(found, PIECE, dim=1), strict=True):
        _of_piece(part.double().clamp(-LARGEST, LARGEST), classes, out)
    return found


def _of_piece(logits: Tensor, classes: Sequence[int], out: Tensor) -> None:
    """Two passes for all classes: the sum over the others is that over all less the own term.

    Nothing is lost by that but for the largest term, so the sum over the others of that one is made by itself.
    """
    two, order = logits.topk(2, dim=0)
    exps = torch.exp(logits - two[0])
    rest = exps.sum(dim=0)
    # The largest logit against the others, relative to the largest of these.
    others = torch.exp(logits - two[1]).scatter_(0, order[:1], 0.0).sum(dim=0)
    for row, index in zip(out, classes, strict=True):
        row.copy_(logits[index] - two[0] - torch.log(rest - exps[index]))
        largest = order[0] == index
        row[largest] = (two[0] - two[1] - torch.log(others))[largest]


def probability(logit: float) -> float:
    """The probability of a logit."""
    return 1 / (1 + math.exp(-logit)) if logit > -500 else 0.0
