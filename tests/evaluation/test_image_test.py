"""A reconstruction is trained on drawn digits, tested, drawn, loaded, encoded and decoded; nothing asks for masks."""

import csv
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from segexp import load_autoencoder
from segexp.cli.app import run
from tests.training.runs import folders, read_json

FEW = (
    "datamodule.generate=true", "model.base=4", "trainer.max_epochs=2", "trainer.accelerator=cpu", "bootstrap=20",
    "trainer.progress=none", "datamodule.loader.num_workers=0", "panels=3",
)  # fmt: skip
WORDS = ("experiment=mnist_cae", *FEW)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def size(path: Path) -> tuple[int, ...]:
    return tuple(np.asarray(cv2.imread(str(path))).shape)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("digits")
    assert run([*WORDS, f"output_dir={place}", "logger=tensorboard", "panel_epochs=[1]", "val_panels=2"]) == 0
    return folders(place)[0]


def test_figures_stand_beside_the_mean_image_and_say_what_they_are(trained: Path) -> None:
    results = read_json(trained / "results.json")
    assert (results["kind"], results["task"]["datamodule"]) == ("reconstruction", "mnist (drawn)")
    model, trivial = results["rows"]
    assert (model["name"], trivial["name"]) == ("model", "mean training image")
    assert model["note"] == "through a code of 2 numbers"
    assert set(model["dataset"]) == {"mse", "psnr", "knn_accuracy"} == set(results["directions"])
    assert set(trivial["dataset"]) == {"mse", "psnr"}
    assert model["dataset"]["psnr"] == pytest.approx(-10 * np.log10(model["dataset"]["mse"]))
    assert 0 < model["dataset"]["knn_accuracy"] <= 1
    assert results["units"] == {"psnr": "dB"}
    assert "whose 5 nearest codes, of the 300 training images" in results["meanings"]["knn_accuracy"]
    by_image = {row["image"]: float(row["mse"]) for row in rows(trained / "per_image.csv") if row["row"] == "model"}
    assert len(by_image) == 120
    assert np.mean(list(by_image.values())) == pytest.approx(model["dataset"]["mse"], abs=1e-6)
    assert any("hold_out=false: all 300 images of train are trained on" in note for note in results["notes"])


def test_the_model_is_the_laboratorys_but_for_its_width(trained: Path) -> None:
    record = read_json(trained / "run.json")
    assert record["data"]["classes"] == ["1", "5", "6"]
    assert record["data"]["train"]["shape"] == [300, 1, 28, 28]
    logged = rows(trained / "metrics.csv")
    assert [float(row["val/loss"]) for row in logged] == pytest.approx([float(row["val/mse"]) for row in logged])


def test_pictures_are_there_with_their_sizes(trained: Path) -> None:
    panels = read_json(trained / "results.json")["panels"]
    assert [entry["rank"] for entry in panels] == ["worst", "middle", "best"]
    errors = [entry["figures"]["mse"] for entry in panels]
    assert errors == sorted(errors, reverse=True)
    # Three parts of 28 pixels, ten times as large.
    shapes = [size(trained / entry["file"]) for entry in panels]
    assert all(height > 280 and 3 * 280 < width < 4 * 280 for height, width, _ in shapes)
    assert size(trained / "panels/reconstructions.png")[1] > 12 * 84
    grid = size(trained / "panels/latents/grid.png")
    assert grid[1] > 15 * 28
    assert grid[0] > 15 * 28
    assert size(trained / "panels/latents/point.png")[0] > 280
    assert size(trained / "latents.png")[0] > 300
    assert len(list((trained / "panels").glob("**/epoch_0001_*.png"))) == 2


def test_codes_are_a_table_and_their_plane_is_told(trained: Path) -> None:
    found = rows(trained / "latents.csv")
    plane = read_json(trained / "results.json")["latents"]
    assert len(found) == 120 == plane["shown"]
    assert set(found[0]) == {"image", "class", "x", "y", "code_1", "code_2"}
    assert {row["class"] for row in found} == {"1", "5", "6"}
    assert all((row["x"], row["y"]) == (row["code_1"], row["code_2"]) for row in found)
    assert plane["point"] == {"latent": [2, -4], "place": [2.0, -4.0]}
    model = load_autoencoder(trained, device="cpu")
    assert model.latent == 2


