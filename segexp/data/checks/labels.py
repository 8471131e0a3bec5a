"""Targets that are no masks, where a data set has them: what can be said of them without a pixel."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from segexp.data.checks.problems import Problem
from segexp.data.items.item import Item
from segexp.data.listing import Pair


def check_labels(items: Sequence[Item], classes: Sequence[str], sources: Mapping[str, Path]) -> Iterator[Problem]:
    """Images whose number is none of a class.

    Args:
        items: Images; those whose classes are of pixels are passed over.
        classes: Names of the classes.
        sources: File of each name, for messages.
    """
    for item in items:
        if item.form.classes_of != "image":
            continue
        label = item.target
        if label.ndim or label.dtype.kind not in "iu" or not 0 <= int(label) < len(classes):
            yield Problem(
                "labels",
                f"{sources.get(item.name, item.name)}: found the class number {label.tolist()}, expected a whole "
                f"number of 0 to {len(classes) - 1} ({', '.join(classes)}); correct it, or leave the image out",
            )


def check_target_channels(
    items: Sequence[Item], channels: int | None, sources: Mapping[str, Path]
) -> Iterator[Problem]:
    """Targets that are images of other channels than a model gives.

    Args:
        items: Images.
        channels: Of the target of the data set; None: it is no image.
        sources: File of each name, for messages.
    """
    for item in items:
        found = item.target_channels
        if channels is not None and found is not None and found != channels:
            yield Problem(
                "channels and types",
                f"{sources.get(item.name, item.name)}: its target has {found} channels, but a model gives {channels}; "
                "all targets must be alike: convert or remove it",
            )


def contradictions(groups: Iterable[Sequence[Pair]]) -> Iterator[tuple[Pair, str]]:
    """Copies of an image that are said to be of different classes: each with the sentence that says so."""
    for group in groups:
        if len({pair.label for pair in group}) > 1:
            files = " and ".join(f"{pair.image} (class {pair.label})" for pair in group)
            for pair in group:
                yield pair, f"{files} are the same image, byte for byte, of different classes; leave all but one out"
