import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp import load
from segexp.cli.app import run
from tests.data.folder.test_training import train
from tests.inference.conftest import Finished, trained
from tests.training.runs import Done


def evaluate(path: Path | str, *overrides: str) -> int:
    return run(["evaluate", f"run={path}", "device=cpu", "panels=2", "bootstrap=20", *overrides])


def newest(parent: Path) -> dict:
    return json.loads(max(parent.rglob("results.json"), key=lambda path: path.stat().st_mtime_ns).read_text())


def folder_of(count: int, *, size: int = 48, values: tuple[int, int] = (0, 255)) -> np.ndarray:
    """Images and masks of squares in a layout of one's own; gives the masks."""
    masks = []
    for number in range(count):
        Path("mine/photos").mkdir(parents=True, exist_ok=True)
        Path("mine/truth").mkdir(exist_ok=True)
        rng = np.random.default_rng(number)
        mask = np.zeros((size, size), np.uint8)
        mask[10:30, 8 + number : 25] = 1
        image = rng.integers(0, 80, (size, size, 3), dtype=np.uint8) + 120 * mask[..., None]
        Image.fromarray(image).save(f"mine/photos/{number}.png")
        Image.fromarray(np.array(values, np.uint8)[mask]).save(f"mine/truth/{number}.png")
        masks.append(mask)
    return np.stack(masks)


MINE = (
    "datamodule=folder",
    "datamodule.root=mine",
    "datamodule.images=photos/*.png",
    "datamodule.masks=truth/{stem}.png",
)


