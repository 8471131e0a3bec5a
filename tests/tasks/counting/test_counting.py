"""A kind of task of one file and one YAML trains, is checkpointed, resumed, swept, reported and compared."""

import csv
import re
from pathlib import Path

import pytest
import torch

from segexp.cli.app import run
from segexp.spec import DataSpec
from tests.tasks.counting.counting import ValueTarget
from tests.training.runs import TINY, folders, read_json

CONF = Path(__file__).parent / "conf"
FEW = tuple(word for word in TINY if not word.startswith(("datamodule=", "datamodule.crop_size=")))
WORDS = ("--config-dir", str(CONF), "task=counting", *FEW, "trainer.max_epochs=3", "model=unet_little", "bootstrap=20")
STOP = "callbacks.extra=[{_target_: tests.training.parts.Stop, epoch: 2}]"


def words(*more: str) -> list[str]:
    return [word for word in WORDS if not word.startswith(("model.base", "model.depth", "model=cunet"))] + [*more]


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="") as stream:
        return [{key: value for key, value in row.items() if key != "seconds"} for row in csv.DictReader(stream)]


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("counting")
    assert run(words(f"output_dir={place}")) == 0
    return folders(place)[0]


def test_trains_and_says_what_it_found(straight: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = read_json(straight / "results.json")
    assert results["kind"] == "counting"
    assert [row["name"] for row in results["rows"]] == ["model", "mean"]
    assert set(results["rows"][0]["dataset"]) == set(results["directions"]) == {"mae", "rmse"}
    assert results["rows"][0]["interval"]["dataset"]["mae"][0] <= results["rows"][0]["dataset"]["mae"]
    logged = rows(straight, "metrics.csv")
    assert {"train/loss", "val/loss", "val/mae", "val/rmse", "lr"} <= set(logged[0])
    best = min(logged, key=lambda row: float(row["val/mae"]))
    assert results["checkpoint"]["epoch"] == int(best["epoch"])
    assert {row["image"] for row in rows(straight, "per_image.csv")} == {f"test_00{number}" for number in range(3)}


def test_the_page_shows_its_figures_and_none_of_masks(straight: Path) -> None:
    assert run(["report", f"run={straight}"]) == 0
    page = (straight / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<section id="([a-z-]+)"', page) == [
        "figures", "curves", "data", "cost", "reproduce", "environment"
    ]  # fmt: skip
    assert "MAE ↓" in page
    assert "IoU" not in page


def test_its_target_travels_in_the_checkpoint(straight: Path) -> None:
    plain = torch.load(straight / "checkpoints" / "best.ckpt", weights_only=True)["segexp"]["spec"]
    assert plain["target"] == {"_target_": "tests.tasks.counting.counting.ValueTarget", "what": "nucleus"}
    assert DataSpec.from_dict(plain, lambda _: ValueTarget).target == ValueTarget("nucleus")


def test_goes_on_where_it_was_interrupted(straight: Path) -> None:
    assert run(words(STOP)) == 130
    assert run(words(f"resume={folders()[0]}")) == 0
    resumed = folders()[-1]
    assert rows(resumed, "metrics.csv") == rows(straight, "metrics.csv")
    assert rows(resumed, "per_image.csv") == rows(straight, "per_image.csv")


def test_a_monitor_that_it_does_not_log_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words("monitor=val/miou")) == 2
    assert "monitor: nothing is logged as 'val/miou'" in (said := capsys.readouterr().err)
    assert "val/mae" in said
    assert not folders()


def test_views_are_refused_before_anything_is_trained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words("tta=d4")) == 2
    assert "tta: found d4" in capsys.readouterr().err
    assert not folders()


def test_is_swept_and_compared_apart_from_segmentations(straight: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words("-m", "seed=0,1", "sweep.jobs=1")) == 0
    assert "MAE" in capsys.readouterr().out
    assert run([*TINY, "metric=none", "bootstrap=0", "datamodule.scene=cells", "loss=ce", "name=masks"]) == 0
    capsys.readouterr()
    assert run(["compare", f"runs=[outputs,{straight}]", "out=together"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^A: .*\n\nconfiguration +n +mean IoU per image", said, flags=re.MULTILINE)
    assert re.search(r"^B: .*\n\nconfiguration +n +MAE per image", said, flags=re.MULTILINE)
