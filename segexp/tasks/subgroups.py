"""Scores of groups of test images (a city, a camera) beside those of the whole set."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from segexp.data.items.item import Item
from segexp.metrics.measures import dataset_scores

Groups = Sequence[str | None]
"""Of each image, None where it is in no group."""


def groups_of(items: Sequence[Item]) -> Groups:
    """The group of each image."""
    return [item.group for item in items]


def by_group(matrices: Tensor, groups: Groups, classes: Sequence[str]) -> dict[str, Any]:
    """All figures made of counts, the pixels of a group's images pooled, and the number of its images.

    Args:
        matrices: int64 (N, C, C), counts of each image.
        groups: Its group.
        classes: Names.

    Returns:
        By group in the order of the images; empty where no image is in a group.
    """
    found: dict[str, Any] = {}
    for name in dict.fromkeys(group for group in groups if group is not None):
        places = [place for place, group in enumerate(groups) if group == name]
        found[name] = {"images": len(places), **dataset_scores(matrices[places], classes)}
    return found
