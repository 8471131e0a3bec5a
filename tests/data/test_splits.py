"""Splits: seeded, complete, without overlap."""

import pytest

from segexp.data.splits import PHASES, Split, holdout, kfold, with_validation
from segexp.errors import ConfigError, DataError

NAMES = [f"{number:02d}" for number in range(21, 41)]


def all_of(split: Split) -> list[str]:
    return sorted(name for phase in PHASES for name in split[phase])


def test_holdout_is_complete_seeded_and_of_the_asked_size() -> None:
    split = holdout(NAMES, 0.15, 0.2, seed=0)
    assert {phase: len(split[phase]) for phase in PHASES} == {"train": 14, "val": 2, "test": 4}  # 0.15 of 16 is 2.4
    assert all_of(split) == NAMES
    assert split == holdout(NAMES[::-1], 0.15, 0.2, seed=0)  # the order of files on a disk does not matter
    assert len({tuple(holdout(NAMES, 0.15, 0.2, seed)["test"]) for seed in range(10)}) > 8


@pytest.mark.parametrize(("count", "folds"), [(20, 5), (11, 4), (6, 6)])
def test_kfold_tests_every_image_once(count: int, folds: int) -> None:
    splits = [kfold(NAMES[:count], folds, fold, 0.15, seed=3) for fold in range(folds)]
    assert sorted(name for split in splits for name in split["test"]) == NAMES[:count]
    for split in splits:
        assert all_of(split) == NAMES[:count]
        assert abs(len(split["test"]) - count / folds) < 1
        assert len(split["val"]) >= 1
    assert splits[0] != kfold(NAMES[:count], folds, 0, 0.15, seed=4)


def test_kfold_refuses_folds_that_do_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"datamodule\.fold: found 5, expected 0\.\.4 as datamodule\.folds=5"):
        kfold(NAMES, 5, 5, 0.1, 0)
    with pytest.raises(ConfigError, match=r"datamodule\.folds: found 30, but there are only 20 images"):
        kfold(NAMES, 30, 0, 0.1, 0)


def test_validation_never_takes_from_the_test_part() -> None:
    split = with_validation(NAMES[:10], NAMES[10:], 0.3, seed=1)
    assert split["test"] == NAMES[10:]
    assert len(split["val"]) == 3
    assert sorted(split["train"] + split["val"]) == NAMES[:10]
    assert with_validation(NAMES[:10], NAMES[10:], 0.3, seed=None)["val"] == NAMES[:3]
    assert with_validation(NAMES[:10], NAMES[10:], 0.3, seed=2)["val"] != split["val"]


@pytest.mark.parametrize(
    ("names", "val", "test", "phase"), [(2, 0.15, 0.2, "train"), (5, 1.0, 0.2, "train"), (5, 0.1, 1.0, "train")]
)
def test_too_few_images_name_the_part_that_is_empty(names: int, val: float, test: float, phase: str) -> None:
    with pytest.raises(DataError, match=f"{names} images leave none for {phase}"):
        holdout(NAMES[:names], val, test, 0)
