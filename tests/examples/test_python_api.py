"""The notebook about segexp from Python runs from its first cell to its last, and asserts its numbers itself."""

import runpy
from pathlib import Path

from tests.training.conftest import settings_of_torch

__all__ = ["settings_of_torch"]

NOTEBOOK = Path(__file__).parents[2] / "examples" / "python_api.py"


def test_every_cell(elsewhere: Path) -> None:
    runpy.run_path(str(NOTEBOOK))
    assert len(list(elsewhere.glob("outputs/*/*/results.json"))) == 2


def test_is_a_notebook_in_the_percent_format() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "format_name: percent" in text
    assert text.count("\n# %% [markdown]\n") >= 6
