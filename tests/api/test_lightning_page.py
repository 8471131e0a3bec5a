"""Rows of docs/lightning.md about modules, data and Python: each has the effect that its row says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra

from segexp import Run, compose
from segexp.config.experiment import Experiment
from tests.lightning_page import PAGE, rows
from tests.test_extending import FILE, ROOT

IMAGE = np.random.default_rng(0).integers(0, 255, (48, 48, 3), np.uint8)
RINGS = "my_parts.rings.RingsDataModule"
LIT = "my_parts.lit.LitClassifier"
MODULES: dict[str, dict[str, Any]] = {
    "LitClassifier(hidden=8)` and `RingsDataModule(points=80)": {
        "task": {"_target_": LIT, "hidden": 8}, "datamodule": {"_target_": RINGS, "points": 80},
        "monitor": "val_acc", "direction": "max",
    },
    "the same by a YAML that names both keys": {
        "task": {"_target_": LIT, "hidden": 8}, "datamodule": {"_target_": RINGS},
        "monitor": "val_acc", "direction": "max",
    },
    'ModelCheckpoint(monitor="train_loss", mode="min")': {
        "task": {"_target_": LIT}, "datamodule": {"_target_": RINGS}, "monitor": "train_loss", "direction": "min",
    },
}  # fmt: skip
"""First column of each row, and what the experiment of its words holds."""


@pytest.fixture
def own_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of docs/extending.md, in the current folder."""
    for name, content in FILE.findall((ROOT / "docs" / "extending.md").read_text(encoding="utf-8")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def test_every_row_of_modules_and_data(own_parts: None) -> None:
    found = {left: compose(*words) for left, words in rows("Modules and data").items()}
    assert found.keys() == MODULES.keys()
    for left, experiment in found.items():
        assert {name: getattr(experiment, name) for name in MODULES[left]} == MODULES[left], left
        assert experiment.run_name == "RingsDataModule_LitClassifier"
        assert experiment.plain_lightning


def _is_composed(found: Experiment, run: Run) -> bool:
    return (found.invocation.choices["model"], found.trainer.max_epochs) == ("unet", 3)


def _holds_all(found: tuple[dict[str, Any], ...], run: Run) -> bool:
    results, record, config = found
    row = results["rows"][0]["dataset"]["miou"]
    return (row, record["state"], config["trainer"]["max_epochs"]) == (run.figures["test/miou"], "finished", 2)


def _has_rows(found: tuple[Any, Any], run: Run) -> bool:
    images, epochs = found
    return len(images[images["row"] == "model"]) == 5 and epochs["epoch"].tolist() == [0, 1]


def _are_files(found: tuple[Path, ...], run: Run) -> bool:
    names = [str(path.relative_to(run.path)) for path in found if path.is_file()]
    return names == ["report.html", "checkpoints/best.ckpt", "checkpoints/last.ckpt"]


def _are_masks(found: list[Any], run: Run) -> bool:
    alone = run.model(IMAGE)
    return alone.shape == (48, 48) and len(found) == 2 and all(np.array_equal(mask, alone) for mask in found)


def _are_logits(found: torch.Tensor, run: Run) -> bool:
    return found.requires_grad and torch.equal(found.detach(), run.model.logits(IMAGE))


def _is_our_config(found: Any, run: Run) -> bool:
    return bool(hydra.compose("train", ["model=unet"]).model["_target_"] == "segexp.models.unet.UNet")


PYTHON: dict[str, Callable[[Any, Run], bool]] = {
    "the config of a command line, checked, without torch": _is_composed,
    "options of your own": lambda found, run: found.monitor == "val/miou",
    "a run folder as an object": lambda found, run: found.path == run.path and found.figures == run.figures,
    "figures of the test by their logged names": lambda found, run: (
        found == run.results["rows"][0]["dataset"]["miou"] > 0
    ),
    "all of `results.json`, `run.json`, `config.yaml`": _holds_all,
    "a row for each test image, for each epoch": _has_rows,
    "files": _are_files,
    "the model on an image, on a list": _are_masks,
    "a picture of what it sees": lambda found, run: found.width > 3 * 48,
    "logits, with gradients by a float tensor (1, C, H, W)": _are_logits,
    "other settings than those of its test": lambda found, run: (
        (found.tta, found.threshold) == ("flips", pytest.approx(0.4))
    ),
    "Hydra's own compose": _is_our_config,
}
"""First column of each row, and whether what its code gives is what the row says."""


def test_every_row_of_python(run: Run) -> None:
    names: dict[str, Any] = {"Run": Run, "compose": compose, "hydra": hydra, "run": run, "image": IMAGE}
    names["pixels"] = torch.from_numpy(IMAGE).permute(2, 0, 1)[None].float()
    table = PAGE.read_text(encoding="utf-8").partition("\n## Python\n")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ") and "`" in line]
    cells = [line.strip("| ").rpartition(" | ") for line in lines]
    assert [left for left, _, _ in cells] == list(PYTHON)
    try:
        for left, _, code in cells:
            assert PYTHON[left](eval(code.strip("`"), dict(names)), run), left
    finally:
        GlobalHydra.instance().clear()  # one row starts Hydra
