"""Splits of images into training, validation and test: seeded, never through a unit; test never chooses anything."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from segexp.data.checks.problems import Problem
from segexp.errors import ConfigError, TooFewError

Phase = Literal["train", "val", "test"]
PHASES: tuple[Phase, ...] = ("train", "val", "test")
Split = dict[Phase, list[str]]
Labels = Mapping[str, str]
"""A word per image name: its unit (patient, tile) or its stratum (kind of image); names may be left out."""

NONE: Labels = {}


def holdout(
    names: Sequence[str],
    val_fraction: float,
    test_fraction: float,
    seed: int,
    units: Labels = NONE,
    strata: Labels = NONE,
) -> Split:
    """Random shares of the images for test and validation, the rest for training.

    Args:
        names: Images.
        val_fraction: Share of those that are not tested that validate.
        test_fraction: Share that is tested.
        seed: Of the order.
        units: Images of one unit stay together; shares are then as near as whole units allow.
        strata: Every part gets about the same share of each stratum.

    Raises:
        TooFewError: Too few images for three parts.
    """
    blocks = _ordered(names, seed, units, strata)
    test, rest = _take(blocks, test_fraction)
    return _validated(rest, _flat(test), val_fraction)


def kfold(
    names: Sequence[str],
    folds: int,
    fold: int,
    val_fraction: float,
    seed: int,
    units: Labels = NONE,
    strata: Labels = NONE,
) -> Split:
    """Fold ``fold`` of ``folds`` is the test part; every image is tested in exactly one fold.

    Raises:
        ConfigError: ``fold`` is out of range, or there are more folds than images (or units).
    """
    if not 0 <= fold < folds:
        raise ConfigError(f"datamodule.fold: found {fold}, expected 0..{folds - 1} as datamodule.folds={folds}")
    blocks = _ordered(names, seed, units, strata)
    if folds > len(blocks):
        what = "images" if len(blocks) == len(names) else f"units of {len(names)} images that belong together"
        raise ConfigError(f"datamodule.folds: found {folds}, but there are only {len(blocks)} {what}")
    # One stratum after the other, dealt out in turn: each fold gets its share of each.
    tested = sorted(blocks, key=lambda block: strata.get(block[0], ""))[fold::folds]
    return _validated([block for block in blocks if block not in tested], _flat(tested), val_fraction)


def take_validation(
    rest: Sequence[str],
    test: Sequence[str],
    val_fraction: float,
    seed: int,
    units: Labels = NONE,
    strata: Labels = NONE,
) -> Split:
    """Takes the validation share from ``rest``; ``test`` is given.

    Raises:
        TooFewError: Nothing is left to train on.
    """
    return _validated(_ordered(rest, seed, units, strata), test, val_fraction)


def _validated(blocks: list[list[str]], test: Sequence[str], val_fraction: float) -> Split:
    val, train = _take(blocks, val_fraction)
    split: Split = {"train": sorted(_flat(train)), "val": sorted(_flat(val)), "test": sorted(test)}
    for phase in PHASES:
        if not split[phase]:
            raise _too_few(phase, sum(map(len, split.values())), blocks)
    return split


def _too_few(phase: Phase, total: int, blocks: list[list[str]]) -> TooFewError:
    """What to say of a part that got no image; ``blocks`` are the units that are not tested."""
    if all(len(block) == 1 for block in blocks):
        return TooFewError(
            f"{total} images leave none for {phase}; give more images or other fractions: training, validation and "
            "test take one each, 3 at the least"
        )
    units = f"{len(blocks)} unit{'s' if len(blocks) > 1 else ''} of images that belong together"
    return TooFewError(
        f"{total} images leave none for {phase}; give images of more units, or split by something finer "
        f"(datamodule.split_by, where the data set has it): beside the test there is {units}, and training, validation "
        "and test take one each, 3 at the least"
    )


def _take(blocks: list[list[str]], fraction: float) -> tuple[list[list[str]], list[list[str]]]:
    """The first blocks, up to the share of the images (rounded half up, at least one block), and the others."""
    wanted = max(1, math.floor(sum(map(len, blocks)) * fraction + 0.5))
    taken = count = 0
    while taken < len(blocks) and count < wanted:
        # A unit that would overshoot by more than it lacks is left for the other part, but for the first.
        if count and count + len(blocks[taken]) - wanted > wanted - count:
            break
        count += len(blocks[taken])
        taken += 1
    return blocks[:taken], blocks[taken:]


def _ordered(names: Sequence[str], seed: int, units: Labels, strata: Labels) -> list[list[str]]:
    """Units in a random order; with strata every stretch of it holds about its share of each."""
    members: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        # A name that is no unit's must not meet a unit of that name.
        members[f"unit {units[name]}" if name in units else f"name {name}"].append(name)
    order = sorted(members, key=lambda key: members[key][0])
    # Four numbers, the last of its own, so that no crop shares the stream; see segexp.data.sampling.samples.
    np.random.default_rng((seed, 0, 0, 3)).shuffle(order)
    if strata:
        order = _spread(order, {key: strata.get(members[key][0], "") for key in order})
    return [members[key] for key in order]


def _spread(order: Sequence[str], strata: Labels) -> list[str]:
    """Deals out the strata evenly: member i of n stands at (i + 1/2) / n of the way; ties keep the order."""
    groups: dict[str, list[str]] = defaultdict(list)
    for key in order:
        groups[strata[key]].append(key)
    places = {key: (i + 0.5) / len(group) for group in groups.values() for i, key in enumerate(group)}
    return sorted(order, key=lambda key: places[key])


def _flat(blocks: Sequence[Sequence[str]]) -> list[str]:
    return [name for block in blocks for name in block]


def find_moved(before: Mapping[Phase, Sequence[str]], now: Mapping[Phase, Sequence[str]]) -> list[Problem]:
    """Finds an image that has another part than in a run, or is gone: figures would be of images that are known.

    Args:
        before: Names of each part of the run.
        now: Names of each part now.
    """
    part = {name: phase for phase in PHASES for name in before[phase]}
    for phase in PHASES:
        here = set(now[phase])
        for name in (*now[phase], *before[phase]):
            was = part.get(name)
            if (name in here) != (was == phase):
                place = f"in the part {phase}" if name in here else "not there"
                text = f"{name}: {place} now, but {f'in {was}' if was else 'in no part'} of the run that goes on"
                return [Problem("split", f"{text}; give it the same images, or start anew without resume")]
    return []
