"""Whether training images may lie on the device: there samples are cut, mirrored and turned by quarter turns alone."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from segexp.data.checks.problems import Problem, problem_of
from segexp.data.checks.sizes import find_smaller
from segexp.data.items.forms import IMAGE_FORM, LABEL_FORM, MASK_FORM, VALUE_FORM
from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.augment_trial import single_transforms
from segexp.errors import ConfigError
from segexp.system.free_memory import free_memory, gib

KEY = "datamodule.loader.on_device"
MOVING = ("D4", "HorizontalFlip", "NoOp", "RandomRotate90", "Transpose", "VerticalFlip")
"""Transforms of albumentations that move whole pixels and draw the same for images of any size."""
_FORMS = (MASK_FORM, IMAGE_FORM, LABEL_FORM, VALUE_FORM)


def on_device_fits(items: Sequence[Item], size: int | None, augment: Augment) -> Iterator[Problem]:
    """Lists what says against it; sizes and settings alone are looked at.

    Args:
        items: Training images.
        size: Side of the samples; None: whole images.
        augment: Changes to the samples.
    """
    yield from (problem_of(ConfigError(text), kind="augmentation") for text in _changes(augment))
    if small := find_smaller(items, size):
        height, width = small[0].shape
        yield _refused(
            f"{small[0].name} has {height}x{width} pixels, and images smaller than crop_size={size} are mirrored "
            f"around by the loader only; use datamodule.crop_size={min(min(item.shape) for item in items)} or less"
        )
    if size is None and len({item.shape for item in items}) > 1:
        side = min(min(item.shape) for item in items)
        yield _refused(f"whole images have different sizes; use datamodule.crop_size={side}")
    if (other := next((item for item in items if item.form not in _FORMS), None)) is not None:
        yield _refused(f"targets of the form {other.form.name} are not known there; use {KEY}=false")


def _changes(augment: Augment) -> Iterator[str]:
    """Changes that compute new pixels."""
    instead = f"use augment=d4, augment=flips or augment=none, or {KEY}=false"
    if type(augment) is not Augment:
        yield f"augment: found {type(augment).__qualname__} with {KEY}=true, expected an Augment; {instead}"
        return
    for key in ("rotate", "scale"):
        if (value := getattr(augment, key)) != 0:
            why = "but nothing is interpolated there: expected 0"
            yield f"augment.{key}: found {value:g} with {KEY}=true, {why}; {instead}"
    for index, transform in enumerate(augment.transforms):
        for leaf in single_transforms(transform):
            if not _moves_pixels(leaf):
                yield (
                    f"augment.transforms[{index}]: found {type(leaf).__name__} with {KEY}=true, where pixels are moved "
                    f"and not changed: expected {', '.join(MOVING[:-1])} or {MOVING[-1]}; {instead}"
                )


def _moves_pixels(transform: Any) -> bool:
    """By the very class: one derived from it may do more."""
    import albumentations

    return any(type(transform) is getattr(albumentations, name) for name in MOVING)


def _refused(text: str) -> Problem:
    return problem_of(ConfigError(f"{KEY}: found true, but {text}"), kind="loader")


def on_device_bytes(items: Sequence[Item]) -> int:
    """Counts the bytes that the images and their targets take on the device."""
    return sum(item.decoded_bytes for item in items)


def check_device_memory(items: Sequence[Item], device: str) -> None:
    """Compares what the training images take with the memory that is free on the device.

    Args:
        items: Training images.
        device: ``cpu``, ``cuda`` or ``mps``; of the last the free memory is not known.

    Raises:
        ConfigError: They do not fit, or would leave less than half of it for the training.
    """
    free = torch.cuda.mem_get_info()[0] if device == "cuda" else free_memory() if device == "cpu" else None
    need = on_device_bytes(items)
    if free is not None and need > free // 2:
        raise ConfigError(
            f"{KEY}: found true, but {len(items)} training images take {gib(need)} and {gib(free)} are free on "
            f"{device}, of which half is left to the training; use {KEY}=false"
        )
