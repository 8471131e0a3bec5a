"""Parallel coordinates: where values stand on their axes, and how the best and the worst are told apart."""

import pytest

from segexp.report.charts.parallel import BEST, BEST_LINE, MIDDLE, WORST, parallel_chart, value_axis


def test_every_configuration_has_a_line_and_the_best_is_bold() -> None:
    axes = [value_axis("model", ["unet", "cunet", "cunet"], ["unet", "cunet", "cunet"], "-")]
    chart = parallel_chart(["best", "worst", "third"], axes, [0.8, 0.4, 0.6], "IoU", lower=False)
    rows = chart.spec["data"]["values"]
    assert {row["told"] for row in rows} == {"best: 0.8000", "worst: 0.4000", "third: 0.6000"}
    assert {row["line"] for row in rows if row["s"] == BEST_LINE} == {0}
    first = {row["line"]: row["y"] for row in rows if row["axis"] == 0}
    assert first[1] == first[2] != first[0]
    last = {row["line"]: row["y"] for row in rows if row["axis"] == 1}
    assert last[1] < last[2] < last[0]
    line = chart.spec["layer"][0]["encoding"]
    assert line["color"]["scale"]["range"] == [WORST, MIDDLE, BEST]
    flipped = parallel_chart(["a", "b"], axes, [0.8, 0.4, 0.6], "ECE", lower=True)
    assert flipped.spec["layer"][0]["encoding"]["color"]["scale"]["range"] == [BEST, MIDDLE, WORST]
    assert {row["line"] for row in flipped.spec["data"]["values"] if row["s"] == BEST_LINE} == {1}
    heads = chart.spec["layer"][-1]["data"]["values"]
    assert [head["label"] for head in heads] == ["model", "IoU"]


def test_numbers_lie_by_size_words_in_a_row_and_what_is_missing_at_the_bottom() -> None:
    numbers = value_axis("base", [1, 2, 4, "-"], ["1", "2", "4", "-"], "-")
    one, two, four, absent = numbers.places
    assert absent == 0.0 < one < two < four
    assert four - two == pytest.approx(2 * (two - one))
    assert value_axis("n", ["b", "a", True], ["b", "a", "true"], "-").places == [1.0, 0.5, 0.0]
    assert value_axis("n", ["a", "a"], ["a", "a"], "-").places == [0.5, 0.5]
    crowded = [1 + number / 1000 for number in range(50)]
    assert len(value_axis("n", crowded, [f"{value:.4g}" for value in crowded], "-").labels) < 25


def test_rates_far_apart_lie_by_their_logarithm() -> None:
    low, middle, high = value_axis("lr", [1e-4, 1e-3, 1e-2], ["1", "2", "3"], "-").places
    assert middle - low == pytest.approx(high - middle)
