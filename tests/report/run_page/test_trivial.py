"""A model that one class everywhere or Otsu's threshold beats is told so in terminal and report."""

from pathlib import Path
from typing import Any

import pytest

from segexp.report.run_page.page import write_report
from segexp.report.run_page.tables.predictors import results_table
from segexp.report.run_page.trivial import beaten_by
from tests.report.made_up import run, write_json
from tests.report.page import Page


def scored(model: tuple[float, float | None], **others: tuple[float, float | None]) -> dict[str, Any]:
    """Results with mean IoU and Dice of the vessel of each predictor."""

    def row(name: str, miou: float, dice: float | None) -> dict[str, Any]:
        return {"name": name, "note": "", "dataset": {"miou": miou, "dice": {"vessel": dice}}, "image": {}}

    rows = [row("model", *model), *(row(name.replace("_", " "), *figures) for name, figures in others.items())]
    return {"task": {"classes": ["background", "vessel"]}, "rows": rows}


def said(*results: dict[str, Any]) -> list[str]:
    return [str(found) for found in beaten_by(results)]


def test_worse_equal_and_better_are_told_apart() -> None:
    assert said(scored((0.8, 0.7), all_background=(0.45, 0.0), Otsu=(0.5, 0.3))) == []
    assert said(scored((0.4, 0.35), all_background=(0.45, 0.0), Otsu=(0.35, 0.36))) == [
        "worse than all background (mean IoU 0.4000 against 0.4500)",
        "worse than Otsu (Dice vessel 0.3500 against 0.3600)",
    ]
    # A model that gives one class everywhere.
    assert said(scored((0.45, 0.0), all_background=(0.45, 0.0))) == [
        "no better than all background (mean IoU 0.4500 against 0.4500, Dice vessel 0.0000 against 0.0000)"
    ]


def test_people_missing_figures_and_missing_rows_say_nothing() -> None:
    assert said(scored((0.4, 0.3), second_observer=(0.9, 0.9), model_at_0_5=(0.9, 0.9))) == []
    assert said(scored((0.8, None), Otsu=(0.5, 0.3))) == said({}) == said() == []


def test_of_several_runs_the_means_count() -> None:
    one, two = scored((0.4, 0.5), Otsu=(0.5, 0.4)), scored((0.8, 0.5), Otsu=(0.6, 0.4))
    assert said(one, two) == []
    assert said(one, one, one, two) == ["worse than Otsu (mean IoU 0.5000 against 0.5250)"]
    assert said(one, scored((0.1, 0.1))) == []


@pytest.mark.parametrize(("dice", "times"), [(0.2, 1), (0.5, 0)])
def test_terminal_and_report_say_it(tmp_path: Path, dice: float, times: int) -> None:
    content = scored((0.6, dice), Otsu=(0.5, 0.3))
    assert results_table(content).count("the model is worse than Otsu (Dice vessel 0.2000 against 0.3000)") == times
    write_json(tmp_path / "results.json", content)
    write_json(tmp_path / "run.json", run())
    text = Page(write_report(tmp_path).read_text(encoding="utf-8")).text
    assert text.count("The model is worse than Otsu (Dice vessel 0.2000 against 0.3000).") == times
    assert text.count("worse than Otsu") == 2 * times
