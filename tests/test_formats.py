"""Checkpoints of every format serve, each by itself, or are refused with what to do; none is read as a pickle.

``fixtures/formats/<number>`` holds both checkpoints of a small run of its time, ``fixtures/v0_1`` those of version 0.1.
"""

import ast
import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

import segexp
from segexp import load
from segexp.cli.app import run
from segexp.errors import DataError
from segexp.inference.members import NoLoss
from segexp.models.unet import UNet
from segexp.models.weight_files import read_state_dict
from segexp.runs.checkpoint_format import FORMAT, format_number
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.speed import Speed
from tests.training.conftest import settings_of_torch

__all__ = ["settings_of_torch"]

FIXTURES = Path(__file__).parent / "fixtures"
STORED = {1: FIXTURES / "v0_1" / "finished", **{int(p.name): p for p in sorted((FIXTURES / "formats").iterdir())}}
WORDS = (
    "model=unet", "model.base=2", "model.depth=2", "datamodule.size=48", "datamodule.crop_size=32",
    "datamodule.train_images=2", "datamodule.val_images=1", "datamodule.test_images=1",
    "datamodule.crops_per_image=1", "metric=[]", "bootstrap=0", "baselines=false", "panels=0", "speed=off",
    "trainer.max_epochs=1", "optimizer=sgd",
)  # fmt: skip
"""By which the runs in ``formats`` were started."""
IMAGE = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)
VESSEL = {1: 0.6846526, 2: 0.5246067, 3: 0.5246067}
"""Probability of a vessel at pixel (5, 7) of that image, as the model gave it when its file was kept."""


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def command(*words: str) -> int:
    GlobalHydra.instance().clear()
    return run(list(words))


@pytest.fixture(autouse=True)
def own_command_line(monkeypatch: pytest.MonkeyPatch, settings_of_torch: None) -> None:
    monkeypatch.setattr(sys, "argv", ["segexp"])


def test_each_format_is_kept() -> None:
    assert sorted(STORED) == list(range(1, FORMAT + 1))
    for number, folder in STORED.items():
        for name in ("best", "last"):
            assert format_number(read(folder / "checkpoints" / f"{name}.ckpt")["segexp"]) == number


@pytest.mark.parametrize("number", STORED)
def test_a_checkpoint_alone_rebuilds_its_model(number: int, tmp_path: Path) -> None:
    shutil.copy(STORED[number] / "checkpoints" / "best.ckpt", "x.ckpt")
    probabilities = load("x.ckpt", device="cpu").probabilities(IMAGE)
    assert probabilities.shape == (2, 24, 32)
    assert probabilities[1, 5, 7] == pytest.approx(VESSEL[number], abs=1e-4)


def test_a_checkpoint_alone_is_tested_and_exported(tmp_path: Path) -> None:
    shutil.copy(STORED[FORMAT] / "checkpoints" / "best.ckpt", "x.ckpt")
    assert command("evaluate", "run=x.ckpt", "out=tested", "device=cpu", "panels=0", "bootstrap=0") == 0
    (results,) = tmp_path.glob("tested/**/results.json")
    assert 0 <= json.loads(results.read_text())["rows"][0]["dataset"]["miou"] <= 1
    assert command("export", "run=x.ckpt", "format=safetensors", "output=x.safetensors", "images=0", "rounds=0") == 0
    again = load("x.safetensors", device="cpu").probabilities(IMAGE)
    np.testing.assert_array_equal(again, load("x.ckpt", device="cpu").probabilities(IMAGE))


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Value of ``weights_only`` in every call of torch.load, Lightning's own included."""
    seen: list[Any] = []
    plain = torch.load

    def watched(*args: Any, **keys: Any) -> Any:
        seen.append(keys.get("weights_only"))
        return plain(*args, **keys)

    monkeypatch.setattr(torch, "load", watched)
    return seen


