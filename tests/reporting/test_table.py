"""The tables hold the numbers of results.json."""

import math

from segexp.reporting.table import results_table
from tests.reporting.made_up import results


def cells(text: str, name: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return lines[-1].split()


def test_class_table_has_pixels_and_images() -> None:
    first, _ = results_table(results()).split("\n\ncomparison")
    assert "test split (2 images), inside the field of view" in first
    assert cells(first, "vessel") == ["vessel"] + ["0.7654"] * 5 + ["-", "0.6543"]
    assert cells(first, "mean") == ["mean", "0.8123", "0.8765", "0.7000", "-"]


def test_comparison_has_a_line_per_row_and_the_foreground_dice() -> None:
    _, second = results_table(results()).split("\n\ncomparison")
    assert "Dice vessel" in second
    assert cells(second, "model") == ["model", "0.9512", "0.8123", "0.8765", "0.7654", "-", "0.9000"]
    assert cells(second, "Otsu") == ["Otsu", "0.9512", "0.8123", "0.8765", "-", "-", "0.9000"]
    assert second.splitlines()[-1] == "model: threshold 0.43"  # notes stand below: they are too long for a column


def test_columns_are_aligned() -> None:
    for block in results_table(results()).split("\n\n"):
        numbers = [line for line in block.splitlines() if line.endswith("0.9000")]
        assert len({len(line) for line in numbers}) <= 1


def test_more_classes_have_no_foreground_column() -> None:
    content = results()
    content["task"]["classes"] = ["a", "b", "c"]
    assert "Dice a" not in results_table(content)
    assert "mean Dice" in results_table(content)


def test_what_is_missing_or_undefined_is_a_dash() -> None:
    assert "mean" in results_table({})
    odd = {"rows": [{"name": None, "dataset": {"accuracy": math.nan, "miou": "x", "iou": None}}, 3]}
    assert cells(results_table(odd), "-") == ["-"] * 6
