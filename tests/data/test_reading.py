"""One datamodule takes over what another has read, and nothing that was asked for otherwise."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from segexp.data import reading
from segexp.data.base import Items
from segexp.data.datasets.synthetic import SyntheticDataModule

SMALL = {"size": 32, "train_images": 3, "val_images": 2, "test_images": 2}


class Counting(SyntheticDataModule):
    """Counts how often it reads; notes, skips, and keeps something of its own."""

    reads = 0

    def read(self) -> Items:
        Counting.reads += 1
        self.notes.append("read")
        self.skipped.append({"file": "a", "why": "b"})
        self.second = {"test_000": 5}
        return super().read()


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    Counting.reads = 0
    yield
    reading._KEPT.clear()


def made(**settings: Any) -> Counting:
    return Counting(**{**SMALL, **settings})


def test_off_unless_something_is_kept() -> None:
    one, two = made(), made()
    one.setup()
    two.setup()
    assert Counting.reads == 2


def test_other_seeds_crops_and_scaling_share_a_reading() -> None:
    alone = made(seed=3, crop_size=16, normalize="image")
    alone.setup()
    key = reading.keep_data(made())
    assert key is not None
    assert reading.keep_data(made()) == key
    assert Counting.reads == 2
    shared = made(seed=3, crop_size=16, normalize="image")
    shared.setup()
    small = made(eval_size=8)
    small.setup()
    again = made()
    again.setup()
    assert Counting.reads == 2
    assert shared.second == {"test_000": 5}
    assert shared.describe() == alone.describe()
    assert shared.spec == alone.spec
    assert [item.target.shape for item in small.items("test")] == [(8, 8)] * 2
    assert [item.target.shape for item in again.items("test")] == [(32, 32)] * 2
    for phase in ("train", "val", "test"):
        for one, other in zip(alone.items(phase), shared.items(phase), strict=True):
            assert one.name == other.name
            np.testing.assert_array_equal(one.image, other.image)
            np.testing.assert_array_equal(one.target, other.target)


def test_other_data_are_read() -> None:
    key = reading.keep_data(made())
    other = made(scene_seed=1)
    other.setup()
    SyntheticDataModule(**SMALL).setup()
    assert Counting.reads == 2
    assert key is not None
    reading.forget_data(key)
    made().setup()
    assert Counting.reads == 3


def test_settings_that_cannot_be_compared_are_not_shared() -> None:
    odd = made()
    odd.extra = lambda: None
    assert reading.keep_data(odd) is None
    assert Counting.reads == 0
