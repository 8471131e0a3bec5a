"""What is one row, how it is called, and its figures over seeds and folds."""

import statistics
from pathlib import Path
from typing import Any

import pytest
import torch

from segexp.metrics.measures import dataset_scores
from segexp.report.comparison_page.configurations.configuration import grouped
from segexp.report.comparison_page.configurations.counts import count_figures
from segexp.report.comparison_page.configurations.figures import Figure
from segexp.report.comparison_page.configurations.naming import configurations
from segexp.report.comparison_page.configurations.spread import mean_and_deviation
from tests.report.comparison_page.made import make_run, run_of

ONE = {"a": 0.5, "b": 0.7}
DICE, BY_IMAGE = Figure("dataset", "dice", "vessel"), Figure("image", "dice", "vessel")


def named(runs: list[Any]) -> list[str]:
    return [row.name for row in configurations(grouped(runs)[0])]


def test_runs_that_differ_in_the_seed_alone_are_one_row(tmp_path: Path) -> None:
    runs = [
        run_of(tmp_path / f"{model}{seed}", {"a": 0.5 + seed / 10, "b": 0.7}, model=model, seed=seed)
        for model in ("cunet", "unet")
        for seed in (0, 1, 2)
    ]
    rows = configurations(grouped(runs)[0])
    assert [row.name for row in rows] == ["cunet", "unet"]
    assert [repeat.seed for repeat in rows[0].repeats] == ["0", "1", "2"]
    found = rows[0].figures[BY_IMAGE]
    assert found.count == 3
    assert found.mean == pytest.approx((0.6 + 0.65 + 0.7) / 3)
    assert found.deviation == pytest.approx(statistics.stdev([0.6, 0.65, 0.7]))
    assert rows[0].figures[DICE].mean == pytest.approx(0.66)
    assert rows[0].of_images("dice/vessel") == pytest.approx({"a": 0.6, "b": 0.7})
    assert rows[0].parameters == 1000
    assert rows[0].seconds is not None
    assert rows[0].seconds.mean == 60.0
    # 100 samples in the median of 2 and 4 seconds; the first epoch does not count.
    assert rows[0].rate is not None
    assert rows[0].rate.mean == pytest.approx(100 / 3)


def test_a_deviation_needs_two_values() -> None:
    assert mean_and_deviation([]) is None
    assert mean_and_deviation([None, float("nan")]) is None
    one, two = mean_and_deviation([0.5, None]), mean_and_deviation([1.0, 3.0])
    assert one is not None
    assert two is not None
    assert (one.mean, one.deviation, one.count, one.text()) == (0.5, None, 1, "0.5000")
    assert (two.mean, two.count, two.text(2)) == (2.0, 2, "2.00 ± 1.41")
    assert two.deviation == pytest.approx(2**0.5)


def test_a_run_that_was_made_again_counts_once(tmp_path: Path) -> None:
    old = run_of(tmp_path / "old", ONE, started="2026-01-01T00:00:00+00:00")
    new = run_of(tmp_path / "new", {"a": 0.9, "b": 0.9}, started="2026-01-02T00:00:00+00:00")
    for order in ([old, new], [new, old]):
        groups, older = grouped(order)
        assert older == [old]
        assert configurations(groups)[0].runs == [new]


def test_the_same_config_on_other_images_is_another_row(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / "1", ONE), run_of(tmp_path / "2", {"c": 0.5}, seed=1)]
    runs.append(run_of(tmp_path / "3", ONE, seed=2, confusion=[[1, 0], [0, 1]]))
    rows = configurations(grouped(runs)[0])
    assert len(rows) == 3
    assert len({row.name for row in rows}) == 3


def test_rows_are_called_by_what_differs(tmp_path: Path) -> None:
    def run(name: str, lr: float, decay: float, **more: Any) -> Any:
        config = {"optimizer": {"lr": lr, "weight_decay": decay}, "scheduler": {"max_lr": lr}}
        given = [f"optimizer.lr={lr}", f"optimizer.weight_decay={decay}", *more.pop("overrides", [])]
        return run_of(tmp_path / name, ONE, config=config, overrides=given, **more)

    # Keys that follow another one (max_lr), and those that a model brings along, are in no name.
    runs = [run("1", 0.01, 0.5), run("2", 0.001, 0.5)]
    assert named(runs) == ["lr=0.01", "lr=0.001"]
    # In a search every varied key counts, though one would tell the rows apart.
    runs = [run("3", 0.01, 0.5), run("4", 0.001, 0.25)]
    assert named(runs) == ["lr=0.01, weight_decay=0.5", "lr=0.001, weight_decay=0.25"]


def test_options_are_named_by_their_word_and_missing_keys_not_at_all(tmp_path: Path) -> None:
    plain = {"model": {"_target_": "m.Zoo"}}
    runs = [
        run_of(tmp_path / "1", ONE, model="unet", config={"model": {"_target_": "m.UNet", "base": 16}},
               overrides=["model=unet", "model.base=16"]),
        run_of(tmp_path / "2", ONE, model="unet", config={"model": {"_target_": "m.UNet", "base": 32}},
               overrides=["model=unet", "model.base=32"]),
        run_of(tmp_path / "3", ONE, model="zoo", config=plain, overrides=["model=zoo"]),
    ]  # fmt: skip
    assert named(runs) == ["unet, base=16", "unet, base=32", "zoo"]


