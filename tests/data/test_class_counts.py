"""Pixels per image and class."""

import numpy as np
import torch

from segexp.data.class_counts import class_counts
from segexp.data.items import Item


def test_counts_by_hand_without_ignored_pixels() -> None:
    masks = np.array([[[0, 0, 1], [255, 255, 2]], [[2, 2, 2], [2, 0, 255]]], dtype=np.uint8)
    items = [Item(str(number), np.zeros((2, 3, 3), np.uint8), mask) for number, mask in enumerate(masks)]
    counts = class_counts(items, 4)
    assert counts.dtype == torch.int64
    assert counts.tolist() == [[2, 1, 1, 0], [1, 0, 4, 0]]
