"""A kind of task of one file and one YAML trains, is checkpointed, resumed, swept, reported and compared."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from segexp import load, load_task
from segexp.cli.app import run
from segexp.errors import ConfigError, DataError, StoredError
from segexp.report.pictures.png import save_png
from segexp.spec import DataSpec
from tests.tasks.counting.counting import CountedScenes, ValueTarget
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
    assert run(words(f"resume={folders()[0]}/checkpoints/last.ckpt")) == 0
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


def evaluated(straight: Path, *more: str) -> Path:
    before = set(straight.glob("evaluations/*/*"))
    assert run(["evaluate", f"run={straight}", "panels=0", "bootstrap=20", "device=cpu", "trust=[tests]", *more]) == 0
    (found,) = set(straight.glob("evaluations/*/*")) - before
    return found


def test_is_evaluated_with_the_figures_of_its_test(straight: Path) -> None:
    again, first = read_json(evaluated(straight) / "results.json"), read_json(straight / "results.json")
    assert again["kind"] == "counting"
    for key in ("dataset", "image", "interval"):
        assert again["rows"][0][key] == first["rows"][0][key]
    assert again["labels"] == {"mae": "MAE", "rmse": "RMSE"}
    on_val = read_json(evaluated(straight, "phase=val") / "results.json")
    assert on_val["split"]["name"] == "val" and on_val["rows"][0]["dataset"] != first["rows"][0]["dataset"]


def test_is_loaded_and_says_what_its_test_counted(straight: Path) -> None:
    model = load_task(straight, device="cpu", trust=["tests"])
    item = CountedScenes(scene="cells", size=64).read()["test"][0]
    said = model.predict(item.image)
    assert said.image is None and said.values == {"objects": round(float(model.outputs(item.image)), 3)}
    with pytest.raises(ConfigError, match=r"is of kind counting, expected a segmentation; segexp\.load_task loads any"):
        load(straight, device="cpu", trust=["tests"])


def test_predicts_a_table(straight: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, item in enumerate(CountedScenes(scene="cells", size=64).read()["test"][:2]):
        save_png(tmp_path / "in" / f"{number}.png", item.image)
    (tmp_path / "in" / "bad.png").write_bytes(b"no image")
    call = ["predict", f"run={straight}", f"input={tmp_path / 'in'}", f"output={tmp_path / 'out'}", "device=cpu"]
    call += ["trust=[tests]"]
    assert run(call) == 1
    found = {Path(row["file"]).name: row for row in rows(tmp_path / "out", "predictions.csv")}
    assert [found[name]["state"] for name in ("0.png", "1.png", "bad.png")] == ["done", "done", "failed"]
    model = load_task(straight, device="cpu", trust=["tests"])
    assert float(found["1.png"]["objects"]) == model.predict(tmp_path / "in" / "1.png").values["objects"]
    assert run(call) == 2
    assert "predictions.csv is there already" in capsys.readouterr().err
    (tmp_path / "in" / "bad.png").unlink()
    assert run([*call, "overwrite=true"]) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["predict", "input=x.png", "output=out", "threshold=0.5"], "threshold: found 0.5, but"),
        (["predict", "input=x.png", "output=out", "tta=d4"], "whose outputs are not of pixels: tta, precision and"),
        (["predict", "input=x.png", "output=out", "engine=ray"], "engine: found ray"),
        (["evaluate", "metric=hd95"], "metric: found hd95, but Counting takes no costly measures"),
        (["evaluate", "datamodule=synthetic"], "its target is segmentation"),
        (["export", "int8=true"], "int8: what it costs is measured in IoU, but"),
        (["demo"], "is of kind counting, expected a segmentation"),
    ],
)
def test_what_makes_no_sense_for_it_is_refused(
    straight: Path, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("segexp.inference.demo.command.check_gradio", lambda: None)
    save_png(Path("x.png"), np.zeros((64, 64, 3), np.uint8))
    before = sorted(straight.rglob("*"))
    assert run([words[0], f"run={straight}", "device=cpu" if words[0] != "export" else "rounds=0", "trust=[tests]",
                *words[1:]]) == 2  # fmt: skip
    told = [line for line in capsys.readouterr().err.splitlines() if message in line]
    assert len(told) == 1
    assert sorted(straight.rglob("*")) == before and not Path("out").exists()


@pytest.mark.slow
def test_is_exported(straight: Path) -> None:
    image = CountedScenes(scene="cells", size=32).read()["test"][0].image
    expected = load_task(straight, device="cpu", trust=["tests"]).outputs(image)
    for form, ending in (("safetensors", "safetensors"), ("torch_export", "pt2")):
        call = ["export", f"run={straight}", f"format={form}", f"output=m.{ending}", "rounds=0", "images=1"]
        assert run([*call, "trust=[tests]"]) == 0
        told = read_json(Path(f"m.{ending}.json"))
        assert (told["kind"], told["outputs"], told["image_size"]) == ("counting", ["outputs"], [32, 32])
        assert told["target"]["what"] == "nucleus"
    np.testing.assert_array_equal(load_task("m.safetensors", device="cpu", trust=["tests"]).outputs(image), expected)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None]
    np.testing.assert_allclose(torch.export.load("m.pt2").module()(batch)[0][0].detach(), expected, atol=1e-4)


def test_its_samples_are_previewed_and_its_model_and_data_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["preview", *words("images=2", "epochs=1", "workers=[0]", "step=false")]) == 0
    (facts,) = Path("outputs").glob("preview/*/preview.json")
    content = read_json(facts)
    assert content["ignored"] == 0.0 and content["classes"] == []
    assert (facts.parent / "preview.png").is_file() and (facts.parent / "preview.html").is_file()
    assert run(["check", *words()]) == 0
    assert "monitor val/mae" in capsys.readouterr().out


def test_a_target_whose_package_is_not_there_is_named(straight: Path, tmp_path: Path) -> None:
    content = torch.load(straight / "checkpoints" / "best.ckpt", weights_only=True)
    content["segexp"]["spec"]["target"]["_target_"] = "not_installed.Target"
    torch.save(content, tmp_path / "other.ckpt")
    with pytest.raises(DataError, match=r"other\.ckpt: .*not_installed"):
        load_task(tmp_path / "other.ckpt", device="cpu", trust=["tests", "not_installed"])
    with pytest.raises(StoredError, match="not_installed"):
        load_task(tmp_path / "other.ckpt", device="cpu", trust=["tests"])
