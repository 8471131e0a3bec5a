"""Test sets, the base, paired differences and their intervals, the Pareto front, notes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.errors import ConfigError
from segexp.report.comparison_page.comparison_group import comparison_groups
from segexp.report.comparison_page.configurations.configuration import Configuration, grouped
from segexp.report.comparison_page.configurations.figures import Figure
from segexp.report.comparison_page.configurations.naming import configurations
from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.report.comparison_page.measure import choose_measure
from segexp.report.comparison_page.notes import comparison_notes
from segexp.report.comparison_page.paired import bootstrap_intervals, differences
from segexp.report.comparison_page.pareto import front
from tests.report.comparison_page.made import run_of


def rows_of(*runs: ComparedRun) -> list[Configuration]:
    return configurations(grouped(runs)[0])


def three(tmp_path: Path, **more: Any) -> list[ComparedRun]:
    """Two seeds of cunet, one run of unet and one of wnet."""
    return [
        run_of(tmp_path / "1", {"a": 0.5, "b": 0.7, "c": 0.3}, seed=0, **more),
        run_of(tmp_path / "2", {"a": 0.7, "b": 0.5, "c": 0.3}, seed=1, **more),
        run_of(tmp_path / "3", {"a": 0.7, "b": 0.7, "c": 0.1}, model="unet", **more),
        run_of(tmp_path / "4", {"a": 0.8, "b": 0.8, "c": 0.2}, model="wnet", **more),
    ]


def test_differences_are_paired_by_image_after_the_mean_over_seeds(tmp_path: Path) -> None:
    (group,) = comparison_groups(rows_of(*three(tmp_path)), "dice/vessel", None, 200, 0)
    assert group.letter == ""
    assert [row.name for row in group.rows] == ["wnet", "cunet", "unet"]
    assert group.base.name == "wnet"
    found = group.differences["cunet"]
    assert found.images == pytest.approx({"a": -0.2, "b": -0.2, "c": 0.1})
    assert found.mean == pytest.approx(-0.1)
    assert (found.better, found.worse) == (1, 2)
    assert group.differences["unet"].images == pytest.approx({"a": -0.1, "b": -0.1, "c": -0.1})
    assert group.differences["unet"].interval == pytest.approx((-0.1, -0.1))
    assert group.differences["unet"].clear
    assert group.spread_of_images == [
        ("a", pytest.approx(0.2)), ("b", pytest.approx(0.2)), ("c", pytest.approx(0.2)),
    ]  # fmt: skip


def test_another_base_may_be_named_or_given_as_folder(tmp_path: Path) -> None:
    rows = rows_of(*three(tmp_path))
    for base in ("cunet", str(tmp_path / "2")):
        (group,) = comparison_groups(rows, "dice/vessel", base, 0, 0)
        assert group.base.name == "cunet"
        assert set(group.differences) == {"wnet", "unet"}
        assert group.differences["wnet"].mean == pytest.approx(0.1)
        assert group.differences["wnet"].interval is None
    with pytest.raises(ConfigError, match=r"base=cunt: .*Did you mean 'cunet'\?"):
        comparison_groups(rows, "dice/vessel", "cunt", 0, 0)


def test_less_may_be_better(tmp_path: Path) -> None:
    (group,) = comparison_groups(rows_of(*three(tmp_path)), "ece/vessel", None, 100, 0)
    assert group.measure.lower
    assert [row.name for row in group.rows] == ["wnet", "cunet", "unet"]
    assert group.differences["unet"].mean == pytest.approx(0.1)
    assert (group.differences["unet"].better, group.differences["unet"].worse) == (0, 3)
    assert group.best(Figure("image", "ece", "vessel")) == {"wnet"}


def test_own_measures_say_themselves_which_way_is_better(tmp_path: Path) -> None:
    for way in ("min", "max"):
        runs = three(tmp_path / way, results={"directions": {"dice": way}})
        (group,) = comparison_groups(rows_of(*runs), "dice/vessel", None, 0, 0)
        assert group.base.name == {"min": "cunet", "max": "wnet"}[way]


def test_intervals_are_quantiles_of_means_of_drawn_images() -> None:
    first, second = {"a": 0.1, "b": 0.5, "c": 0.2, "d": 0.9}, {"a": 0.4, "b": 0.1, "c": 0.6, "d": 0.3}
    (found,) = differences(first, [second], lower=False, resamples=500, seed=7)
    drawn = np.random.default_rng((7, 4, 500)).integers(4, size=(500, 4))
    means = np.array([0.3, -0.4, 0.4, -0.6])[drawn].mean(axis=1)
    assert found.interval == pytest.approx(tuple(np.quantile(means, (0.025, 0.975))))
    assert found.mean == pytest.approx(-0.075)
    again = differences(first, [second, first], lower=False, resamples=500, seed=7)
    assert again[0].interval == found.interval
    assert again[1].interval == (0.0, 0.0)
    many = np.random.default_rng(0).normal(size=(1, 30))
    assert bootstrap_intervals(many, 500, 7) == bootstrap_intervals(many, 500, 7) != bootstrap_intervals(many, 500, 8)


def test_intervals_do_not_depend_on_how_much_is_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    paired = np.random.default_rng(0).normal(size=(3, 5))
    whole = bootstrap_intervals(paired, 100, 0)
    monkeypatch.setattr("segexp.report.comparison_page.paired.CHUNK", 35)
    assert np.array(bootstrap_intervals(paired, 100, 0)) == pytest.approx(np.array(whole))


def test_images_without_a_value_are_left_out_of_a_pair() -> None:
    (found,) = differences({"a": 0.5, "b": 0.5, "c": 0.5}, [{"a": 0.6, "c": 0.8}], lower=False, resamples=100, seed=0)
    assert found.images == pytest.approx({"a": 0.1, "c": 0.3})
    assert found.interval == pytest.approx((0.1, 0.3))
    (single,) = differences({"a": 0.5}, [{"a": 0.6}], lower=False, resamples=100, seed=0)
    assert single.interval is None
    (none,) = differences({}, [{}], lower=False, resamples=100, seed=0)
    assert (none.mean, none.interval, none.better, none.clear) == (None, None, 0, False)


def test_rows_of_other_images_are_another_group(tmp_path: Path) -> None:
    runs = three(tmp_path)
    runs.append(run_of(tmp_path / "5", {"x": 0.99}, model="pspnet"))
    # The same names, but other pixels: drawings of another seed, say.
    runs.append(run_of(tmp_path / "6", {"a": 0.5, "b": 0.7, "c": 0.3}, model="segnet", confusion=[[1, 2], [3, 4]]))
    found = comparison_groups(rows_of(*runs), None, None, 10, 0)
    assert [(group.letter, len(group.rows)) for group in found] == [("A", 3), ("B", 1), ("C", 1)]
    assert found[1].differences == {}
    told = comparison_notes(found, [], [])
    assert told[0].startswith("These runs were tested on 3 different sets of images; only rows of the same set")
    assert "B: drive, 1 image (x), all pixels" in told[0]
    assert found[0].best(Figure("dataset", "miou")) == {"wnet"}
    assert found[1].best(Figure("dataset", "miou")) == set()


@pytest.mark.parametrize(
    ("wanted", "column"),
    [
        ("miou", "miou"), ("test/miou", "miou"), ("val/image_miou", "miou"), ("iou", "miou"), ("mean/iou", "miou"),
        ("dice/vessel", "dice/vessel"), ("test/image_dice/vessel", "dice/vessel"), ("ece", "ece/vessel"),
        ("mean/ece", "ece/vessel"), (None, "miou"),
    ],
)  # fmt: skip
def test_a_measure_may_be_called_as_it_is_logged(tmp_path: Path, wanted: str | None, column: str) -> None:
    assert choose_measure(wanted, [run_of(tmp_path / "1", {"a": 0.5})]).column == column


def test_the_measure_that_chose_all_checkpoints_is_the_default(tmp_path: Path) -> None:
    dice = {"checkpoint": {"monitor": "val/dice/vessel"}}
    one, two = (run_of(tmp_path / str(n), {"a": 0.5}, results=dice) for n in (1, 2))
    other = run_of(tmp_path / "3", {"a": 0.5})
    loss = run_of(tmp_path / "4", {"a": 0.5}, results={"checkpoint": {"monitor": "val/loss"}})
    assert choose_measure(None, [one, two]).column == "dice/vessel"
    assert choose_measure(None, [one, other]).column == "miou"
    assert choose_measure(None, [loss]).column == "miou"
    with pytest.raises(ConfigError, match=r"measure=dise/vessel: .*Did you mean 'dice/vessel'\?"):
        choose_measure("dise/vessel", [one])


def test_the_front_holds_what_nothing_beats_in_both() -> None:
    points = [(1.0, 0.5), (2.0, 0.4), (3.0, 0.8), (3.0, 0.7), (4.0, 0.8), (0.5, 0.1), (1.0, 0.5)]
    assert front(points, lower=False) == [5, 0, 6, 2]
    assert front([(cost, -value) for cost, value in points], lower=True) == [5, 0, 6, 2]
    assert front(points, lower=True) == [5]
    assert front([], lower=False) == []


def test_notes_tell_what_is_mixed(tmp_path: Path) -> None:
    images = {"a": 0.5, "b": 0.7}
    half = {"threshold": {"value": 0.5}}
    git = {"commit": "1234567890", "dirty": False}
    runs = [
        run_of(tmp_path / "1", images, git=git, device="cpu"),
        run_of(tmp_path / "2", images, model="unet", results=half, git={"commit": "abc", "dirty": True}, device="H100"),
    ]
    told = " ".join(
        comparison_notes(comparison_groups(rows_of(*runs), None, None, 10, 0), [runs[0]], ["pruned", "failed"])
    )
    assert "decided in different ways (highest Dice of vessel, chosen on validation images; threshold 0.5)" in told
    assert "different code (commits 12345678, abc with changes)" in told
    assert "different machines (cpu, H100)" in told
    assert "There are 2 test images: with fewer than 20" in told
    assert "2 runs or jobs have no measures and are left out (1 pruned, 1 failed); see the list of runs" in told
    assert "made again later with the same configuration and seed do not count: 1." in told


def test_the_same_machine_with_other_threads_is_told_as_that(tmp_path: Path) -> None:
    images = {"a": 0.5, "b": 0.7}
    epyc = {"processor": "AMD EPYC"}
    runs = [
        run_of(tmp_path / "1", images, machine=epyc, threads=2),
        run_of(tmp_path / "2", images, machine=epyc, threads=1, model="unet"),
    ]
    found = comparison_notes(comparison_groups(rows_of(*runs), None, None, 10, 0), [], [])
    assert "Times were taken with different numbers of threads (2, 1) and do not compare." in found
    assert not any("machines" in note for note in found)


def test_a_missing_fold_is_told(tmp_path: Path) -> None:
    data = {"split": "kfold", "folds": 3, "seed": 0}
    runs = [
        run_of(tmp_path / str(n), {image: 0.5}, overrides=[], config={"datamodule": {**data, "fold": n}})
        for n, image in enumerate("ab")
    ]  # fmt: skip
    told = " ".join(comparison_notes(comparison_groups(rows_of(*runs), None, None, 10, 0), [], []))
    assert "cunet, seed 0: of 3 folds (from 0) these are missing: 2." in told
    assert "cannot be done for ROC-AUC, ECE: of these it is the mean over folds" in told


def test_test_sets_of_one_description_say_in_what_they_differ(tmp_path: Path) -> None:
    images = {"a": 0.5, "b": 0.7}

    def titles(**other: Any) -> list[str]:
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        runs = [run_of(place / "1", images), run_of(place / "2", images, model="unet", **other)]
        return [group.title for group in comparison_groups(rows_of(*runs), None, None, 10, 0)]

    same = "drive, 2 images (a, b), all pixels, "
    task = {"datamodule": "drive", "where": "all pixels"}
    assert titles(results={"task": {**task, "classes": ["background", "vein, small"]}}) == [
        f"{same}with class vessel", f"{same}with class vein, small",
    ]  # fmt: skip
    assert titles(results={"task": {**task, "classes": ["vessel", "background"]}}) == [
        f"{same}classes in the order background, vessel", f"{same}classes in the order vessel, background",
    ]  # fmt: skip
    assert titles(confusion=[[60, 10], [1, 4000]]) == [
        f"{same}truth: 30 pixels of vessel", f"{same}truth: 4,001 pixels of vessel",
    ]  # fmt: skip
    assert titles(results={"task": {**task, "classes": ["background", "vessel", "disc"]}}, confusion=[[1] * 3] * 3) == [
        f"{same}of classes background, vessel alone", f"{same}with class disc",
    ]  # fmt: skip
