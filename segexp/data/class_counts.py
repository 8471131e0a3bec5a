"""Pixels of each class, for weights that balance them."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from segexp.data.items import Item


def class_counts(items: Iterable[Item], num_classes: int) -> Tensor:
    """Valid pixels per image and class, int64 (N, C); ignored pixels are left out."""
    rows = [np.bincount(item.mask.ravel(), minlength=num_classes)[:num_classes] for item in items]
    return torch.from_numpy(np.array(rows, dtype=np.int64).reshape(-1, num_classes))