def test_a_run_goes_on_from_checkpoints_alone_and_reads_no_pickle(loads: list[Any]) -> None:
    """Loads are segexp's own and Lightning's: the checks, the training, and the best weights for the test."""
    shutil.copytree(STORED[2] / "checkpoints", "kept")
    assert command(*WORDS, "resume=kept/last.ckpt", "name=on") == 0
    assert len(loads) >= 4
    assert set(loads) == {True}
    (path,) = Path().glob("outputs/on/*/checkpoints/last.ckpt")
    torch.testing.assert_close(read(path)["state_dict"], read(Path("kept/last.ckpt"))["state_dict"], rtol=0, atol=0)


@pytest.mark.slow
def test_a_compiled_network_has_the_names_of_the_plain_one() -> None:
    """It is compiled in place: no ``_orig_mod`` stands before its names."""
    spec = DataSpec(MaskTarget(("a", "b"), ((0, 0, 0), (1, 1, 1))))

    def task(*, compiled: bool) -> Segmentation:
        return Segmentation(UNet(3, 1, base=2, depth=2), NoLoss(), spec, torch.optim.SGD, speed=Speed(compile=compiled))

    plain, compiled = task(compiled=False), task(compiled=True)
    assert list(compiled.state_dict()) == list(plain.state_dict())
    assert compiled.model._compiled_call_impl is not None
    stored = read(STORED[FORMAT] / "checkpoints" / "last.ckpt")["state_dict"]
    assert list(stored) == list(compiled.state_dict())
    compiled.load_state_dict(stored)


def later(content: dict[str, Any]) -> None:
    content["segexp"] |= {"format": FORMAT + 1, "segexp": "9.9.9"}


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "later": (later, f"found format {FORMAT + 1}, written by segexp 9.9.9; .*pip install --upgrade segexp"),
    "before 0.1": (lambda c: c["segexp"]["config"].pop("inference"), "before there were windows .* train it again"),
    "no number": (lambda c: c["segexp"].update(format="three"), "its format is 'three', expected a whole number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_read_is_refused_with_what_to_do(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    change, said = REFUSED[name]
    content = read(STORED[FORMAT] / "checkpoints" / "last.ckpt")
    change(content)
    torch.save(content, "x.ckpt")
    with pytest.raises(DataError, match=rf"x\.ckpt: .*{said}"):
        load("x.ckpt")
    if name == "later":
        with pytest.raises(DataError, match=rf"^init_from: x\.ckpt: {said}"):
            read_state_dict("x.ckpt", "init_from", "weights")
        assert command(*WORDS, "resume=x.ckpt") == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert re.match(rf"segexp: resume: x\.ckpt: {said}", line)
        assert not Path("outputs").exists()


PICKLES = {
    "report/comparison_page/configurations/settings.py": "yaml.load",  # by the safe loader
    "training/distributed/messages.py": "loads",  # of the run's own process, in a folder that only its user opens
    "inference/export/torch_export_file.py": "torch.export.load",  # of the file that was just written
    "inference/export/torchscript_file.py": "torch.jit.load",
}
"""Where else something is read that could run code, and what it is."""
LOADS = ("torch.load", "load_state_dict_from_url", "torch.hub.load_state_dict_from_url", "pl_load")
OPEN = ("pickle.load", "pickle.loads", "torch.jit.load", "torch.export.load", "joblib.load", "dill.load", "yaml.load",
        "yaml.unsafe_load", "marshal.loads", "shelve.open", "torch.package.PackageImporter")  # fmt: skip


def calls(tree: ast.AST) -> list[tuple[str, dict[str, ast.expr]]]:
    """Dotted names of the functions that are called in a file, with their keywords."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [(ast.unparse(node.func), {each.arg or "": each.value for each in node.keywords}) for node in found]


def test_no_file_of_the_package_reads_pickles() -> None:
    root = Path(str(segexp.__file__)).parent
    seen = 0
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        for function, keywords in calls(ast.parse(text)) if "load" in text or "ckpt_path" in text else ():
            if function in LOADS or "ckpt_path" in keywords:
                seen += 1
                assert ast.unparse(keywords["weights_only"]) == "True", f"{name}: {function}"
            if function in OPEN:
                assert PICKLES.get(name, "none") in function, f"{name}: {function}"
            if function in ("np.load", "numpy.load"):
                assert ast.unparse(keywords["allow_pickle"]) == "False", name
    assert seen >= 10