def test_the_page_has_the_sections_of_its_kind(trained: Path) -> None:
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert re.findall(r'<section id="([a-z-]+)"', page) == [
        "figures", "panels", "latents", "curves", "data", "cost", "reproduce", "environment"
    ]  # fmt: skip
    assert "Images and what comes back of them, from worst to best" in page
    assert "Codes of 120 test images" in page
    assert "120 images. A code has 2 numbers; the plane is that of these numbers." in page
    assert "Decoded from the code that was asked for" in page
    assert "IoU" not in page.split("<section id=")[1]


def test_loggers_are_shown_the_same_pictures(trained: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    (place,) = (trained / "tensorboard").iterdir()
    assert place.name.startswith("experiment=mnist_cae datamodule.generate=true")
    events = EventAccumulator(str(place), size_guidance={"images": 0})
    events.Reload()
    shown = {tag.rpartition("/")[2] for tag in events.Tags()["images"] if tag.startswith("panels/test/")}
    assert {"reconstructions", "latents-grid", "latents-point", "latents"} <= shown
    assert {entry["image"] for entry in read_json(trained / "results.json")["panels"]} <= shown
    assert sum(tag.startswith("panels/val/") for tag in events.Tags()["images"]) == 2


def test_a_code_of_many_numbers_is_seen_along_its_components(tmp_path: Path) -> None:
    words = [*WORDS, "model.latent=6", "task.latent=[0,0,0,0,0,1]", "trainer.max_epochs=1"]
    assert run(words) == 0
    (folder,) = folders()
    plane = read_json(folder / "results.json")["latents"]
    assert plane["numbers"] == 6
    assert plane["axes"][0].startswith("first principal component of the codes")
    assert 0 < plane["share"][1] <= plane["share"][0] <= 1
    found = rows(folder / "latents.csv")
    codes = np.array([[float(row[f"code_{n}"]) for n in range(1, 7)] for row in found])
    placed = (codes - plane["origin"]) @ np.array(plane["directions"]).T
    assert placed == pytest.approx(np.array([[float(row["x"]), float(row["y"])] for row in found]), abs=1e-4)
    assert "first two principal components" in (folder / "report.html").read_text(encoding="utf-8")


def test_encode_and_decode_from_the_command_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["encode", f"run={trained}", "output=codes.csv"]) == 0
    own = {row["image"]: row for row in rows(Path("codes.csv"))}
    for row in rows(trained / "latents.csv"):
        assert [float(own[row["image"]][f"code_{n}"]) for n in (1, 2)] == pytest.approx(
            [float(row["code_1"]), float(row["code_2"])], abs=1e-4
        )
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:16] = 255
    cv2.imwrite("one.png", image)
    assert run(["encode", f"run={trained}", "input=one.png", "output=one.csv"]) == 0
    (row,) = rows(Path("one.csv"))
    model = load_autoencoder(trained, device="cpu")
    code = model.encode(image)
    assert code.shape == (2, 1, 1)
    assert code.ravel() == pytest.approx([float(row["code_1"]), float(row["code_2"])], abs=1e-5)
    assert model.decode(code) == pytest.approx(model.reconstruct("one.png"), abs=1e-6)
    assert run(["decode", f"run={trained}", "latent=[2,-4]", "output=at.png"]) == 0
    assert "written: at.png, at_codes.png" in capsys.readouterr().out
    drawn = cv2.imread("at.png", cv2.IMREAD_UNCHANGED)
    expected = np.rint(np.clip(model.decode([2, -4])[..., 0], 0, 1) * 255)
    assert np.array_equal(drawn, expected)
    assert size(Path("at_codes.png"))[1] > 400


