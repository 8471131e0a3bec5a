"""A figure and the ends of its interval have as many digits, and enough of them."""

from pathlib import Path

import pytest

from segexp.report.run_page.tiles import tiles
from segexp.report.values import digits_of_interval, format_with_interval
from segexp.runs.contents import read_run
from tests.report.made_up import measured, run, write_json


@pytest.mark.parametrize(
    ("value", "interval", "text"),
    [
        (0.99613, [0.99402, 0.99817], "0.9961 [0.9940, 0.9982]"),
        (0.99613, [0.99612, 0.99614], "0.99613 [0.99612, 0.99614]"),
        (1.0, [0.999998, 1.0], "1.000000 [0.999998, 1.000000]"),
        (1.0, [1.0, 1.0], "1.0000 [1.0000, 1.0000]"),
        (0.5, [0.5, 0.5 + 1e-12], "0.5000000 [0.5000000, 0.5000000]"),
        (0.5, [None, 0.6], "0.5000"),
        (0.5, [float("nan"), 0.6], "0.5000"),
        (None, [0.5, 0.6], "-"),
        (0.5, None, "0.5000"),
    ],
)
def test_an_interval_contains_its_figure_as_it_is_written(value: object, interval: object, text: str) -> None:
    assert format_with_interval(value, interval) == text


def test_digits_grow_only_where_ends_differ() -> None:
    assert digits_of_interval((0.1, 0.2), 2) == 2
    assert digits_of_interval((0.101, 0.102), 2) == 3
    assert digits_of_interval(None, 2) == 2


def test_a_headline_of_almost_one_is_told_from_its_interval(tmp_path: Path) -> None:
    results = measured()
    row = results["rows"][0]
    row["dataset"]["auc"] = 0.99996
    row["interval"]["dataset"]["auc"] = [0.99991, 0.99998]
    write_json(tmp_path / "results.json", results)
    write_json(tmp_path / "run.json", run())
    (found,) = [tile for tile in tiles(read_run(tmp_path)) if tile.name == "AUC"]
    assert (found.value, found.interval) == ("1.0000", "0.9999 to 1.0000")