def test_what_was_no_override_is_named_where_nothing_else_tells(tmp_path: Path) -> None:
    runs = [
        run_of(tmp_path / "1", ONE, overrides=[], config={"optimizer": {"lr": 0.1, "momentum": 0.1}}),
        run_of(tmp_path / "2", ONE, overrides=[], config={"optimizer": {"lr": 0.2, "momentum": 0.2}}),
    ]
    assert named(runs) == ["lr=0.1", "lr=0.2"]
    runs = [run_of(tmp_path / str(n), ONE, overrides=[], model=name) for n, name in ((3, "cunet"), (4, "unet"))]
    assert named(runs) == ["cunet", "unet"]
    assert named(runs[:1]) == ["cunet"]


def test_neutral_keys_make_no_other_row(tmp_path: Path) -> None:
    runs = [
        run_of(tmp_path / "1", ONE, config={"bootstrap": 0, "name": "a", "logger": {"wandb": None}}),
        run_of(tmp_path / "2", ONE, seed=1, config={"bootstrap": 9, "name": "b", "metric": {"asd": {"_target_": "x"}}}),
    ]
    assert named(runs) == ["cunet"]


def fold(path: Path, number: int, images: dict[str, float], seed: int = 0, **more: Any) -> Any:
    config = {"datamodule": {"split": "kfold", "folds": 2, "fold": number, "seed": seed}}
    return run_of(path, images, seed=seed, config=config, overrides=[f"datamodule.fold={number}"], **more)


def test_folds_are_pooled(tmp_path: Path) -> None:
    matrices = [[[50, 5], [5, 10]], [[30, 0], [8, 2]]]
    runs = [
        fold(tmp_path / "0", 0, {"a": 0.9, "b": 0.6}, confusion=matrices[0]),
        fold(tmp_path / "1", 1, {"c": 0.3}, confusion=matrices[1]),
    ]
    (row,) = configurations(grouped(runs)[0])
    assert row.tested.images == ("a", "b", "c")
    assert row.tested.truth == (85, 25)
    assert row.of_images("dice/vessel") == {"a": 0.9, "b": 0.6, "c": 0.3}
    # Over images: of all three, not the mean of two means; over pixels: of both matrices together.
    assert row.figures[BY_IMAGE].mean == pytest.approx(0.6)
    assert row.figures[DICE].mean == pytest.approx(2 * 12 / (2 * 12 + 5 + 13))
    # What cannot be pooled is the mean over folds.
    assert row.figures[Figure("dataset", "auc")].mean == pytest.approx((0.77 + 0.32) / 2)
    assert row.seconds is not None
    assert row.seconds.mean == 120.0
    assert row.figures[BY_IMAGE].count == 1


def test_folds_of_two_seeds_are_two_repeats(tmp_path: Path) -> None:
    runs = [fold(tmp_path / f"{s}{n}", n, {"ab"[n]: 0.5 + s / 10}, seed=s) for s in (0, 1) for n in (0, 1)]
    (row,) = configurations(grouped(runs)[0])
    assert [len(repeat.runs) for repeat in row.repeats] == [2, 2]
    assert row.figures[BY_IMAGE].mean == pytest.approx(0.55)
    assert row.figures[BY_IMAGE].count == 2


@pytest.mark.parametrize(
    "matrix",
    [
        [[50, 5, 2], [4, 30, 1], [0, 3, 7]],
        [[50, 5, 0], [4, 30, 0], [0, 0, 0]],
        [[50, 0, 4], [0, 0, 0], [6, 0, 9]],
        [[9, 0, 0], [0, 0, 0], [0, 0, 0]],
        [[9, 1, 0], [0, 0, 0], [0, 0, 0]],
    ],
)
def test_figures_of_counts_are_those_of_the_measures(matrix: list[list[int]]) -> None:
    names = ["x", "y", "z"]
    expected = dataset_scores(torch.tensor([matrix]), names)
    found = count_figures(matrix, names)
    for measure in ("accuracy", "kappa", "mcc_overall", "miou", "mdice"):
        assert found.get(Figure("dataset", measure)) == pytest.approx(expected[measure]), measure  # type: ignore[literal-required]
    for measure in ("iou", "dice", "precision", "recall", "specificity", "mcc"):
        for name in names:
            value = expected[measure][name]  # type: ignore[literal-required]
            assert found.get(Figure("dataset", measure, name)) == pytest.approx(value), (measure, name)
    assert found.get(Figure("dataset", "recall", "mean")) == pytest.approx(expected["mean"]["recall"])


def test_a_config_that_cannot_be_read_is_no_reason_to_fail(tmp_path: Path) -> None:
    path = make_run(tmp_path / "1", ONE)
    (path / "config.yaml").write_text("a: [")
    from segexp.report.comparison_page.configurations.run import ComparedRun
    from segexp.runs.contents import read_run

    run = ComparedRun(read_run(path))
    assert run.config == {}
    assert run.seed == "0"
    assert named([run]) == ["cunet"]


def test_long_values_are_cut_where_they_are_still_told_apart(tmp_path: Path) -> None:
    folder = "images/of/the/second/campaign/in/the/south/"
    runs = [
        run_of(tmp_path / str(number), ONE, overrides=[f"note={note}"], config={"note": note})
        for number, note in enumerate((f"{folder}a/part", f"{folder}b/part", "short"))
    ]
    names = [row.name for row in configurations(grouped(runs)[0])]
    assert len(set(names)) == 3
    assert not any("#" in name for name in names)
    assert "note=short" in names
