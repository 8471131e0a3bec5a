"""Rows of docs/lightning.md about modules, data and Python."""

from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra

from segexp import Run, compose
from tests.lightning_page import rows
from tests.test_extending import FILE, ROOT


@pytest.fixture
def own_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of docs/extending.md, in the current folder."""
    for name, content in FILE.findall((ROOT / "docs" / "extending.md").read_text(encoding="utf-8")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def test_every_row_of_modules_and_data(own_parts: None) -> None:
    found = [compose(*words) for words in rows("Modules and data").values()]
    assert [(each.monitor, each.direction) for each in found] == [
        ("val_acc", "max"),
        ("val_acc", "max"),
        ("train_loss", "min"),
    ]
    assert {each.run_name for each in found} == {"RingsDataModule_LitClassifier"}


def test_every_row_of_python(run: Run) -> None:
    names: dict[str, Any] = {"Run": Run, "compose": compose, "hydra": hydra, "run": run}
    names["image"] = np.random.default_rng(0).integers(0, 255, (48, 48, 3), np.uint8)
    table = (ROOT / "docs" / "lightning.md").read_text(encoding="utf-8").partition("\n## Python\n")[2]
    lines = [line for line in table.partition("\n## ")[0].splitlines() if line.startswith("| ") and "`" in line]
    codes = [line.rpartition(" | ")[2].strip(" |`") for line in lines]
    assert len(codes) >= 10
    try:
        for code in codes:
            assert eval(code, dict(names)) is not None, code
    finally:
        GlobalHydra.instance().clear()  # one row starts Hydra
