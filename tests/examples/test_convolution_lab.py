"""The convolution lab in examples/: each script asserts its own numbers, and is a notebook for jupytext."""

import runpy
from pathlib import Path

import pytest

LAB = Path(__file__).parents[2] / "examples" / "convolution_lab"


@pytest.mark.parametrize("script", sorted(LAB.glob("*.py")), ids=lambda path: path.stem)
def test_every_number_of_the_lab(script: Path) -> None:
    runpy.run_path(str(script))


@pytest.mark.parametrize("script", sorted(LAB.glob("*.py")), ids=lambda path: path.stem)
def test_is_a_notebook_in_the_percent_format(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert "format_name: percent" in text
    assert text.count("\n# %% [markdown]\n") >= 4
    assert text.count("\nassert ") >= 10
