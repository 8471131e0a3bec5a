"""The tutorials in examples/: every cell runs and asserts its figures, and the notebooks say what the scripts say."""

import json
import re
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.notebooks import EXAMPLES, SCRIPTS
from tests.training.conftest import settings_of_torch

__all__ = ["settings_of_torch"]

names = [path.relative_to(EXAMPLES).with_suffix("").as_posix() for path in SCRIPTS]
SHORT, LONG = ("own_images", "own_loss_and_callback"), ("class_activation_maps", "comparing_models", "predict_geotiff")
INSTALL = SCRIPTS[0].read_text(encoding="utf-8").split("# %%\n")[1]
"""The first cell of code, the same in all notebooks but for what is installed."""


def test_these_are_the_notebooks() -> None:
    """One that is added is run too."""
    elsewhere_run = {"convolution_lab/cheaper", "convolution_lab/convolution", "convolution_lab/figures", "python_api"}
    assert set(names) == {*SHORT, *LONG, *elsewhere_run}


@pytest.fixture
def run(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Notebooks add to Python's path, and to its modules."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("MPLBACKEND", "agg")
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("my_"):
            del sys.modules[name]


@pytest.mark.parametrize("name", [*SHORT, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)])
def test_every_cell(name: str, run: None) -> None:
    if name == "predict_geotiff":
        pytest.importorskip("rasterio")
    runpy.run_path(str(EXAMPLES / f"{name}.py"))


@pytest.mark.parametrize("script", SCRIPTS, ids=names)
def test_segexp_is_installed_where_it_is_missing(script: Path) -> None:
    """The wheel test replaces the one variable of this cell."""
    cell = script.read_text(encoding="utf-8").split("# %%\n")[1]
    asked = re.search(r'if any\(importlib\.util\.find_spec\(name\) is None for name in \("segexp", "\w+"\)\):', cell)
    plain = cell if asked is None else cell.replace(asked[0], 'if importlib.util.find_spec("segexp") is None:')
    assert plain.replace("segexp[geo]", "segexp").replace('SEGEXP, "pandas"]', "SEGEXP]") == INSTALL
    assert INSTALL.count('SEGEXP = "segexp"\n') == 1


@pytest.mark.parametrize("script", SCRIPTS, ids=names)
def test_asserts_its_figures_and_leaves_the_device_to_the_trainer(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert text.count("\nassert ") >= 8
    assert "accelerator" not in text
    assert "device=" not in text.replace('device="meta"', "")


@pytest.mark.parametrize("script", SCRIPTS, ids=names)
def test_a_pair_says_the_same(script: Path) -> None:
    """``make notebooks`` makes the pairs; without outputs."""
    cells = json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") for cell in cells)
    written = script.read_text(encoding="utf-8").split("# ---\n")[2]
    assert as_percent(cells) == [line for line in written.splitlines() if line]


def as_percent(cells: list[dict[str, str | list[str]]]) -> list[str]:
    """The lines of a script with these cells, without empty ones."""
    lines: list[str] = []
    for cell in cells:
        source = "".join(cell["source"]).splitlines()
        if cell["cell_type"] == "markdown":
            lines += ["# %% [markdown]", *(f"# {line}".rstrip() for line in source)]
        else:
            lines += ["# %%", *source]
    return [line for line in lines if line]
