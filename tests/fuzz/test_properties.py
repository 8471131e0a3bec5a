"""Properties that hold for any input, on inputs that hypothesis draws: a few at every change, many by ``make fuzz``."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

hypothesis = pytest.importorskip("hypothesis", reason="the extra test brings it: pip install -e '.[test]'")
from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as some  # noqa: E402

from segexp.data.items.item import Item  # noqa: E402
from segexp.data.labels.label_map import LabelMap  # noqa: E402
from segexp.data.sampling.batches import shares  # noqa: E402
from segexp.data.sampling.crop_locations import CropLocation, GridLocations  # noqa: E402
from segexp.data.sampling.crops import random_crop  # noqa: E402
from segexp.data.splits.rules import PHASES, holdout, kfold  # noqa: E402
from segexp.errors import LabelError, TooFewError  # noqa: E402
from segexp.rasters import orientation  # noqa: E402
from segexp.spec import IGNORED  # noqa: E402
from segexp.training.building.optimizer import build_optimizer  # noqa: E402
from segexp.training.building.schedule import build_schedule  # noqa: E402
from segexp.windows.plan import Blend, WindowPlan  # noqa: E402
from segexp.windows.sliding import sliding_window  # noqa: E402
from tests.fuzz.configs import composed, options  # noqa: E402

EXAMPLES = int(os.environ.get("SEGEXP_FUZZ_EXAMPLES", "12"))
drawn = settings(max_examples=EXAMPLES, deadline=None, derandomize=EXAMPLES < 100, database=None)
SIDES = some.integers(1, 70)
BLENDS = some.sampled_from(["gaussian", "constant"])
OVERLAPS = some.floats(0, 0.9)
CLASSES = some.sampled_from([0, 1, 2, 3, IGNORED])
SEEDS = some.integers(0, 2**32 - 1)


@drawn
@given(SIDES, SIDES, some.integers(1, 80), OVERLAPS, BLENDS)
def test_weights_of_all_windows_add_up_to_one_at_every_pixel(
    height: int, width: int, window: int, overlap: float, blend: Blend
) -> None:
    plan = WindowPlan(height, width, window, overlap, blend)
    total = np.zeros((height, width))
    for number in range(len(plan)):
        row, column = divmod(number, len(plan.lefts))
        total[plan[number].slices] += np.outer(plan.row_weights[row], plan.column_weights[column])
    np.testing.assert_allclose(total, 1, atol=1e-5)
    ends = [plan.finished(row) for row in range(len(plan.tops))]
    assert ends == sorted(ends)
    assert ends[-1] == height


@drawn
@given(some.integers(1, 8), some.integers(1, 8), some.integers(1, 12), BLENDS)
def test_without_overlap_each_pixel_of_a_whole_grid_is_seen_once(
    down: int, across: int, side: int, blend: Blend
) -> None:
    plan = WindowPlan(down * side, across * side, side, 0.0, blend)
    seen = np.zeros((down * side, across * side), int)
    for number in range(len(plan)):
        seen[plan[number].slices] += 1
    assert len(plan) == down * across
    assert (seen == 1).all()


@drawn
@given(SIDES, SIDES, some.integers(1, 80), OVERLAPS, BLENDS, some.integers(1, 5), some.integers(1, 2), SEEDS)
def test_a_model_that_changes_nothing_gives_the_image_back(
    height: int, width: int, window: int, overlap: float, blend: Blend, together: int, count: int, seed: int
) -> None:
    image = torch.rand((count, 2, height, width), generator=torch.Generator().manual_seed(seed))
    found = sliding_window(lambda part: part, image, window, overlap, blend, together)
    torch.testing.assert_close(found, image, atol=1e-5, rtol=0)


NAMES = some.lists(some.text(min_size=1, max_size=4), min_size=3, max_size=40, unique=True)
SHARES = some.floats(0.01, 0.6)


@drawn
@given(NAMES, SHARES, SHARES, SEEDS, some.data())
def test_parts_of_a_split_are_disjoint_complete_and_the_same_in_any_order(
    names: list[str], val: float, test: float, seed: int, data: Any
) -> None:
    units = data.draw(some.dictionaries(some.sampled_from(names), some.sampled_from("abc"), max_size=len(names)))
    strata = data.draw(some.dictionaries(some.sampled_from(names), some.sampled_from("xy"), max_size=len(names)))
    try:
        split = holdout(names, val, test, seed, units, strata)
    except TooFewError:
        # Whole units may leave nothing for a part, and of three images two may be tested; else there is enough.
        assert units or len(names) == 3
        return
    assert sorted(name for phase in PHASES for name in split[phase]) == sorted(names)
    assert split == holdout(data.draw(some.permutations(names)), val, test, seed, units, strata)
    assert_together(split, units)


def assert_together(split: Mapping[Any, list[str]], units: Mapping[str, str]) -> None:
    """No unit is in two parts."""
    parts: dict[str, set[str]] = {}
    for phase in PHASES:
        for name in split[phase]:
            if name in units:
                parts.setdefault(units[name], set()).add(phase)
    assert all(len(found) == 1 for found in parts.values())


@drawn
@given(NAMES, some.integers(2, 6), SHARES, SEEDS)
def test_every_image_is_tested_in_exactly_one_fold(names: list[str], folds: int, val: float, seed: int) -> None:
    if folds > len(names) or len(names) - -(-len(names) // folds) < 2:
        return
    splits = [kfold(names, folds, fold, val, seed) for fold in range(folds)]
    assert sorted(name for split in splits for name in split["test"]) == sorted(names)
    for split in splits:
        assert sorted(name for phase in PHASES for name in split[phase]) == sorted(names)


@drawn
@given(
    some.dictionaries(some.integers(0, 300), some.sampled_from([0, 1, 2, 3, IGNORED]), min_size=1, max_size=12), SEEDS
)
def test_a_label_map_is_its_table_and_names_every_other_value(mapping: dict[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.choice([*mapping, *rng.integers(0, 300, 3)], (6, 9)).astype(np.uint16)
    illegal = set(np.unique(values).tolist()) - set(mapping)
    labels = LabelMap(mapping, 4)
    if illegal:
        with pytest.raises(LabelError) as caught:
            labels.apply(values, Path("a.png"))
        assert caught.value.illegal == illegal
    else:
        expected = np.array([[mapping[value] for value in row] for row in values.tolist()], np.uint8)
        np.testing.assert_array_equal(labels.apply(values, Path("a.png")), expected)
    known = labels.known(values, Path("a.png"), None)
    assert {value for value in np.unique(values).tolist() if (known[values == value] == 254).all()} == illegal


def painted(height: int, width: int, seed: int) -> Item:
    """An image whose channels are the row, the column and the class."""
    rows, columns = np.mgrid[:height, :width].astype(np.uint8)
    mask = (
        np.random.default_rng(seed).choice([0, 1, 2, IGNORED], (height, width), p=[0.5, 0.3, 0.1, 0.1]).astype(np.uint8)
    )
    mask[height // 2, width // 2] = 1
    return Item("painted", np.stack([rows, columns, mask], axis=2), mask)


@drawn
@given(SIDES, SIDES, some.integers(1, 40), some.floats(0, 180), some.floats(0, 1), SEEDS)
def test_a_crop_has_its_size_and_no_class_that_the_mask_has_not(
    height: int, width: int, size: int, rotate: float, scale: float, seed: int
) -> None:
    item = painted(height, width, seed)
    image, mask = random_crop(item, size, rotate, scale, np.random.default_rng(seed))
    assert image.shape == (size, size, 3)
    assert (mask.shape, mask.dtype) == ((size, size), np.uint8)
    assert set(np.unique(mask)) <= {*np.unique(item.target), IGNORED}
    again = random_crop(item, size, rotate, scale, np.random.default_rng(seed))
    assert np.array_equal(image, again[0])
    assert np.array_equal(mask, again[1])


@drawn
@given(SIDES, SIDES, some.integers(2, 40), some.floats(0, 180), some.floats(0, 1), SEEDS, some.data())
def test_the_pixel_of_a_place_lies_where_it_should_whatever_is_turned_and_zoomed(
    height: int, width: int, size: int, rotate: float, scale: float, seed: int, data: Any
) -> None:
    item = painted(height, width, seed)
    y, x = data.draw(some.integers(0, height - 1)), data.draw(some.integers(0, width - 1))
    v, u = data.draw(some.integers(0, size - 1)), data.draw(some.integers(0, size - 1))
    _, mask = random_crop(item, size, rotate, scale, np.random.default_rng(seed), CropLocation(y, x, v, u))
    if rotate or scale:
        assert mask[v, u] == item.target[y, x]
    else:
        # A window that lies inside the image holds the pixel, though it may have to be moved for it.
        assert item.target[y, x] in mask


@drawn
@given(SIDES, SIDES, some.integers(1, 70), some.integers(1, 70))
def test_a_grid_of_samples_sees_every_pixel(height: int, width: int, size: int, stride: int) -> None:
    size = min(size, height, width)
    stride = min(stride, size)
    item = painted(height, width, 0)
    grid = GridLocations([item], size, stride, [False])
    seen = np.zeros((height, width), bool)
    for number in range(len(grid)):
        _, place = grid.draw(number, np.random.default_rng(0))
        assert place is not None
        image, _ = random_crop(item, size, 0.0, 0.0, np.random.default_rng(0), place)
        top, left = (int(value) for value in image[0, 0, :2])
        seen[top : top + size, left : left + size] = True
    assert seen.all()


@drawn
@given(some.integers(1, 500), some.integers(1, 16))
def test_a_batch_is_divided_between_ranks_without_rest(samples: int, ranks: int) -> None:
    parts = shares(samples, ranks)
    assert (len(parts), sum(parts)) == (ranks, samples)
    assert max(parts) - min(parts) <= 1


@drawn
@given(some.integers(1, 8), SIDES, SIDES, some.data())
def test_a_window_of_a_turned_image_is_the_window_of_the_upright_one(
    number: int, height: int, width: int, data: Any
) -> None:
    stored = np.arange(height * width).reshape(height, width, 1)
    whole = orientation.upright(number, stored)
    assert whole.shape[:2] == orientation.upright_size(number, height, width)
    top, left = data.draw(some.integers(0, whole.shape[0] - 1)), data.draw(some.integers(0, whole.shape[1] - 1))
    rows, columns = (
        data.draw(some.integers(1, whole.shape[0] - top)),
        data.draw(some.integers(1, whole.shape[1] - left)),
    )
    y, x, high, wide = orientation.stored_window(number, (top, left, rows, columns), *whole.shape[:2])
    part = orientation.upright(number, stored[y : y + high, x : x + wide])
    np.testing.assert_array_equal(part, whole[top : top + rows, left : left + columns])


STEPS = 12
"""Of a training of one layer; a schedule of epochs moves every third."""


class Training:
    """Optimiser and schedule of two options of the config, on one layer and targets that depend on the step alone."""

    def __init__(self, optimizer: str, scheduler: str) -> None:
        tree = composed(f"optimizer={optimizer}", f"scheduler={scheduler}")
        rate = 0.01
        section = {**tree["optimizer"], "lr": rate}
        block = {key: rate if key == "max_lr" else value for key, value in tree["scheduler"].items()}
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 2)
        self.optimizer = build_optimizer(section, self.layer)(self.layer.parameters())
        made = build_schedule(block, section, 1)
        self.schedule = made
        self.scheduler = None if made is None else made.build(self.optimizer, steps=STEPS, epochs=STEPS // 3)

    def run(self, start: int, end: int) -> None:
        for step in range(start, end):
            batch = torch.randn((4, 3), generator=torch.Generator().manual_seed(step))
            self.optimizer.zero_grad()
            loss = self.layer(batch).square().sum()
            loss.backward()
            self.optimizer.step()
            if self.schedule is not None and (self.schedule.interval == "step" or step % 3 == 2):
                plateau = self.schedule.monitor is not None
                self.scheduler.step(float(loss.detach())) if plateau else self.scheduler.step()

    def state(self) -> bytes:
        """All that a checkpoint keeps of it, as bytes."""
        stream = io.BytesIO()
        parts = (self.layer, self.optimizer, self.scheduler)
        torch.save([None if part is None else part.state_dict() for part in parts], stream)
        return stream.getvalue()

    def load(self, state: bytes) -> None:
        parts = (self.layer, self.optimizer, self.scheduler)
        for part, kept in zip(parts, torch.load(io.BytesIO(state), weights_only=True), strict=True):
            if part is not None:
                part.load_state_dict(kept)


@drawn
@given(
    some.sampled_from(options("optimizer")), some.sampled_from(options("scheduler")), some.integers(0, STEPS),
    some.integers(0, STEPS),
)  # fmt: skip
def test_a_training_that_is_resumed_at_any_steps_ends_in_the_same_weights_and_rates(
    optimizer: str, scheduler: str, first: int, second: int
) -> None:
    undisturbed = Training(optimizer, scheduler)
    undisturbed.run(0, STEPS)
    start, now = 0, Training(optimizer, scheduler)
    for step in sorted((first, second)):
        now.run(start, step)
        start, kept = step, now.state()
        now = Training(optimizer, scheduler)
        now.load(kept)
    now.run(start, STEPS)
    for one, other in zip(undisturbed.layer.parameters(), now.layer.parameters(), strict=True):
        assert torch.equal(one, other)
    rates = [[group["lr"] for group in part.optimizer.param_groups] for part in (undisturbed, now)]
    assert rates[0] == rates[1]
