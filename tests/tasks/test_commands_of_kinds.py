"""Every command serves a classification and a reconstruction, or says in a line why not."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from segexp import load_task
from segexp.cli.app import run
from segexp.data.items.forms import VALUE_FORM
from segexp.data.items.item import Item
from segexp.data.synthetic.labelled import write_class_folders
from segexp.inference.evaluate.command import comparison_table
from segexp.rasters import open_raster
from segexp.report.pictures.png import save_png
from segexp.tasks.classification import Classification
from tests.training.runs import folders, read_json, table, without

SIDE = 32
COMMON = (
    f"datamodule.image_size={SIDE}", "datamodule.loader.batch_size=4", "datamodule.loader.num_workers=0",
    "trainer.accelerator=cpu", "trainer.max_epochs=2", "trainer.progress=none", "speed=off", "bootstrap=20",
)  # fmt: skip
KINDS = {
    "classification": (
        "task=classification", "datamodule=image_folder", "model=resnet18", "model.base=2", "loss=ce",
    ),
    "reconstruction": ("task=reconstruction", "datamodule=images", "model=cae", "model.base=2", "model.kernel=8"),
}  # fmt: skip
FIGURE = {"classification": "accuracy", "reconstruction": "mse"}
STOP = "callbacks.extra=[{_target_: tests.training.parts.Stop, epoch: 1}]"


@dataclass(frozen=True)
class Trained:
    """A finished run of a kind."""

    kind: str
    path: Path
    images: Path

    @property
    def words(self) -> tuple[str, ...]:
        return (*KINDS[self.kind], f"datamodule.root={self.images}", *COMMON)

    @property
    def image(self) -> Path:
        return self.images / "cells" / "01.png"


@pytest.fixture(scope="module", params=list(KINDS))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    place = tmp_path_factory.mktemp(request.param)
    write_class_folders(place / "images", count=5, side=40)
    made = Trained(request.param, place, place / "images")
    assert run([*made.words, f"output_dir={place / 'runs'}"]) == 0
    (path,) = folders(place / "runs")
    return Trained(request.param, path, made.images)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.training.preview.SECONDS", 0.01)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_it_goes_on_and_is_repeated_to_the_last_digit_and_compared(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*trained.words, STOP]) == 130
    assert run([*trained.words, f"resume={folders()[0]}/checkpoints/last.ckpt"]) == 0
    resumed = folders()[-1]
    assert run([f"from={trained.path}", "output_dir=again"]) == 0
    for other in (resumed, folders(Path("again"))[0]):
        assert without(table(other / "metrics.csv"), "seconds") == without(
            table(trained.path / "metrics.csv"), "seconds"
        )
        assert rows(other / "per_image.csv") == rows(trained.path / "per_image.csv")
    capsys.readouterr()
    assert run(["compare", f"runs=[again,{trained.path}]", "out=together", "resamples=20"]) == 0
    label = {"classification": "accuracy", "reconstruction": "MSE"}[trained.kind]
    assert re.search(rf"^configuration +n +.*{label}", capsys.readouterr().out, flags=re.MULTILINE)
    assert (Path("together") / "summary.csv").is_file()


@pytest.mark.slow
def test_it_is_swept(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*trained.words, "-m", "seed=0,1", "sweep.jobs=1"]) == 0
    assert {read_json(path / "results.json")["kind"] for path in folders()} == {trained.kind}
    assert {"classification": "accuracy", "reconstruction": "MSE"}[trained.kind] in capsys.readouterr().out


def test_it_is_evaluated_with_the_figures_of_its_test_and_reported(trained: Trained) -> None:
    assert run(["evaluate", f"run={trained.path}", "panels=1", "bootstrap=20", "device=cpu"]) == 0
    (found,) = (trained.path / "evaluations").glob("*/*")
    again, first = read_json(found / "results.json"), read_json(trained.path / "results.json")
    assert again["kind"] == first["kind"] == trained.kind
    assert again["rows"][0]["dataset"] == first["rows"][0]["dataset"]
    compared = comparison_table(["one", "other"], [first, again])
    assert "mean IoU" not in compared.header
    assert {row[1] for row in compared.rows} == {f"{next(iter(first['rows'][0]['dataset'].values())):.4f}"}
    assert run(["report", f"run={trained.path}"]) == 0
    page = (trained.path / "report.html").read_text(encoding="utf-8")
    assert "mean IoU" not in page and f"{first['rows'][0]['dataset'][FIGURE[trained.kind]]:.4f}" in page


def seen(image: Path) -> np.ndarray:
    """An image as training saw it."""
    return Item("", open_raster(image).read(), form=VALUE_FORM).resized(SIDE).image


def test_it_predicts_what_it_says_in_python(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["predict", f"run={trained.path}", f"input={trained.images}", "output=out", "device=cpu", "progress=none"]
    assert run(call) == 0
    found = {row["file"]: row for row in rows(Path("out/predictions.csv"))}
    assert len(found) == 15 and {row["state"] for row in found.values()} == {"done"}
    model = load_task(trained.path, device="cpu")
    said, row = model.predict(trained.image), found[str(trained.image)]
    # The file is of another size than the data set made of it.
    np.testing.assert_array_equal(model.outputs(trained.image), model.outputs(seen(trained.image)))
    if trained.kind == "classification":
        assert row["class"] == said.values["class"]
        assert float(row["probability/cells"]) == said.values["probability/cells"]
        assert not list(Path("out").rglob("*.png"))
    else:
        assert row["picture"] == "cells/01.png" and said.image is not None
        np.testing.assert_array_equal(open_raster(Path("out/cells/01.png")).read().squeeze(), said.image.squeeze())
    assert run(call) == 2
    assert "predictions.csv is there already; give another folder, or overwrite=true" in capsys.readouterr().err
    assert run([*call, "overwrite=true"]) == 0
    Path("masks").mkdir()
    Path("masks/summary.csv").write_text("file,state\n")
    assert run([*call, "output=masks", "overwrite=true"]) == 2
    assert "summary.csv is there already; give another folder: it holds predictions of masks" in capsys.readouterr().err


def test_a_picture_of_somebody_else_stays(trained: Trained) -> None:
    if trained.kind == "classification":
        pytest.skip("it draws no pictures")
    save_png(Path("out/01.png"), np.full((3, 3), 7, np.uint8))
    call = ["predict", f"run={trained.path}", f"input={trained.image}", "output=out", "device=cpu"]
    assert run(call) == 1
    (row,) = rows(Path("out/predictions.csv"))
    assert row["state"] == "failed" and "01.png is there already; give another output, or overwrite" in row["error"]
    assert open_raster(Path("out/01.png")).read().shape == (3, 3, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["write=[overlay]"], "write: found [overlay], but"),
        (["format=tiff"], "format: found tiff, but"),
        (["depth=float32"], "depth: found float32, but"),
        (["polygons.format=gpkg"], "polygons.format: found gpkg, but"),
        (["polygons.simplify=1"], "polygons.simplify: found 1, but"),
        (["postprocess.min_size=5"], "postprocess.min_size: found 5, but"),
        (["threshold=0.5"], "threshold: found 0.5, but"),
        (["scale=0.5"], "scale: found 0.5, but"),
    ],
)
def test_keys_of_masks_are_refused(
    trained: Trained, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["predict", f"run={trained.path}", f"input={trained.image}", "output=out", "device=cpu", *words]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line and f"is of kind {trained.kind}" in line
    assert not Path("out").exists()


def onnx_output(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    told = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    assert told["outputs"] == [output.name for output in session.get_outputs()]
    return lambda batch: session.run(None, {"image": batch})[0]


def program_output(path: Path) -> Callable[[np.ndarray], np.ndarray]:
    module = torch.export.load(path).module()
    return lambda batch: module(torch.from_numpy(batch))[0].detach().numpy()


def test_its_exported_files_give_what_it_gives(trained: Trained) -> None:
    model = load_task(trained.path, device="cpu")
    images = [seen(trained.images / "cells" / f"0{number}.png") for number in range(3)]
    outputs = np.stack([model.outputs(image) for image in images])
    wanted = torch.from_numpy(outputs)
    expected = wanted.softmax(dim=1) if isinstance(model.module, Classification) else wanted
    batch = np.stack(images).transpose(0, 3, 1, 2)
    for form, ending, opened in (("onnx", "onnx", onnx_output), ("torch_export", "pt2", program_output)):
        path = Path(f"model.{ending}")
        assert run(["export", f"run={trained.path}", f"format={form}", f"output={path}", "rounds=0", "images=2"]) == 0
        np.testing.assert_allclose(opened(path)(batch), expected, atol=1e-5)
        told = read_json(Path(f"{path}.json"))
        assert (told["kind"], told["image_size"], told["dtype"]) == (trained.kind, [SIDE, SIDE], "uint8")
        assert told["classes"] == list(model.spec.classes) and told["mean"] == list(model.spec.mean)
        assert told["agreement"]["images"] == 1 + 3 + 2 and told["agreement"]["largest"] <= 1e-4


def test_its_weights_travel_as_safetensors(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["export", f"run={trained.path}", "format=safetensors", "output=model.safetensors", "rounds=0", "images=0"]
    assert run(call) == 0
    again, model = load_task("model.safetensors", device="cpu"), load_task(trained.path, device="cpu")
    assert again.spec == model.spec
    np.testing.assert_array_equal(again.outputs(trained.image), model.outputs(trained.image))
    assert run([*call, "int8=true"]) == 2
    assert run(["export", f"run={trained.path}", "int8=true"]) == 2
    assert "int8: what it costs is measured in IoU" in capsys.readouterr().err


def test_the_demo_says_that_it_shows_masks(
    trained: Trained, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("segexp.inference.demo.command.check_gradio", lambda: None)
    assert run(["demo", f"run={trained.path}", "device=cpu"]) == 2
    assert f"is of kind {trained.kind}, expected a segmentation" in capsys.readouterr().err


def test_it_is_previewed_and_checked(trained: Trained, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["preview", *trained.words, "images=2", "epochs=1", "workers=[0]", "step=false"]) == 0
    told = capsys.readouterr().out
    if trained.kind == "classification":
        assert re.search(r"^class +samples of it +images of it$", told, re.MULTILINE)
        assert "ignored" not in told
    else:
        assert re.search(r"^reconstruction +\d+ +\d+$", told, re.MULTILINE)
    assert run(["check", *trained.words]) == 0
    capsys.readouterr()
    assert run(["check", *trained.words, "scope=contracts"]) == 2
    assert "the contracts are of masks; scope=all checks parts of other tasks" in capsys.readouterr().err
    assert not folders()
