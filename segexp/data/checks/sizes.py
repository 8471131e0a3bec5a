"""Whether images, crops and batches fit each other, by sizes, channels and types alone: no pixel is looked at."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.data.checks.problems import Problem, problem_of
from segexp.data.checks.survey import Survey, class_counts
from segexp.data.items.item import Item
from segexp.data.splits.rules import Phase
from segexp.errors import ConfigError, DataError
from segexp.spec import IGNORED

PARTS: dict[Phase, str] = {"train": "training", "val": "validation", "test": "test"}
FEW = 5
"""Names in a list."""


def check_alike(items: Sequence[Item], sources: Mapping[str, Path], advice: str) -> Iterator[Problem]:
    """Images that have not the channels and the type that most have.

    Args:
        items: All images; at least one.
        sources: File of each name, for messages.
        advice: What to do about an image that differs.
    """
    most, count = find_most_common(items)
    for item in items:
        if (item.channels, item.dtype) != most:
            cures = [advice] if item.channels != most[0] else []
            cures += [f"save it as {most[1]} as they are, or them as {item.dtype}"] if item.dtype != most[1] else []
            yield Problem(
                "channels and types",
                f"{sources.get(item.name, item.name)}: {item.channels} channels of {item.dtype}, but {count} of "
                f"{len(items)} images have {most[0]} of {most[1]}; all images must be alike: {', and '.join(cures)}",
            )


def find_most_common(items: Sequence[Item]) -> tuple[tuple[int, np.dtype[Any]], int]:
    """Channels and type that most images share, of equally many those of the first; and how many share them."""
    return Counter((item.channels, item.dtype) for item in items).most_common(1)[0]


def check_crops(
    items: Sequence[Item], size: int | None, batch: int, *, pad: bool, advice: str = "set one to train in batches"
) -> Iterator[Problem]:
    """Checks that training samples of ``size`` can be cut from the images and fit into batches.

    Args:
        items: Training images.
        size: Side of the crops; None: whole images.
        batch: Samples in a batch.
        pad: Whether smaller images are mirrored around.
        advice: What to do about whole images of different sizes.
    """
    if size is None:
        if len({item.shape for item in items}) > 1 and batch > 1:
            yield problem_of(ConfigError(f"datamodule.crop_size: images have different sizes; {advice}"))
        return
    small = find_smaller(items, size)
    if small and not pad:
        others = f" (and {name_some([item.name for item in small[1:]])} are too small too)" if small[1:] else ""
        height, width = small[0].shape
        yield problem_of(
            ConfigError(
                f"datamodule.crop_size: found {size}, but {small[0].name} has {height}x{width} pixels{others}; "
                f"use at most {min(min(i.shape) for i in small)}, or datamodule.pad_to_crop=true with random crops"
            )
        )


def find_smaller(items: Sequence[Item], size: int | None) -> list[Item]:
    """Images from which no window of ``size`` can be cut."""
    return [item for item in items if size is not None and min(item.shape) < size]


def check_eval_batches(items: Sequence[Item], batch: int) -> Iterator[Problem]:
    """Checks that validation and test images fit into batches."""
    if batch > 1 and len({item.shape for item in items}) > 1:
        yield problem_of(
            ConfigError(
                f"datamodule.loader.eval_batch_size: found {batch}, but validation and test "
                "images have different sizes; use 1, or set datamodule.eval_size"
            )
        )


def check_absent_classes(
    surveys: Mapping[Phase, Sequence[Survey]], names: Sequence[str], *, of_images: bool = False
) -> Iterator[Problem]:
    """Classes that no training image shows, so that nothing can be learnt about them, and parts where nothing counts.

    Args:
        surveys: Of all images of each part.
        names: Of the classes.
        of_images: Whether an image is of one class.
    """
    train = surveys["train"]
    pixels = class_counts(train).sum(axis=0)
    missing = [name for name, count in zip(names, pixels, strict=True) if not count]
    if missing and pixels.any():
        where = "none" if of_images else "no pixel in any"
        look = "its images" if of_images else "the masks and at what their values mean"
        yield Problem(
            "classes",
            f"{', '.join(missing)}: {where} of the {len(train)} training images, so that it cannot be learnt; "
            f"look at {look}, or choose another split (datamodule.split_seed, datamodule.split_file)",
        )
    for phase in ("val", "test"):
        yield from _absent_from(phase, surveys.get(phase, ()), names, known=pixels > 0, of_images=of_images)
    for phase, found in surveys.items():
        if found and not any(survey.counted for survey in found):
            text = f"{phase}: no pixel of its {len(found)} images counts, their masks are all {IGNORED}"
            yield Problem("classes", f"{text}; look at the masks, or choose another split")


def _absent_from(
    phase: Phase, found: Sequence[Survey], names: Sequence[str], known: NDArray[np.bool_], *, of_images: bool
) -> Iterator[Problem]:
    """Classes that training shows and another part does not: nothing is refused, but its figures leave them out."""
    counts = class_counts(found).sum(axis=0) if found else np.zeros(0)
    if not counts.any():
        return
    lacking = [name for name, count, is_known in zip(names, counts, known, strict=True) if is_known and not count]
    if not lacking:
        return
    names_of = ", ".join(lacking)
    none = f"no image of {names_of} among" if of_images else f"no pixel of {names_of} in any of"
    what = f"{PARTS[phase]}: {none} its {len(found)} images"
    if phase == "val":
        means = "so that checkpoint and threshold are chosen without regard to it"
    else:
        means = "so that the figures say nothing about it"
    yield Problem(
        "classes",
        f"{what}, {means}; give more images, or choose another split (datamodule.split_seed, datamodule.split_file)",
        fatal=False,
    )


def find_same_pixels(
    found: Mapping[Phase, Sequence[tuple[Item, Survey]]], sources: Mapping[str, Path]
) -> list[tuple[str, DataError]]:
    """Images that are in two parts, whatever their files are: the name in the earlier part, and the error."""
    last = {survey.digest: (item.name, phase) for phase, pairs in found.items() for item, survey in pairs}
    copies = []
    for phase, pairs in found.items():
        for item, survey in pairs:
            other, later = last[survey.digest]
            if survey.digest and later != phase:
                one, two = (sources.get(name, name) for name in (item.name, other))
                text = (
                    f"{one} ({phase}) and {two} ({later}) hold the same pixels, so that figures would be of an image "
                    "that the model knows; take one out of the data or of the split (datamodule.on_bad=skip leaves out "
                    f"the one for {phase})"
                )
                copies.append((item.name, DataError(text)))
    return copies


def check_unique_names(names: Sequence[str]) -> Iterator[Problem]:
    """Every image has a name of its own: split files, tables and pictures know it by that."""
    for name, count in Counter(names).items():
        if count > 1:
            yield problem_of(
                DataError(f"{name}: {count} images have this name; rename all but one, or leave out one folder"),
                kind="folders and files",
            )


def name_some(names: Sequence[str], most: int = FEW) -> str:
    """The first few names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
