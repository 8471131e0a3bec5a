"""The tables hold the numbers of results.json."""

import math

from segexp.report.run_page.tables.predictors import results_table
from tests.report.made_up import grouped, measured, results


def cells(text: str, name: str) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return lines[-1].split()


def blocks(text: str) -> dict[str, str]:
    """Tables by the first words of their titles."""
    parts = text.split("\n\n")
    return {title.split(",")[0]: body for title, body in zip(parts[::2], parts[1::2], strict=False)}


def test_overlap_over_the_pixels_of_all_images() -> None:
    text = results_table(results())
    first = blocks(text)["model"]
    assert "model, test split (2 images), inside the field of view,\npixels of all images\n" in text
    assert first.split("\n")[0].split() == ["class", "IoU", "Dice", "precision", "recall"]
    assert cells(first, "vessel") == ["vessel"] + ["0.7654"] * 4
    assert cells(first, "mean") == ["mean", "0.8123", "0.8765", "-", "-"]


def test_intervals_stand_beside_the_figures() -> None:
    text = results_table(measured())
    assert "pixels of all images [95 % interval]" in text
    first = blocks(text)["model"]
    assert "0.7654 [0.7010, 0.8249]" in first
    assert "0.8123 [0.8000, 0.8300]" in first
    # Undefined in every draw, or not there: the figure alone.
    assert cells(first, "vessel")[-1] == "0.7654"


def test_shapes_are_means_over_images_and_name_their_units() -> None:
    second = blocks(results_table(measured()))["mean over images"]
    assert second.splitlines()[0].split("  ")[-1].strip() == "ASD (m) ↓"
    assert "HD100 (px)" in second
    assert cells(second, "vessel") == ["vessel", "0.6543", "14.14", "2.50"]
    assert cells(second, "background") == ["background", "-", "-", "-"]
    assert "mean over images" not in results_table(results())


def test_areas_of_two_classes_are_those_of_the_second() -> None:
    third = blocks(results_table(measured()))["pixels of all images"]
    assert third.splitlines()[0].split() == ["class", "specificity", "ROC-AUC", "PR-AUC", "Brier", "↓"]
    assert cells(third, "background") == ["background", "0.9876", "-", "-", "-"]
    assert cells(third, "vessel") == ["vessel", "0.7654", "0.9500", "0.9000", "0.0625"]


def test_comparison_has_a_line_per_row_and_the_foreground_dice() -> None:
    last = blocks(results_table(results()))["comparison"]
    assert "Dice vessel" in last
    assert cells(last, "model") == ["model", "0.9512", "0.8123", "0.8765", "0.7654", "-", "0.9000"]
    assert cells(last, "Otsu") == ["Otsu", "0.9512", "0.8123", "0.8765", "-", "-", "0.9000"]
    # Notes stand below: they are too long for a column.
    assert results_table(results()).splitlines()[-1] == "model: threshold 0.43"


def test_comparison_of_more_classes_has_the_mean_area() -> None:
    content = results()
    content["task"]["classes"] = ["a", "b", "c"]
    for row in content["rows"]:
        row["dataset"] |= {"auc": {"a": 0.5, "b": 0.6, "c": 0.7}, "mcc_overall": 0.4321, "mean": {"auc": 0.6111}}
    text = results_table(content)
    assert "Dice a" not in text
    assert "mean Dice" in text
    assert cells(text, "Otsu") == ["Otsu", "0.9512", "0.8123", "0.8765", "0.6111", "0.9000", "0.4321"]


def test_columns_are_aligned_and_fit_the_terminal() -> None:
    for block in results_table(measured()).split("\n\n"):
        lines = block.splitlines()
        if len(lines) > 2 and set(lines[1]) == {"-"}:
            assert len(lines[0]) == len(lines[1]) <= 100
            assert {len(line) for line in lines if line[-1] in "0123456789]-"} == {len(lines[1])}


def test_what_is_missing_or_undefined_is_a_dash() -> None:
    assert "mean" in results_table({})
    odd = {"rows": [{"name": None, "dataset": {"accuracy": math.nan, "miou": "x", "iou": None}}, 3]}
    assert cells(results_table(odd), "-") == ["-"] * 6


def test_groups_stand_beside_all_images() -> None:
    block = blocks(results_table(grouped()))["By group"]
    assert block.splitlines()[0].split("  ")[0] == "group"
    assert [part.strip() for part in block.splitlines()[0].split("  ") if part.strip()] == [
        "group", "images", "accuracy", "mean IoU", "IoU vessel", "Dice vessel",
    ]  # fmt: skip
    assert cells(block, "austin") == ["austin", "1", "0.9100", "0.8123", "0.6000", "0.7654"]
    assert cells(block, "kitsap") == ["kitsap", "1", "-", "0.8123", "0.7654", "0.7654"]
    assert cells(block, "all images") == ["all", "images", "2", "0.9512", "0.8123", "0.7654", "0.7654"]


def test_one_group_is_no_table() -> None:
    content = grouped()
    del content["rows"][0]["groups"]["kitsap"]
    assert "By group" not in results_table(content)
    assert "By group" not in results_table(results())


def test_groups_of_three_classes_show_each_ones_iou() -> None:
    content = grouped()
    content["task"]["classes"] = ["a", "b", "c"]
    for figures in content["rows"][0]["groups"].values():
        figures["iou"] = {"a": 0.1, "b": 0.2, "c": 0.3}
    block = blocks(results_table(content))["By group"]
    assert cells(block, "austin") == ["austin", "1", "0.9100", "0.8123", "0.1000", "0.2000", "0.3000", "0.8765"]
