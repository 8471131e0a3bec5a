import json
import re
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from segexp import load
from segexp.cli.app import run
from segexp.inference.export import format as export_format
from segexp.inference.export.graph import Deployed
from segexp.inference.export.onnx_file import OnnxFormat, OnnxRun
from segexp.inference.export.rescaled_run import RescaledRun
from segexp.inference.model import Model
from tests.inference.conftest import Finished
from tests.training.runs import Done

RNG = np.random.default_rng(0)
BATCH = RNG.integers(0, 256, (2, 3, 41, 58), dtype=np.uint8)


def export(path: Path | str, *overrides: str) -> int:
    return run(["export", f"run={path}", "rounds=0", *overrides])


def by_hand(model: Model, batch: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (B, K, H, W) and classes of the loaded model, image by image."""
    images = [image.transpose(1, 2, 0) for image in batch]
    first = 1 if len(model.classes) == 2 else 0
    probabilities = np.stack([model.probabilities(image)[first:] for image in images])
    return probabilities, np.stack([model.predict(image) for image in images])


def assert_same(found: tuple[np.ndarray, np.ndarray], expected: tuple[np.ndarray, np.ndarray]) -> None:
    assert found[0].dtype == np.float32
    assert found[1].dtype == np.uint8
    np.testing.assert_allclose(found[0], expected[0], atol=1e-5)
    np.testing.assert_array_equal(found[1], expected[1])
    assert len(np.unique(expected[1])) > 1, "nothing to compare"


@pytest.fixture(scope="module")
def file(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    assert run(["export", f"run={finished.path}", f"output={path}", "rounds=1", "images=2"]) == 0
    return path


def test_onnx_takes_raw_images_of_any_size(file: Path, finished: Finished) -> None:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.name, given.type, given.shape) == ("image", "tensor(uint8)", ["batch", 3, "height", "width"])
    assert [(out.name, out.shape) for out in session.get_outputs()] == [
        ("probabilities", ["batch", 1, "height", "width"]),
        ("mask", ["batch", "height", "width"]),
    ]
    assert_same(session.run(None, {"image": BATCH}), by_hand(load(finished.path), BATCH))
    assert [path.name for path in sorted(file.parent.iterdir())] == ["model.onnx", "model.onnx.json"]


def test_file_says_what_it_is(file: Path, finished: Finished) -> None:
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    told = {key: json.loads(value) for key, value in session.get_modelmeta().custom_metadata_map.items()}
    model = load(finished.path)
    assert told["classes"] == list(model.classes)
    assert told["colours"] == [list(colour) for colour in model.colours]
    assert told["threshold"] == model.threshold
    assert (told["channels"], told["dtype"], told["tta"]) == (3, "uint8", "none")
    assert told["run"] == ["/".join(finished.path.parts[-2:])]
    assert told["checkpoint"] == ["best.ckpt"]
    assert told["monitor"] == finished.content["checkpoint"]["monitor"]
    assert told["monitor_value"] == finished.content["checkpoint"]["value"]
    beside = json.loads(Path(f"{file}.json").read_text())
    assert beside["classes"] == told["classes"]
    assert beside["agreement"]["images"] == 4 + 2
    assert beside["agreement"]["other_class"] == 0
    side = finished.config["datamodule"]["size"]
    assert beside["agreement"]["pixels"] == 96 * 72 + 3 * 75 * 107 + 2 * side**2
    assert set(beside["images_per_second"]) == {"PyTorch", "onnx"}


def test_classes_with_the_statistics_of_each_image(cells: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(cells.path, "output=cells.onnx") == 0
    found = OnnxFormat().read(Path("cells.onnx"))(BATCH)
    assert_same(found, by_hand(load(cells.path, tta="none"), BATCH))
    told = capsys.readouterr().out
    assert "the file sees an image in one view; the run was tested with tta=flips" in told
    assert "test images 3 images, 3,072 pixels" in told


@pytest.mark.parametrize("form", ["torch_export", "torchscript"])
def test_formats_of_pytorch(form: str, finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    ending = {"torch_export": "pt2", "torchscript": "torchscript"}[form]
    assert export(finished.path, f"format={form}", f"output=model.{ending}", "threshold=0.5") == 0
    extra_files = {"segexp.json": ""}
    if form == "torch_export":
        module = torch.export.load("model.pt2", extra_files=extra_files).module()
    else:
        module = torch.jit.load("model.torchscript", _extra_files=extra_files)
    found = module(torch.from_numpy(BATCH))
    assert_same(tuple(part.numpy() for part in found), by_hand(load(finished.path, threshold=0.5), BATCH))
    assert json.loads(extra_files["segexp.json"])["threshold"] == 0.5
    assert "0 pixels of another class" in capsys.readouterr().out


def test_safetensors_are_loaded_as_a_run_is(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    assert export(finished.path, "format=safetensors", "output=model.safetensors") == 0
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == [
        "model.safetensors", "model.safetensors.json", "model.yaml",
    ]  # fmt: skip
    again, model = load("model.safetensors"), load(finished.path)
    assert_same(by_hand(again, BATCH), by_hand(model, BATCH))
    assert again.threshold == pytest.approx(model.threshold)
    weights = load_file("model.safetensors")
    assert weights.keys() == model.module.model.state_dict().keys()
    with safe_open("model.safetensors", framework="pt") as opened:
        assert json.loads(opened.metadata()["classes"]) == list(model.classes)


def test_an_ensemble_is_one_file(finished: Finished, second: Done, capsys: pytest.CaptureFixture[str]) -> None:
    both = f"[{finished.path},{second.path}]"
    assert export(both) == 2
    assert "output: needed for several runs; write for example output=model.onnx" in capsys.readouterr().err
    assert export(both, "output=both.onnx") == 0
    found = OnnxFormat().read(Path("both.onnx"))(BATCH)
    assert_same(found, by_hand(load([finished.path, second.path]), BATCH))
    assert export(both, "output=both.safetensors", "format=safetensors") == 2
    assert "format=safetensors: found several runs" in capsys.readouterr().err


def test_by_default_it_lies_in_the_run(finished: Finished) -> None:
    assert export(finished.path, "format=safetensors", "images=0", "checkpoint=last") == 0
    folder = finished.path / "exports"
    name = finished.config["name"] or finished.path.parent.name
    assert (folder / f"{name}_last.safetensors").is_file()
    assert (folder / f"{name}_last.yaml").is_file()


def test_a_file_that_disagrees_is_not_kept(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Deployed.__init__

    def shifted(self: Deployed, module: torch.nn.Module) -> None:
        made(self, module)  # type: ignore[arg-type]
        with torch.no_grad():
            self.members[0].scale.offset.add_(0.1)

    monkeypatch.setattr(Deployed, "__init__", shifted)
    Path("model.pt2").write_text("an earlier export")
    assert export(finished.path, "format=torch_export", "output=model.pt2") == 1
    assert "model.pt2: not written, it does not compute what PyTorch does" in capsys.readouterr().err
    assert Path("model.pt2").read_text() == "an earlier export"
    assert [path.name for path in Path().iterdir() if path.is_file()] == ["model.pt2"]


def test_without_the_data_noise_is_compared(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    keys = ("datamodule=folder", "datamodule.root=gone", "format=safetensors", "output=model.safetensors")
    assert export(finished.path, *keys) == 0
    told = capsys.readouterr().out
    assert "warning: no test images to compare" in told
    assert "noise       4 images" in told


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (("int8=true", "format=torchscript"), "int8: needs format=onnx, found format=torchscript"),
        (("int8=true", "images=0"), "int8: its loss is measured on test images, found images=0"),
        (("int8=true", "datamodule=folder", "datamodule.root=gone"), "gone"),
        (("datamodule=drive", "datamodule.root=gone"), "its classes are background, vessel, those of the model"),
        (("output=model.bin",), "output: found model.bin, expected a file that ends in .onnx"),
        (("format=onxx",), "format"),
        (("calibration=0",), "calibration"),
    ],
)
def test_settings_that_cannot_be(
    keys: tuple[str, ...], words: str, finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(finished.path, *keys) == 2
    assert words in capsys.readouterr().err


def test_missing_packages_are_named(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(export_format.importlib.util, "find_spec", lambda name: None)
    assert export(finished.path) == 2
    assert "onnx, onnxscript, onnxruntime not installed; pip install 'segexp[export]'" in capsys.readouterr().err


def test_int8_tells_what_it_costs(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(finished.path, "output=model.onnx", "int8=true", "rounds=1", "calibration=3") == 0
    told = capsys.readouterr().out
    assert "int8, ranges of 3 training images, IoU on 5 test images" in told
    assert "int8, images/s" in told
    beside = json.loads(Path("model.onnx.json").read_text())["int8"]
    assert beside["file"] == "model.int8.onnx"
    pooled = finished.content["rows"][0]["dataset"]["iou"]
    assert beside["iou_float32"] == pytest.approx(pooled, abs=1e-6)
    exact, rough = OnnxFormat().read(Path("model.onnx")), OnnxRun(Path("model.int8.onnx"))
    (probabilities, mask), (near, other) = exact(BATCH), rough(BATCH)
    assert 0 < np.abs(near - probabilities).mean() < 0.02
    assert (other == mask).mean() > 0.95
    kinds = rough.session.get_modelmeta().custom_metadata_map
    assert json.loads(kinds["classes"]) == list(load(finished.path).classes)
    assert sorted(path.name for path in Path().iterdir() if path.is_file()) == [
        "model.int8.onnx", "model.onnx", "model.onnx.json",
    ]  # fmt: skip


def test_the_scale_is_told_in_the_file_and_applied_by_what_runs_it(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(finished.path, "output=model.onnx", "scale=0.5", "images=2") == 0
    told = capsys.readouterr().out
    assert re.search(r"scale=0.5 +2 images, 4,608 pixels: .*, 0 pixels of another class", told)
    file = OnnxRun(Path("model.onnx"))
    facts = json.loads(Path("model.onnx.json").read_text())
    metadata = file.session.get_modelmeta().custom_metadata_map
    assert facts["scale"] == json.loads(metadata["scale"]) == 0.5
    assert json.loads(metadata["trained_on"])["side"] == [48, 48, 48]
    # The file itself takes images as it is given them.
    assert_same(file(BATCH), by_hand(load(finished.path), BATCH))
    assert_same(RescaledRun(file, facts)(BATCH), by_hand(load(finished.path, scale=0.5), BATCH))
    auto = RescaledRun(file, {**facts, "scale": "auto"})
    large = np.repeat(np.repeat(BATCH, 3, axis=2), 3, axis=3)
    assert_same(auto(large), by_hand(load(finished.path, scale="auto"), large))
    assert_same(RescaledRun(file, {**facts, "scale": None})(BATCH), by_hand(load(finished.path), BATCH))


def test_safetensors_are_loaded_at_the_scale_they_tell(cells: Done, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(cells.path, "format=safetensors", "output=model.safetensors", "scale=64px") == 0
    images = BATCH[:, :, :40, :40]
    expected = by_hand(load(cells.path, scale="64px"), images)
    assert_same(by_hand(load("model.safetensors"), images), expected)
    assert_same(by_hand(load("model.safetensors", scale=1), images), by_hand(load(cells.path), images))
    assert "resampled (scale=64px)" in load("model.safetensors").notes[0]
    assert export(cells.path, "output=none.onnx", "scale=0") == 2
    assert "scale: found 0" in capsys.readouterr().err
    assert not Path("none.onnx").exists()
