"""A tiny classifier of drawn blood smears, and the fields that it was trained on."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.data.synthetic.labelled import write_allidb

SMALL = (
    "experiment=allidb_cam", "model.base=4", "datamodule.image_size=32", "datamodule.loader.batch_size=10",
    "datamodule.loader.num_workers=0", "trainer.max_epochs=1", "bootstrap=0", "baselines=false", "panels=0",
    "trainer.accelerator=cpu", "trainer.progress=none", "speed=off",
)  # fmt: skip


@dataclass(frozen=True)
class Smears:
    """A run, and the folder of its data: fields of 64x128 pixels, a white cell in the right half of each."""

    run: Path
    root: Path

    @property
    def fields(self) -> Path:
        return self.root / "ALL_IDB1" / "im"


@pytest.fixture(scope="session")
def smears(tmp_path_factory: pytest.TempPathFactory) -> Smears:
    """ResNet-18 of 4 channels on patches of 64x64, seen at half their size."""
    root = tmp_path_factory.mktemp("smears")
    write_allidb(root, fields=10)
    with contextlib.chdir(root):
        assert run([*SMALL, f"datamodule.root={root}"]) == 0
        (found,) = (root / "outputs" / "allidb_cam").iterdir()
    return Smears(found, root)
