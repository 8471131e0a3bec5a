"""Figures of measures, read from the source of their classes."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from segexp.config.checks.monitors import check_monitors
from segexp.config.signatures.declared_figures import chosen_figures, declared_figures, shipped_figure, shipped_figures
from segexp.errors import ConfigError
from segexp.spec import FigureSpec
from tests.metrics.configured import NAMES, composed, make

SOURCE = """
from segexp.metrics.base import FigureSpec, ImageMeasure
from elsewhere import TABLE

class Plain(ImageMeasure):
    figure_specs = {"plain": FigureSpec("max", label="Plain", meaning="what it says")}

class Keyed(ImageMeasure):
    unit = "px"
    figure_specs = {"at{place:g}": FigureSpec("min", "At {place:g}", unit="{unit}")}
    def __init__(self, place: float = 3.0, *, side: str = "left"):
        self.place = place

class Heir(Keyed):
    pass

class Older(ImageMeasure):
    directions = {"older": "max"}

class Worked(ImageMeasure):
    figure_specs = dict(TABLE)

class Late(ImageMeasure):
    figure_specs = {"late": FigureSpec("min")}
    def __init__(self):
        self.figure_specs = {}

class Wrong(ImageMeasure):
    figure_specs = {"wrong": FigureSpec("lower")}
"""


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of_a_user.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_source_says_what_the_object_says(name: str) -> None:
    assert declared_figures(composed(name)[name]) == make(name).described_figures()


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        ({"_target_": "of_a_user.Plain"}, {"plain": FigureSpec("max", "Plain", meaning="what it says")}),
        ({"_target_": "of_a_user.Keyed"}, {"at3": FigureSpec("min", "At 3", "px")}),
        ({"_target_": "of_a_user.Keyed", "place": 2.5}, {"at2.5": FigureSpec("min", "At 2.5", "px")}),
        ({"_target_": "of_a_user.Heir", "place": 4}, {"at4": FigureSpec("min", "At 4", "px")}),
        ({"_target_": "of_a_user.Keyed", "place": "far"}, None),
        ({"_target_": "of_a_user.Older"}, {"older": FigureSpec("max")}),
        ({"_target_": "of_a_user.Worked"}, None),
        ({"_target_": "of_a_user.Late"}, None),
        ({"_target_": "of_a_user.Nothing"}, None),
        ({"_target_": "segexp.metrics.distances.HausdorffDistance", "percentile": 99.5},
         {"hd99.5": shipped_figure("hd99.5")}),
    ],
)  # fmt: skip
def test_figures_of_a_section(section: Mapping[str, Any], wanted: Mapping[str, FigureSpec] | None) -> None:
    assert declared_figures(section) == wanted


def test_own_figures_with_any_value_of_their_keys() -> None:
    assert shipped_figures()[:6] == ("brier", "ece", "boundary_iou", "cldice", "hd95", "asd")
    found = shipped_figure("hd100")
    assert found is not None
    assert (found.direction, found.label, found.unit) == ("min", "HD100", "px")
    assert "100 % of their pixels" in found.meaning
    assert shipped_figure("hdx") is shipped_figure("mine") is None


def test_figures_of_the_test_choose_nothing_whoever_wrote_them() -> None:
    metric = {"mine": {"_target_": "of_a_user.Plain"}, "others": {"_target_": "of_a_user.Worked"}}
    config = {"metric": metric, "monitor": "val/plain/vessel", "scheduler": {"monitor": None}, "loss": {}}
    assert list(chosen_figures(config)) == ["plain"]
    with pytest.raises(ConfigError, match=r"^monitor: val/plain/vessel: plain is measured at the test only"):
        check_monitors(config)


def test_a_direction_that_is_none_is_refused() -> None:
    metric = {"mine": {"_target_": "of_a_user.Wrong"}}
    config = {"metric": metric, "monitor": "val/miou", "scheduler": {"monitor": None}, "loss": {}}
    with pytest.raises(ConfigError, match=r"^metric: found 'lower' as the direction of wrong, expected min or max"):
        check_monitors(config)


def test_reading_imports_nothing() -> None:
    code = (
        "import sys; from segexp.config.signatures.declared_figures import shipped_figures; shipped_figures(); "
        "sys.exit(bool({'torch', 'cv2', 'segexp.metrics'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