def test_own_data_give_the_figures_of_the_run_again(
    finished: Finished, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert evaluate(finished.path, f"out={tmp_path}/own") == 0
    content = newest(tmp_path / "own")
    before = finished.content
    assert content["confusion"] == before["confusion"]
    for here, there in zip(content["rows"], before["rows"], strict=False):
        assert here["dataset"] == there["dataset"]
        assert here["image"] == there["image"]
    assert [row["name"] for row in content["rows"]] == ["model", "model at 0.5"]  # trivial rules need training images
    assert content["threshold"] == before["threshold"]
    assert content["checkpoint"]["epoch"] == before["checkpoint"]["epoch"]
    assert content["split"] == before["split"]
    told = capsys.readouterr().out
    assert "mean IoU" in told
    assert f"{content['rows'][0]['dataset']['miou']:.4f}" in told
    (place,) = (tmp_path / "own").glob("synthetic_test/*")
    assert {path.name for path in place.iterdir()} >= {
        "config.yaml", "confusion.png", "log.txt", "panels", "per_image.csv", "report.html", "results.json", "run.json",
        "scores.png",
    }  # fmt: skip
    record, of_training = (json.loads((path / "run.json").read_text()) for path in (place, finished.path))
    assert record["model"]["name"] == of_training["model"]["name"] == "cunet"
    assert record["command"] == "python -m " + shlex.join(
        ["segexp", "evaluate", f"run={finished.path}", "device=cpu", "panels=2", "bootstrap=20", f"out={tmp_path}/own"]
    )
    assert len(list((place / "panels").glob("*.png"))) == len(list((place / "panels" / "layers").iterdir())) == 2


def test_validation_gives_the_number_that_training_saw(tmp_path: Path) -> None:
    """In windows and by each image's own statistics, which must be those of the whole image."""
    keys = ("inference.window=24", "datamodule.normalize=image", "datamodule.scene=buildings", "monitor=val/auc")
    done = trained(tmp_path, *keys)
    assert evaluate(done.path, "phase=val") == 0
    content = newest(done.path / "evaluations")
    assert content["split"]["name"] == "val"
    (row,) = done.rows
    at_half = content["rows"][1]["dataset"]
    assert at_half["miou"] == pytest.approx(float(row["val/miou"]), abs=1e-7)  # Lightning logs float32
    assert at_half["dice"]["building"] == pytest.approx(
        float(row["val/dice/building"]), abs=1e-7
    )  # Lightning logs float32
    assert content["rows"][1]["image"]["miou"] == pytest.approx(
        float(row["val/image_miou"]), abs=1e-7
    )  # Lightning logs float32
    assert content["rows"][0]["dataset"]["auc"] == pytest.approx(float(row["val/auc"]), abs=1e-6)


def test_another_folder_is_tested_whole(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """Two images would be too few for a split."""
    masks = folder_of(2)
    values = "datamodule.mask_values={0: background, 255: building}"
    assert evaluate(finished.path, *MINE, values, "metric=none", "threshold=0.4", "out=here", "tta=flips") == 0
    content = newest(Path("here"))
    assert content["split"]["name"] == "all"
    assert content["split"]["images"] == 2
    assert content["task"]["tta"] == "flips"
    assert content["threshold"]["rule"] == "as given"
    assert content["threshold"]["value"] == pytest.approx(0.4)
    model = load(finished.path, tta="flips", threshold=0.4)
    found = np.stack([model.predict(f"mine/photos/{number}.png") for number in range(2)])
    expected = [[int(((masks == t) & (found == p)).sum()) for p in (0, 1)] for t in (0, 1)]
    assert content["confusion"] == expected
    with next(Path("here").rglob("per_image.csv")).open() as stream:
        assert len(list(csv.DictReader(stream))) == 4
    assert "folder, all: 2 images" in capsys.readouterr().out


def test_a_split_that_is_asked_for_is_meant(finished: Finished) -> None:
    folder_of(6)
    values = "datamodule.mask_values={0: background, 255: building}"
    assert evaluate(finished.path, *MINE, values, "metric=none", "datamodule.split=holdout", "out=here") == 0
    content = newest(Path("here"))
    assert content["split"]["name"] == "test"
    assert content["split"]["images"] < 6


def test_what_does_not_fit(finished: Finished, cells: Done, capsys: pytest.CaptureFixture[str]) -> None:
    folder_of(2)
    for overrides, words in (
        ((*MINE, "datamodule.mask_values={0: background, 255: road}"), "those of the model background, building"),
        (("datamodule.siez=3",), "Did you mean 'datamodule.size'?"),
        (("datamodule.siez=3", "datamodule=synthetic"), "Did you mean 'datamodule.size'?"),
        (("datamodule=folder",), "datamodule.root: must be given"),
        (("phase=dev",), "phase: found 'dev'"),
        (("metric=hd59",), "hd59"),
    ):
        assert evaluate(finished.path, *overrides) == 2
        assert words in capsys.readouterr().err
    Image.fromarray(np.full((48, 48), 7, np.uint8)).save("mine/truth/1.png")
    assert evaluate(finished.path, *MINE, "datamodule.mask_values={0: background, 255: building}") == 2
    assert "mine/truth/1.png" in capsys.readouterr().err
    assert not (finished.path / "evaluations").exists()


def test_keys_of_the_own_data_set_and_images_that_were_trained_on(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(finished.path, "datamodule.test_images=2", "phase=all", "metric=none", "out=here") == 0
    content = newest(Path("here"))
    assert content["split"]["images"] == 8 + 4 + 2
    assert any("8 of 14 images bear names that the model was trained on" in note for note in content["notes"])


def test_several_runs_as_a_table_or_as_an_ensemble(
    finished: Finished, second: Done, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = f"[{finished.path},{second.path}]"
    assert evaluate(runs, "metric=none", "out=here", "panels=0") == 0
    told = capsys.readouterr().out
    assert told.count("report      ") == 2
    assert "/".join(second.path.parts[-2:]) in told.split("runs\n")[-1]
    assert (
        evaluate(runs, "metric=none", "ensemble=mean", "panels=0", "datamodule.scene=buildings", "datamodule.size=48")
        == 0
    )
    content = newest(Path("outputs/evaluations"))
    assert len(content["runs"]) == 2
    assert content["checkpoint"]["ensemble"] == "mean"
    model = load([finished.path, second.path])
    assert content["threshold"]["value"] == pytest.approx(model.threshold)


def test_trivial_predictors_are_those_of_the_training_and_choose_nothing_on_other_parts(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(finished.path, "baselines=true", "metric=none", "panels=0", "bootstrap=0", "out=here") == 0
    tested = {row["name"]: row["dataset"]["miou"] for row in newest(Path("here"))["rows"]}
    trained = json.loads((finished.path / "results.json").read_text(encoding="utf-8"))["rows"]
    assert {"all background", "Otsu"} <= tested.keys()
    assert {row["name"]: row["dataset"]["miou"] for row in trained if row["name"] in tested} == tested
    assert evaluate(finished.path, "baselines=true", "phase=all", "out=never") == 2
    assert "phase=all of this data set leaves none for that" in capsys.readouterr().err
    assert not Path("never").exists()


def three_colours(root: str, seeds: range, shown: int) -> None:
    """Images with masks of the first so many of three colours."""
    colours = np.array([(0, 0, 0), (48, 112, 32), (176, 112, 32)], np.uint8)
    for folder in ("images", "masks"):
        Path(root, folder).mkdir(parents=True)
    for seed in seeds:
        mask = np.arange(48)[:, None].repeat(48, axis=1) * shown // 48
        image = np.random.default_rng(seed).integers(0, 60, (48, 48, 3), dtype=np.uint8) + 60 * mask[..., None]
        Image.fromarray(image.astype(np.uint8)).save(f"{root}/images/{seed}.png")
        Image.fromarray(colours[mask]).save(f"{root}/masks/{seed}.png")


def test_a_folder_that_does_not_show_all_classes(capsys: pytest.CaptureFixture[str]) -> None:
    three_colours("train", range(6), 3)
    three_colours("other", range(20, 23), 2)
    done = train("datamodule.root=train", "loss=ce", "panels=0", "baselines=false")
    classes = ["black", "colour_48_112_32", "colour_176_112_32"]
    other = ("datamodule=folder", "datamodule.root=other", "metric=none", "out=here")
    capsys.readouterr()
    assert evaluate(done.path, *other) == 0
    content = newest(Path("here"))
    told = "no pixel of colour_176_112_32 in any of the 3 images: the figures say nothing about it"
    assert told in content["notes"]
    assert any(note.startswith("mask values mean what they meant in training: ") for note in content["notes"])
    assert np.array(content["confusion"]).sum(axis=1).tolist() == [3 * 24 * 48, 3 * 24 * 48, 0]
    # A colour that training did not know is asked about, and the line that is proposed works as it stands.
    for path in Path("other/masks").iterdir():
        pixels = np.asarray(Image.open(path)).copy()
        pixels[pixels[..., 1] > 0] = (200, 30, 90)
        Image.fromarray(pixels).save(path)
    capsys.readouterr()
    assert evaluate(done.path, *other) == 2
    text = capsys.readouterr().err
    assert f"those of the model {', '.join(classes)}" in text
    (line,) = shlex.split(text[text.index("'datamodule.mask_values=") :])
    assert evaluate(done.path, *other, line) == 0
    assert np.array(newest(Path("here"))["confusion"]).sum(axis=1).tolist() == [3 * 24 * 48, 3 * 24 * 48, 0]
