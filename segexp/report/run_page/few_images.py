"""Warnings where a part of the data has too few images for what it is used for."""

from collections.abc import Mapping
from typing import Any

from segexp.runs import entries

FEW_TESTED = 20
"""Test images below which intervals of the bootstrap are too narrow to be trusted."""
FEWEST = {
    "train": (10, "for training", "what is learnt hangs on single images"),
    "val": (5, "for validation", "a single image can decide which checkpoint and threshold are chosen"),
    "test": (FEW_TESTED, "for the test", "intervals are too narrow, and measures hang on single images"),
}
"""By part of the data: images from which on nothing is said, what they are for, and what too few of them mean."""


def few_images(run: Mapping[str, Any], results: Mapping[str, Any], *, said: bool = False) -> list[str]:
    """Gives a sentence for each part of the data that has fewer images than :data:`FEWEST`.

    Args:
        run: Content of run.json, which counts the images of each part; a part without a count is passed over.
        results: Content of results.json, which counts those tested where run.json does not.
        said: Whether the verdict above has said it of the test images.
    """
    found, tested = [], entries.get_in(results, "split", "name")
    for part, (fewest, use, means) in FEWEST.items():
        if said and part == tested == "test":
            continue
        count = entries.get_in(run, "data", part, "images")
        if count is None and entries.get_in(results, "split", "name") == part:
            count = entries.get_in(results, "split", "images")
        if isinstance(count, int) and not isinstance(count, bool) and 0 <= count < fewest:
            images = "image" if count == 1 else "images"
            found.append(f"{count} {images} {use}, fewer than {fewest}: {means}.")
    return found
