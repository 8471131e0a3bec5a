import json
from pathlib import Path

import pytest

from segexp.cli.app import run
from segexp.data.synthetic.generate import generate
from tests.inference.localize.conftest import Smears

SMALL = (
    "experiment=cells_from_cam", "datamodule.cells=cells", "datamodule.crop_size=32", "datamodule.crops_per_image=1",
    "datamodule.loader.batch_size=8", "model.base=2", "model.depth=3", "trainer.max_epochs=1", "tta=none", "metric=[]",
    "bootstrap=0", "trainer.accelerator=cpu", "trainer.progress=none", "speed=off", "panels=1",
)  # fmt: skip


def test_maps_masks_and_training_in_one_command(smears: Smears, capsys: pytest.CaptureFixture[str]) -> None:
    generate("cells", "cells", Path("cells"), count=12, size=48, seed=0)
    patches = f"patches={smears.root}/ALL_IDB2/img"
    line = ["from_cam", *SMALL, f"classifier={smears.run}", patches, "masks=made", "maps.smooth=4"]
    assert run(line) == 0, capsys.readouterr().err
    assert len(list(Path("made/masks").glob("Im*.png"))) == 20
    (folder,) = Path("outputs/cells_from_cam_maps").iterdir()
    results = json.loads((folder / "results.json").read_text())
    assert {"model", "Otsu"} <= {row["name"] for row in results["rows"]}
    assert results["task"]["classes"] == ["background", "cell"]
    # The second time the masks are there; full supervision is tested on the same images.
    assert run([*line, "datamodule.train_on=truth"]) == 0
    assert "made before" in capsys.readouterr().out
    (full,) = Path("outputs/cells_from_cam_truth").iterdir()
    names = [json.loads((place / "split.json").read_text())["test"] for place in (folder, full)]
    assert names[0] == names[1]
    assert run([*line, "maps.threshold=0.5"]) == 2
    assert "masks: made holds masks made in another way (other maps)" in capsys.readouterr().err
