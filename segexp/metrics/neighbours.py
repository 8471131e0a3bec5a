"""Nearest neighbours: which class points belong to, by the known points around them."""

import torch
from torch import Tensor

BLOCK = 512
"""Points looked at together: their distances to all known points are held at a time."""


def nearest_class(known: Tensor, classes: Tensor, points: Tensor, neighbours: int) -> Tensor:
    """Class of most of the nearest known points (Fix and Hodges 1951); among equally frequent ones the nearest's.

    Args:
        known: float (N, D), at least one.
        classes: int64 (N,), class numbers of these, 0 or more.
        points: float (M, D).
        neighbours: How many known points are asked; all, where there are fewer.

    Returns:
        int64 (M,), class numbers.
    """
    asked, number = min(neighbours, len(known)), int(classes.max()) + 1
    found = []
    for block in torch.split(points, BLOCK):
        nearest = classes[torch.cdist(block, known).topk(asked, largest=False).indices]
        votes = torch.nn.functional.one_hot(nearest, number).double()
        # Below half a vote in all, the nearer counts more: it decides between equals alone.
        weights = 1 + torch.linspace(1, 0, asked, dtype=torch.float64) / (4 * asked * asked)
        found.append((votes * weights[None, :, None]).sum(1).argmax(1))
    return torch.cat(found) if found else classes[:0]
