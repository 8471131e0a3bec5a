"""Images of many bands and of 16 bits, and images of all sizes, are trained, tested and shown."""

import csv
import json
import os
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
import tifffile
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.paths import conf_dir
from segexp.errors import DataError
from tests.data.folder.parts import NAMES, blocks, photo
from tests.data.made import read, write
from tests.training.runs import Done, run, same_weights

TINY = (
    "datamodule=folder", "datamodule.root=.", "datamodule.crops_total=4", "datamodule.crop_size=32",
    "datamodule.loader.batch_size=2", "datamodule.loader.num_workers=0", "model=cunet", "model.base=2",
    "model.depth=2", "trainer.accelerator=cpu", "trainer.max_epochs=1", "trainer.progress=none", "speed=off",
    "metric=[]", "bootstrap=0", "panels=1",
)  # fmt: skip


def train(*overrides: str) -> Done:
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        experiment = checked_train(compose("train", [*TINY, *overrides]))
    return run(experiment, pictures=True)


@pytest.mark.parametrize(("channels", "dtype"), [(5, "uint8"), (5, "uint16"), (1, "uint16"), (2, "uint8")])
def test_bands(tmp_path: Path, channels: int, dtype: str) -> None:
    for seed, name in enumerate(NAMES):
        (tmp_path / "images").mkdir(exist_ok=True)
        pixels = photo(seed, channels=channels, dtype=dtype)
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", pixels, photometric="minisblack", planarconfig="contig")
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
    done = train()
    assert done.record["data"]["train"]["shape"] == [4, channels, 32, 32]
    assert 0 < float(done.rows[0]["train/loss"]) < 10
    (panel,) = (done.path / "panels").glob("*.png")
    assert read(panel).std() > 10
    assert (done.path / "report.html").stat().st_size > 10_000


def test_what_was_guessed_stands_in_the_config_of_the_run_and_is_enough_to_repeat_it(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(seed, 40 + seed, 50 - seed))
        write(tmp_path / "masks" / f"{name}_m.png", blocks((0, 7), 40 + seed, 50 - seed))
    done = train("datamodule.crop_size=auto")
    section = done.last["segexp"]["config"]["datamodule"]
    assert (section["images"], section["masks"]) == ("images/*.png", "masks/{stem}_m.png")
    assert section["mask_values"] == {0: "background", 7: "foreground"}
    assert (section["channels"], section["split"], section["crop_size"]) == ("all", "holdout", 64)
    assert isinstance(section["crops_per_image"], int)
    assert done.content["notes"][0].startswith("guessed from names: ")
    assert any(note.startswith("to fix what was guessed, add: ") for note in done.content["notes"])
    # A folder that comes later would make another guess; the config of the run makes none.
    for name in NAMES:
        write(tmp_path / "labels" / f"{name}.png", blocks((0, 7)))
    with pytest.raises(DataError, match="which files are images and which their masks is open"):
        train()
    again = run(replace(done.experiment, datamodule=section))
    assert same_weights(done.last, again.last)
    assert not any("guess" in note for note in again.content["notes"])


def test_names_that_are_no_text(tmp_path: Path) -> None:
    """Bytes of another alphabet, line ends, marks of HTML, and as many letters as a name may have: nothing is lost."""
    odd = [b"M\xfcller 1", b"two\nlines", b"a" * 251, b"<b>&'x", b"tab\there", b"\xff", b"A", b"a"]
    for seed, name in enumerate(odd):
        for folder, pixels in ((b"images", photo(seed)), (b"masks", blocks((0, 255)))):
            path = Path(os.fsdecode(folder + b"/" + name + b".png"))
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    done = train("panels=6", "datamodule.cache=disk", "datamodule.test_fraction=0.6", "datamodule.val_fraction=0.3")
    names = {"M\\xfcller 1", "two\\nlines", "a" * 251, "<b>&'x", "tab\\there", "\\xff", "A", "a"}
    split = json.loads((done.path / "split.json").read_text())
    assert {name for part in ("train", "val", "test") for name in split[part]} == names
    with (done.path / "per_image.csv").open(newline="", encoding="utf-8") as stream:
        tested = {row["image"] for row in csv.DictReader(stream)}
    assert tested == set(split["test"])
    assert len(tested) == 5
    assert len(list((done.path / "panels").glob("*.png"))) == 5
    assert "<b>&'x" not in (done.path / "report.html").read_text(encoding="utf-8")
