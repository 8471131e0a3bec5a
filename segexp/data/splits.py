"""Splits of image names into training, validation and test: seeded, by image, test never chooses anything."""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from segexp.errors import ConfigError, DataError

Phase = Literal["train", "val", "test"]
PHASES: tuple[Phase, ...] = ("train", "val", "test")
Split = dict[Phase, list[str]]


def holdout(names: Sequence[str], val_fraction: float, test_fraction: float, seed: int) -> Split:
    """Random shares of the images for test and validation, the rest for training.

    Raises:
        DataError: Too few images for three parts.
    """
    order = _shuffled(names, seed)
    test = _share(len(names), test_fraction)
    return with_validation(order[test:], order[:test], val_fraction, seed=None)


def kfold(names: Sequence[str], folds: int, fold: int, val_fraction: float, seed: int) -> Split:
    """Fold ``fold`` of ``folds`` is the test part; every image is tested in exactly one fold.

    Raises:
        ConfigError: ``fold`` is out of range, or there are more folds than images.
    """
    if not 0 <= fold < folds:
        raise ConfigError(f"datamodule.fold: found {fold}, expected 0..{folds - 1} as datamodule.folds={folds}")
    if folds > len(names):
        raise ConfigError(f"datamodule.folds: found {folds}, but there are only {len(names)} images")
    order = _shuffled(names, seed)
    test = order[fold::folds]
    rest = [name for name in order if name not in set(test)]
    return with_validation(rest, test, val_fraction, seed=None)


def with_validation(rest: Sequence[str], test: Sequence[str], val_fraction: float, seed: int | None) -> Split:
    """Takes the validation share from ``rest``; ``seed`` None keeps the order of ``rest``.

    Raises:
        DataError: Nothing is left to train on.
    """
    order = list(rest) if seed is None else _shuffled(rest, seed)
    val = _share(len(order), val_fraction)
    split: Split = {"train": sorted(order[val:]), "val": sorted(order[:val]), "test": sorted(test)}
    for phase in PHASES:
        if not split[phase]:
            total = len(rest) + len(test)
            raise DataError(f"{total} images leave none for {phase}; give more images or other fractions")
    return split


def _share(count: int, fraction: float) -> int:
    """Images of a share: rounded half up, at least one."""
    return max(1, math.floor(count * fraction + 0.5))


def _shuffled(names: Sequence[str], seed: int) -> list[str]:
    order = sorted(names)
    # Four numbers, the last of its own, so that no crop shares the stream; see segexp.data.samples.
    np.random.default_rng((seed, 0, 0, 3)).shuffle(order)
    return order
