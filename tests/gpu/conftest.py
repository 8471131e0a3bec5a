"""Tests of what a GPU computes: skipped without CUDA; every body also runs on the processor.

    make test-gpu                                            on a machine with CUDA
    SEGEXP_TEST_DEVICE=cpu python -m pytest tests/gpu        the same bodies, with the processor as the device

Figures are written as soon as they are known, a line of JSON each, into the file that SEGEXP_GPU_FIGURES names.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from segexp.data.synthetic.generate import generate
from tests.gpu.device import NAME, Device

WHY = "no CUDA on this machine; SEGEXP_TEST_DEVICE=cpu runs the bodies on the processor"
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what needs a GPU where there is none."""
    if NAME == "cpu" or torch.cuda.is_available():
        return
    for item in items:
        if HERE in item.path.parents and "device" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=WHY))


@pytest.fixture(scope="session")
def device() -> Device:
    """What the tests compute on: the one thing that differs between a GPU and the processor."""
    return Device()


@pytest.fixture(scope="session")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve drawn photographs of vessels in the layout of DRIVE."""
    folder = tmp_path_factory.mktemp("gpu") / "DRIVE"
    generate("vessels", "drive", folder, count=12, size=64, seed=0)
    return folder


Note = Callable[..., None]


@pytest.fixture
def note(request: pytest.FixtureRequest, device: Device) -> Note:
    """Writes down a figure at once, so that tests that are cut short still tell."""

    def write(**figures: float | str) -> None:
        line = json.dumps({"test": request.node.name, "device": device.name, **figures})
        print(line)  # noqa: T201 - shown with -s
        if place := os.environ.get("SEGEXP_GPU_FIGURES"):
            with Path(place).open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")

    return write
