"""Runs, checkpoints and an own model and loss of version 0.1, stored as it wrote them, still serve.

``tests/fixtures/v0_1`` was written by version 0.1.0 (commit 98fec69) with one thread on a CPU; pictures and pages are
left out. ``finished`` and ``interrupted`` (after one of three epochs) are runs of a built-in model, ``undisturbed.csv``
is the metrics.csv of the second had nobody interrupted it, ``own`` is a run of the model and loss in ``readme``, which
are those of 0.1's README.
"""

import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from hydra.core.global_hydra import GlobalHydra

from segexp import load
from segexp.config.migration import migrated
from segexp.errors import SegexpError
from tests.training.conftest import settings_of_torch

__all__ = ["settings_of_torch"]

STORED = Path(__file__).parent / "fixtures" / "v0_1"
SMALL = (
    "datamodule.size=64", "datamodule.crop_size=32", "datamodule.train_images=2", "datamodule.val_images=1",
    "datamodule.test_images=1", "datamodule.crops_per_image=1", "metric=[]", "bootstrap=0", "baselines=false",
    "panels=0", "speed=off", "trainer.max_epochs=1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings_of_torch: None) -> Path:
    """A copy of what is stored, as the working folder."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.chdir(tmp_path)
    shutil.copytree(STORED, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Runs a command line in this process; gives its exit code."""
    from segexp.cli.app import run

    def run_here(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["segexp", *words])
        GlobalHydra.instance().clear()
        return run(list(words))

    return run_here


@pytest.fixture
def packages(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packages of the user of 0.1 can be imported."""
    monkeypatch.syspath_prepend(here / "readme")
    for name in [name for name in sys.modules if name.split(".")[0] == "my_models"]:
        monkeypatch.delitem(sys.modules, name)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def only(pattern: str) -> Path:
    (found,) = Path().glob(pattern)
    return found


def test_a_finished_run_is_tested_again_with_the_same_figures(command: Callable[..., int]) -> None:
    assert command("evaluate", "run=finished", "device=cpu", "out=again", "panels=0", "bootstrap=0") == 0
    now, then = (
        json.loads(path.read_text()) for path in (only("again/*/*/results.json"), Path("finished/results.json"))
    )
    # A few pixels at the threshold may fall on the other side on another processor.
    assert np.abs(np.subtract(now["confusion"], then["confusion"])).max() <= 8
    assert now["split"] == then["split"]
    assert now["checkpoint"]["epoch"] == then["checkpoint"]["epoch"]
    assert now["rows"][0]["dataset"]["miou"] == pytest.approx(then["rows"][0]["dataset"]["miou"], abs=2e-3)
    assert {row["image"] for row in table(only("again/*/*/per_image.csv"))} == {"test_000", "test_001"}


def test_its_page_and_its_row_of_a_comparison_are_made(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("report", "finished") == 0
    assert "test_000" in Path("finished/report.html").read_text(encoding="utf-8")
    capsys.readouterr()
    assert command("compare", "finished", "own") == 0
    told = capsys.readouterr().out
    for run in ("finished", "own"):
        figure = json.loads(Path(run, "results.json").read_text())["rows"][0]["image"]["miou"]
        assert f"{figure:.4f}" in told


def test_its_config_is_that_of_a_new_run(command: Callable[..., int]) -> None:
    assert command("from=finished", "name=repeated") == 0
    now, then = (
        yaml.safe_load(path.read_text())
        for path in (only("outputs/repeated/*/config.yaml"), Path("finished/config.yaml"))
    )
    # Under the names of today.
    now["trainer"] = {key: now["trainer"][key] for key in then["trainer"]}  # more arguments are keys today
    assert {key: now[key] for key in then} == {**migrated(then), "name": "repeated"}
    rows = zip(table(only("outputs/repeated/*/metrics.csv")), table(Path("finished/metrics.csv")), strict=True)
    for new, old in rows:
        assert float(new["train/loss"]) == pytest.approx(float(old["train/loss"]), rel=1e-3)


def test_an_interrupted_run_goes_on_as_if_nobody_had_interrupted_it(command: Callable[..., int]) -> None:
    assert command("from=interrupted", "resume=interrupted", "name=on") == 0
    rows = zip(table(only("outputs/on/*/metrics.csv")), table(Path("interrupted/undisturbed.csv")), strict=True)
    for new, old in rows:
        for measure in ("epoch", "train/loss", "val/loss", "lr"):
            assert float(new[measure]) == pytest.approx(float(old[measure]), rel=1e-3)


def test_own_code_in_a_checkpoint_needs_trust(packages: None) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 56, 3), dtype=np.uint8)
    with pytest.raises(SegexpError, match=r"my_models\.tiny\.Tiny"):
        load("own", device="cpu")
    assert not [name for name in sys.modules if name.split(".")[0] == "my_models"]
    assert load("own", device="cpu", trust=["my_models"]).predict(image).shape == (40, 56)


def test_own_model_and_loss_as_in_the_readme_of_0_1_train(packages: None, command: Callable[..., int]) -> None:
    words = ("--config-dir", "readme/my_conf", "model=tiny", "model.width=8", "loss=margin", "name=mine")
    assert command(*words, *SMALL) == 0
    results = json.loads(only("outputs/mine/*/results.json").read_text())
    assert 0 <= results["rows"][0]["dataset"]["miou"] <= 1
    assert json.loads(only("outputs/mine/*/run.json").read_text())["model"]["parameters"] == 233
