"""The program of docs/export.md, as it stands there, in a process that has neither torch nor segexp."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp import load
from segexp.cli.app import run
from tests.inference.conftest import Finished
from tests.training.runs import Done

PAGE = Path(__file__).parents[3] / "docs" / "export.md"


@pytest.fixture
def consumer() -> list[str]:
    """Command that runs it; torch and segexp cannot be imported."""
    (text,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    Path("consume.py").write_text(text, encoding="utf-8")
    assert len([line for line in text.splitlines() if line]) <= 30
    Path("blocked").mkdir()
    for name in ("torch", "segexp", "onnx"):
        Path(f"blocked/{name}.py").write_text("raise ImportError('blocked')")
    return [sys.executable, "consume.py", "model.onnx"]


def test_masks_at_another_scale_without_torch(cells: Done, consumer: list[str]) -> None:
    export = ["export", f"run={cells.path}", "output=model.onnx", "rounds=0", "images=0"]
    assert run([*export, "scale=0.5"]) == 0
    pixels = np.random.default_rng(0).integers(0, 256, (74, 100, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    environment = {**os.environ, "PYTHONPATH": "blocked"}
    done = subprocess.run([*consumer, "photo.png"], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    found = np.asarray(Image.open("photo_mask.png"))
    expected = load(cells.path, scale=0.5, tta="none").predict(pixels)
    assert found.shape == expected.shape
    # Pillow interpolates as segexp does, to within rounding.
    assert (found == expected).mean() > 0.95


def test_masks_without_torch(finished: Finished, consumer: list[str]) -> None:
    assert run(["export", f"run={finished.path}", "output=model.onnx", "rounds=0", "images=0"]) == 0
    pixels = np.random.default_rng(0).integers(0, 256, (37, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    environment = {**os.environ, "PYTHONPATH": "blocked"}
    done = subprocess.run([*consumer, "photo.png"], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    model = load(finished.path)
    expected = model.predict(pixels)
    mask = Image.open("photo_mask.png")
    np.testing.assert_array_equal(np.asarray(mask), expected)
    assert mask.getpalette()[:6] == [*model.colours[0], *model.colours[1]]  # type: ignore[index]
    shares = [f"{name} {(expected == number).mean():.4f}" for number, name in enumerate(model.classes)]
    assert done.stdout.strip() == " ".join(["photo.png", *shares])
    broken = subprocess.run(
        [sys.executable, "-c", "import torch"], capture_output=True, text=True, check=False, env=environment
    )
    assert "blocked" in broken.stderr
