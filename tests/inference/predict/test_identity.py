"""Which files are taken from a folder, and that predictions belong to the file that they were made of."""

import csv
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp.cli.app import run
from segexp.data.file_kinds import ENDINGS
from segexp.data.folder.tree import list_files
from segexp.inference.predict.inputs import find_inputs
from tests.inference.conftest import Finished
from tests.inference.predict.made import noise


def predict(finished: Finished, given: str, *words: str) -> int:
    return run(["predict", f"run={finished.path}", f"input={given}", "output=out", *words])


def rows() -> dict[str, dict[str, str]]:
    with Path("out/summary.csv").open(newline="") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}


def photo(path: str, width: int) -> Path:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise(40, width)).save(path)
    return Path(path)


def width_of(path: str) -> int:
    return Image.open(path).size[0]


def test_predict_takes_what_training_takes(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in/.ipynb_checkpoints").mkdir(parents=True)
    shutil.copy(photo("in/a.png", 40), "in/.ipynb_checkpoints/a-checkpoint.png")
    for name, form in (("b.JPG", "JPEG"), ("c.webp", "WEBP"), ("d.jfif", "JPEG"), ("e.jpe", "JPEG"), ("f.Tif", "TIFF"),
                       ("g.pgm", "PPM"), ("h.bmp", "BMP"), ("i.jp2", "JPEG2000")):  # fmt: skip
        Image.fromarray(noise(40, 40)).save(f"in/{name}", format=form)
    Image.fromarray(noise(40, 40)[..., 0] > 99).save("in/k.pbm")
    for name in ("notes.txt", "more.TXT", "boxes.json", "Thumbs.db", "f.tfw", "README"):
        Path("in", name).write_text("x")
    images = {f"in/{name}" for name in list_files(Path("in")).images}
    assert len(images) == 9
    assert predict(finished, "in") == 0
    found = rows()
    assert {name for name, row in found.items() if row["state"] == "done"} == images
    assert {name for name, row in found.items() if row["state"] == "passed over"} == {
        "in/notes.txt", "in/more.TXT", "in/boxes.json", "in/README", "in/i.jp2",
    }  # fmt: skip
    told = capsys.readouterr().out
    assert "passed over 5, by their endings no images: 2 txt, 1 without ending, 1 json, 1 jp2" in told
    assert "9 done, 5 passed over" in told
    for ending in ENDINGS:
        for name in (f"all/{ending}/x.{ending}", f"all/{ending}/Y.{ending.upper()}"):
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(b"x")
    assert len(find_inputs("all", Path("out"))) == len(list_files(Path("all")).images) == 2 * len(ENDINGS)


def test_a_second_folder_with_the_same_names(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    photo("visit1/slice.png", 44)
    photo("visit2/slice.png", 60)
    assert predict(finished, "visit1") == 0
    first = Path("out/slice_mask.png").read_bytes()
    capsys.readouterr()
    assert predict(finished, "visit2") == 1
    told = capsys.readouterr()
    assert "visit2/slice.png: out holds predictions of visit1/slice.png under the same names" in told.out
    assert "overwrite=true" in told.out
    assert Path("out/slice_mask.png").read_bytes() == first
    assert {name: row["state"] for name, row in rows().items()} == {
        "visit1/slice.png": "done", "visit2/slice.png": "failed",
    }  # fmt: skip
    # The first is still known for what it is.
    assert predict(finished, "visit1") == 0
    assert "1 skipped" in capsys.readouterr().out
    assert predict(finished, "visit2", "overwrite=true") == 0
    assert width_of("out/slice_mask.png") == 60
    assert {name: row["state"] for name, row in rows().items()} == {"visit2/slice.png": "done"}
    assert predict(finished, "visit1") == 1
    assert "holds predictions of visit2/slice.png" in capsys.readouterr().out
    # Where the predictions are gone, nothing is written over.
    Path("out/slice_mask.png").unlink()
    assert predict(finished, "visit1") == 0
    assert width_of("out/slice_mask.png") == 44


def test_a_file_that_is_another_now_and_one_that_lies_elsewhere(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    photo("in/a.png", 44)
    photo("in/b.png", 50)
    assert predict(finished, "in") == 0
    # An older picture takes its place.
    photo("in/a.png", 60)
    os.utime("in/a.png", (1e9, 1e9))
    capsys.readouterr()
    assert predict(finished, "in") == 0
    assert "1 done, 1 skipped" in capsys.readouterr().out
    assert width_of("out/a_mask.png") == 60
    Path("in").rename("moved")
    made = Path("out/b_mask.png").stat().st_mtime_ns
    for _ in range(2):
        assert predict(finished, "moved") == 0
        assert "2 skipped" in capsys.readouterr().out
        assert {name: (row["state"], row["width"]) for name, row in rows().items()} == {
            "moved/a.png": ("done", "60"), "moved/b.png": ("done", "50"),
        }  # fmt: skip
    # Of the same size in bytes and of the same time, and yet another picture.
    shutil.copytree("moved", "visit2")
    pixels = np.asarray(Image.open("moved/b.png"))
    Image.fromarray(pixels[::-1]).save("visit2/b.bmp")
    Image.fromarray(pixels).save("moved/b.bmp")
    for folder in ("moved", "visit2"):
        Path(folder, "b.png").unlink()
        os.utime(f"{folder}/b.bmp", (1.5e9, 1.5e9))
    assert Path("out/b_mask.png").stat().st_mtime_ns == made
    assert predict(finished, "moved/b.bmp", "overwrite=true") == 0
    capsys.readouterr()
    assert predict(finished, "visit2/b.bmp") == 1
    assert "holds predictions of moved/b.bmp" in capsys.readouterr().out


def test_a_folder_of_masks_is_not_written_over(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """Somebody's own masks, with the names that predictions would have."""
    photo("in/a.png", 44)
    mine = photo("out/a_mask.png", 30).read_bytes()
    assert predict(finished, "in") == 1
    assert "in/a.png: out/a_mask.png is there and was not written by predict" in capsys.readouterr().out
    assert Path("out/a_mask.png").read_bytes() == mine


def test_a_summary_of_an_older_version(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    """It names no owner: a file by its own name that is not younger than its predictions is complete."""
    for folder in ("in", "other"):
        photo(f"{folder}/a.png", 44)
    assert predict(finished, "in") == 0
    old = [{key: row[key] for key in ("file", "state", "width")} for row in rows().values()]
    with Path("out/summary.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(old[0]))
        writer.writeheader()
        writer.writerows(old)
    capsys.readouterr()
    assert predict(finished, "in") == 0
    assert "1 skipped" in capsys.readouterr().out
    os.utime("in/a.png", (2e9, 2e9))
    assert predict(finished, "in") == 0
    assert "1 done" in capsys.readouterr().out
    Path("out/summary.csv").unlink()
    assert predict(finished, "other") == 0
    assert "1 done" in capsys.readouterr().out
