"""The parts of docs/extending.md, written out as they stand there, train together and keep what they promise."""

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.training.loggers.wandb_media import figure_tables
from tests.training.conftest import settings_of_torch

__all__ = ["settings_of_torch"]

ROOT = Path(__file__).resolve().parents[1]
FILE = re.compile(r"^`(my_[\w/.]+)`[^\n]*:\n\n```\w+\n(.*?)```", re.DOTALL | re.MULTILINE)
FEW = (
    "model.width=4", "trainer.max_epochs=1", "trainer.accelerator=cpu", "trainer.progress=none", "speed=off",
    "bootstrap=20", "panels=0", "name=mine", "callbacks=default",
)  # fmt: skip


def commands(of: str) -> list[str]:
    text = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.startswith(f"python -m segexp {of}")]


def words(command: str) -> list[str]:
    return shlex.split(command)[3:]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all files of the page."""
    folder = tmp_path_factory.mktemp("parts")
    for name, content in FILE.findall((ROOT / "docs" / "extending.md").read_text(encoding="utf-8")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, encoding="utf-8")
    return folder


@pytest.fixture
def command(place: Path, monkeypatch: pytest.MonkeyPatch, settings_of_torch: None) -> Callable[..., int]:
    """Runs a command line in that folder; gives its exit code."""
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.syspath_prepend(place)
    monkeypatch.chdir(place)

    def run_here(*line: str) -> int:
        monkeypatch.setattr(sys, "argv", ["segexp", *line])
        return run(list(line))

    return run_here


@pytest.fixture
def trained(command: Callable[..., int], place: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The run folder of the page's training; what was printed stands in ``printed.txt`` beside it."""
    if not (place / "outputs").exists():
        assert command(*words(commands("generate")[0])) == 0
        capsys.readouterr()
        assert command(*words(commands("--config-dir")[0]), *FEW) == 0, capsys.readouterr().err
        (place / "printed.txt").write_text(capsys.readouterr().out, encoding="utf-8")
    (found,) = (place / "outputs" / "mine").iterdir()
    return found


def test_one_file_and_one_yaml_each(place: Path) -> None:
    parts = {path.relative_to(place).as_posix() for path in place.rglob("*.*") if path.is_file()}
    assert {"my_conf/model/tiny.yaml", "my_models/tiny.py", "my_conf/loss/huber.yaml", "my_parts/huber.py"} <= parts
    assert {"my_conf/metric/area_error.yaml", "my_conf/datamodule/leaves.yaml", "my_conf/logger/lines.yaml"} <= parts


def test_they_train_together(trained: Path) -> None:
    config = (trained / "config.yaml").read_text(encoding="utf-8")
    assert "my_parts.leaves.Leaves" in config
    lines = (trained / "lines.txt").read_text(encoding="utf-8")
    assert "val/miou" in lines
    assert lines.splitlines()[-1].startswith("tested ")


def test_the_label_and_direction_of_a_measure_are_everywhere(
    trained: Path, place: Path, command: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = json.loads((trained / "results.json").read_text(encoding="utf-8"))
    assert results["directions"]["area_error"] == "min"
    assert results["labels"]["area_error"] == "area error"
    assert results["meanings"]["area_error"] == "difference of the areas over their sum"
    assert "area error ↓" in (place / "printed.txt").read_text(encoding="utf-8")
    # Pages are made where the package is not.
    monkeypatch.setattr(sys, "path", [each for each in sys.path if Path(each) != place])
    for name in [name for name in sys.modules if name.split(".")[0] == "my_parts"]:
        monkeypatch.delitem(sys.modules, name)
    (trained / "report.html").unlink()
    assert command("report", str(trained)) == 0
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert "area error ↓" in page
    assert "difference of the areas over their sum" in page
    assert command("compare", str(trained), str(trained), "measure=area_error", "out=compared") == 0
    assert "area error leaf ↓" in Path("compared/summary.html").read_text(encoding="utf-8")
    tables = figure_tables(results)
    assert "area error ↓" in [row[0] for row in tables["test/figures/image"].data]


@pytest.mark.parametrize("line", [line for line in commands("check") if "scope=contracts" not in line])
def test_a_callback_is_checked(line: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert command(*words(line)) == 0, capsys.readouterr().out
    assert "config is valid" in capsys.readouterr().out


CONTRACTS = [line for line in commands("check") if "scope=contracts" in line]


@pytest.mark.parametrize("line", [line for line in CONTRACTS if "datamodule=" not in line])
def test_they_keep_what_they_promise(
    line: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(*words(line)) == 0, capsys.readouterr().out
    told = capsys.readouterr().out
    assert "  kept " in told
    assert "broken" not in told


def test_a_data_set_keeps_what_it_promises(
    trained: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = [line for line in commands("check") if "datamodule=" in line]
    assert command(*words(line), "format=json") == 0, capsys.readouterr().out
    told = json.loads(capsys.readouterr().out)
    assert {found["state"] for found in told["datamodule=leaves"]["promises"]} == {"kept"}


def test_a_broken_promise_ends_with_code_2(
    place: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    huber = (place / "my_parts" / "huber.py").read_text(encoding="utf-8")
    (place / "my_parts" / "sloppy.py").write_text(huber.replace("Huber", "Sloppy").replace("[valid]", ""))
    (place / "my_conf" / "loss" / "sloppy.yaml").write_text("# Sloppy\n_target_: my_parts.sloppy.Sloppy\n")
    assert command("check", "scope=contracts", "--config-dir", "my_conf", "loss=sloppy") == 2
    answer = capsys.readouterr()
    assert re.search(r"broken +ignored: .*\n +found .*ignored pixels.*, expected .*; leave pixels out", answer.out)
    assert re.match(r"segexp: loss=sloppy breaks \d+ of \d+ promises: .*ignored", answer.err)
    assert command("check", "scope=contracts", "seed=1") == 2
    assert "expected one at least of model=, loss=, metric= and datamodule=" in capsys.readouterr().err


def test_a_lightning_module_and_its_data_need_nothing_of_segexp(
    place: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's command; then shorter, by the page's YAML; and both compared."""
    for name in ("lit", "rings"):
        assert "segexp" not in (place / "my_parts" / f"{name}.py").read_text(encoding="utf-8")
    (line,) = [line for line in commands("--config-dir") if "LitClassifier" in line]
    few = ("trainer.max_epochs=2", "trainer.accelerator=cpu", "trainer.progress=none", "name=lit")
    assert command(*words(line), *few) == 0, capsys.readouterr().err
    short = ("--config-dir", "my_conf", "task=lit", "datamodule=lightning", "task.hidden=16")
    assert command(*short, "datamodule._target_=my_parts.rings.RingsDataModule", *few) == 0, capsys.readouterr().err
    first, second = (place / "outputs" / "lit").iterdir()
    found = json.loads((first / "results.json").read_text(encoding="utf-8"))
    assert 0.5 < found["rows"][0]["dataset"]["acc"] <= 1
    assert found["directions"] == {"acc": "max"}
    capsys.readouterr()
    assert command("compare", str(first), str(second), "out=compared") == 0
    assert re.search(r"acc +to the best", capsys.readouterr().out)
