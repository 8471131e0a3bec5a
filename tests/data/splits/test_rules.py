"""Splits: seeded, complete, without overlap."""

import pytest

from segexp.data.splits.rules import PHASES, Split, holdout, kfold, take_validation
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
    split = take_validation(NAMES[:10], NAMES[10:], 0.3, seed=1)
    assert split["test"] == NAMES[10:]
    assert len(split["val"]) == 3
    assert sorted(split["train"] + split["val"]) == NAMES[:10]
    assert take_validation(NAMES[:10], NAMES[10:], 0.3, seed=2)["val"] != split["val"]


@pytest.mark.parametrize(
    ("names", "val", "test", "phase"), [(2, 0.15, 0.2, "train"), (5, 1.0, 0.2, "train"), (5, 0.1, 1.0, "train")]
)
def test_too_few_images_name_the_part_that_is_empty(names: int, val: float, test: float, phase: str) -> None:
    with pytest.raises(DataError, match=f"{names} images leave none for {phase}"):
        holdout(NAMES[:names], val, test, 0)


def test_too_few_units_say_how_many_parts_need_one() -> None:
    units = {name: f"patient {index // 4}" for index, name in enumerate(NAMES[:8])}
    with pytest.raises(DataError, match=r"8 images leave none for train; .* there is 1 unit .*, 3 at the least"):
        holdout(NAMES[:8], 0.15, 0.2, 0, units)


def test_units_are_never_cut_apart() -> None:
    units = {name: f"patient {index // 3}" for index, name in enumerate(NAMES)}
    split = holdout(NAMES, 0.2, 0.3, 0, units)
    owners = {phase: {units[name] for name in split[phase]} for phase in split}
    assert sum(map(len, split.values())) == len(NAMES)
    assert sum(map(len, owners.values())) == len(set(units.values()))
    assert len(split["test"]) in (5, 6)  # two patients; one of the seven has only two images
    tested = [name for fold in range(7) for name in kfold(NAMES, 7, fold, 0.1, 0, units)["test"]]
    assert sorted(tested) == sorted(NAMES)
    with pytest.raises(ConfigError, match="only 7 units of 20 images"):
        kfold(NAMES, 8, 0, 0.1, 0, units)


def test_a_unit_named_as_an_image_is_not_that_image() -> None:
    split = holdout(["a", "b", "c", "d"], 0.3, 0.3, 0, {"b": "a"})
    assert sorted(name for names in split.values() for name in names) == ["a", "b", "c", "d"]


def test_strata_have_their_share_in_every_part() -> None:
    names = [f"{index:03d}" for index in range(200)]
    strata = {name: "rare" if index % 10 == 0 else "common" for index, name in enumerate(names)}
    for seed in range(5):
        split = holdout(names, 0.2, 0.2, seed, strata=strata)
        for phase, expected in (("test", 4), ("val", 3.2), ("train", 12.8)):
            rare = sum(strata[name] == "rare" for name in split[phase])  # type: ignore[index]
            assert abs(rare - expected) <= 1
    folds = [kfold(names, 5, fold, 0.2, 0, strata=strata)["test"] for fold in range(5)]
    assert {sum(strata[name] == "rare" for name in fold) for fold in folds} <= {3, 4, 5}
    assert holdout(names, 0.2, 0.2, 0, strata=strata) != holdout(names, 0.2, 0.2, 1, strata=strata)