def test_is_tested_again_with_the_same_figures(trained: Path) -> None:
    assert run(["evaluate", f"run={trained}", "bootstrap=0"]) == 0
    (again,) = (trained / "evaluations").glob("*/*/results.json")
    first, second = (read_json(path)["rows"][0]["dataset"] for path in (trained / "results.json", again))
    assert {name: second[name] for name in ("mse", "psnr")} == pytest.approx({n: first[n] for n in ("mse", "psnr")})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["decode", "latent=[1]"], "latent: found 1 numbers, expected 2"),
        (["decode", "latent=[1,2]", "output=at.jpg"], "output: found at.jpg, expected a file that ends with .png"),
        (["decode"], "latent: must be given"),
        (["encode", "input=nothing.png"], "nothing.png"),
    ],
)
def test_what_cannot_be_is_one_line(
    words: list[str], said: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([words[0], f"run={trained}", *words[1:]]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["task.latent=[1]"], "task.latent: found 1 numbers, expected 2"),
        (["model.kernel=8"], "use multiples of 4 of at least 32"),
        (["loss=bce"], "loss=bce compares the classes of pixels, task=reconstruction takes no such loss: use loss=mse"),
        (["monitor=val/miou"], "nothing is logged as 'val/miou'"),
    ],
)
def test_what_does_not_fit_is_said_before_a_folder_is_made(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*WORDS, *words]) == 2
    assert said in capsys.readouterr().err
    assert not folders()


def test_a_larger_image_has_a_map_of_codes_and_masks_are_not_learnt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The table of codes is whole, also where results.json leaves the directions of the plane out.
    monkeypatch.setattr("segexp.evaluation.image_test.MOST_NUMBERS", 4)
    scenes = (
        "task=reconstruction", "datamodule=synthetic", "datamodule.size=36", "datamodule.crop_size=null",
        "datamodule.train_images=4", "datamodule.val_images=2", "datamodule.test_images=3",
        "datamodule.crops_per_image=1", "datamodule.loader.batch_size=2",
    )  # fmt: skip
    assert run([*scenes, *(word for word in FEW if "generate" not in word), "task.latent=[0,1]"]) == 0
    (folder,) = folders()
    results = read_json(folder / "results.json")
    # 36 pixels are 9 of the last map but one, 3 places of the 7x7 convolution: 2 x 3 x 3 numbers.
    assert results["latents"]["numbers"] == 18
    assert results["rows"][0]["note"] == "through 3x3 codes of 2 numbers, together 18"
    assert list(rows(folder / "latents.csv")[0])[4:] == [f"code_{n}" for n in range(1, 19)]
    assert results["latents"]["classes"] is None
    assert results["latents"]["point"] == {"latent": [0, 1], "place": None}
    assert (folder / "panels/latents/grid.png").is_file()
    model: Any = load_autoencoder(folder, device="cpu")
    assert model.encode(np.zeros((36, 40, 3), np.uint8)).shape == (2, 3, 4)
    assert model.decode(np.zeros((2, 3, 4))).shape == (36, 40, 3)


def test_a_trained_encoder_starts_a_segmentation(trained: Path) -> None:
    words = (
        "model=cae_fcn", "model.base=4", "datamodule=synthetic", "datamodule.scene=cells", "datamodule.size=32",
        "loss=ce", "metric=none", "init_channels=adapt", f"init_from={trained}", "optimizer.lr=0",
        "datamodule.train_images=2", "datamodule.val_images=2", "datamodule.test_images=2", "datamodule.crop_size=null",
        "datamodule.crops_per_image=1", "optimizer=sgd", "scheduler=none", "optimizer.weight_decay=0",
    )  # fmt: skip
    assert run([*words, *(word for word in FEW if not word.startswith(("datamodule.generate", "model")))]) == 0
    (folder,) = folders()
    before, after = (
        torch.load(path / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for path in (trained, folder)
    )
    for name in ("encoder.0.bias", "encoder.2.weight", "encoder.2.bias"):
        assert torch.equal(before[f"model.{name}"], after[f"model.{name}"]), name
    # One grey channel became three of colour: their sum on a grey image is the same.
    grey = after["model.encoder.0.weight"].sum(1, keepdim=True)
    assert torch.allclose(grey, before["model.encoder.0.weight"], atol=1e-6)
    facts = read_json(folder / "run.json")["init_from"]
    assert facts["loaded"] == 4
