import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp.cli.app import run
from segexp.inference.localize.image_work import ImageWork, SeenImage
from segexp.inference.predict.inputs import Input
from tests.inference.localize.conftest import Smears


def localize(smears: Smears, *overrides: str) -> int:
    return run(["localize", f"run={smears.run}", f"input={smears.fields}", "output=out", "bootstrap=50", *overrides])


def rows() -> list[dict[str, str]]:
    with Path("out/peaks.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_maps_peaks_and_figures(smears: Smears, capsys: pytest.CaptureFixture[str]) -> None:
    centres = smears.root / "ALL_IDB1" / "xyc"
    assert localize(smears, "method=[fine,lecture,gradcam]", f"centres={centres}", "radius=16", "singles=2") == 0
    told = capsys.readouterr().out
    assert "training images had 64 pixels a side and were seen at 32" in told
    facts = json.loads(Path("out/localize.json").read_text())
    assert facts["scale"] == 0.5
    assert facts["images"] == 10
    names = ["fine", "lecture", "gradcam", "mean", *(f"map {n}" for n in facts["singles"]), "blue - green", "centre"]
    assert list(facts["figures"]) == names
    assert facts["base"] == "blue - green"
    # The cell lies in the right half: the middle of the field is at its border.
    assert facts["figures"]["centre"]["value"] == {"inside": None, "near": 0.0, "ap": 0.0}
    learnt = facts["figures"]["blue - green"]["value"]["near"]
    assert learnt > 0.5
    assert facts["figures"]["fine"]["difference"]["near"] == facts["figures"]["fine"]["value"]["near"] - learnt
    assert "| blue - green | " in Path("out/figures.md").read_text()
    found = [row for row in rows() if row["map"] == "centre"]
    assert [(row["x"], row["y"], row["rank"]) for row in found] == [("63.0", "31.0", "1")] * 10
    assert {row["class"] for row in rows()} == {"lymphoblast"}
    first = [row for row in rows() if row["map"] == "fine" and row["rank"] == "1"]
    assert len({row["file"] for row in first}) == 10
    sizes = {path.name: Image.open(path).size for path in Path("out").glob("Im001_1_*.png")}
    assert sizes["Im001_1_overlay.png"] == (128, 64)
    assert set(sizes) == {"Im001_1_overlay.png", "Im001_1_maps.png"}


def test_pseudo_masks_lie_beside_their_images(smears: Smears) -> None:
    assert localize(smears, "method=fine", "write=[mask]", "smooth=4", "label=lymphoblast") == 0
    masks = sorted(Path("out/masks").iterdir())
    assert [path.name for path in masks] == [path.name for path in sorted(Path("out/images").iterdir())]
    probability = {row["file"]: float(row["probability"]) for row in rows()}
    for path in masks:
        mask = np.asarray(Image.open(path))
        assert mask.shape == (64, 128)
        assert set(np.unique(mask)) <= {0, 1, 255}
        assert (mask == 1).any() == (probability[path.stem] >= 0.5)
    field = np.asarray(Image.open(smears.fields / "Im001_1.jpg"))
    np.testing.assert_array_equal(np.asarray(Image.open("out/images/Im001_1.png")), field)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["label=cat"], "label: found cat, expected one of healthy, lymphoblast"),
        (["layer=layer3"], "layer: found layer3, but it is of method=gradcam"),
        (["method=gradcam", "layer=layer9"], "expected a part of the model that gives maps: conv1"),
        (["mask.threshold=0.05"], "expected band < threshold"),
        (["boxes=gone.csv"], "boxes: no file gone.csv"),
        (["method=[]"], "method: is empty"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_written(
    smears: Smears, overrides: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert localize(smears, *overrides) == 2
    assert words in capsys.readouterr().err
    assert not Path("out").exists()


def test_small_images_and_other_scales(smears: Smears, capsys: pytest.CaptureFixture[str]) -> None:
    """One that is too small fails by itself; the others are done."""
    Path("in").mkdir()
    pixels = np.asarray(Image.open(smears.fields / "Im001_1.jpg"))
    Image.fromarray(pixels).save("in/a.png")
    Image.fromarray(pixels[:40]).save("in/b.png")
    assert run(["localize", f"run={smears.run}", "input=in", "output=out", "write=[]"]) == 1
    told = capsys.readouterr()
    assert "b.png: found 128x40 pixels, 64x20 at scale=0.5, expected at least 32 a side as in training" in told.out
    assert "scale=0.8" in told.out
    assert "1 done, 1 failed" in told.err
    assert json.loads(Path("out/localize.json").read_text())["failed"] == ["b.png"]
    assert run(["localize", f"run={smears.run}", "input=in", "output=out", "write=[]", "scale=0.8"]) == 2
    assert "output: out holds results of localize; write over them with overwrite=true" in capsys.readouterr().err
    assert run(["localize", f"run={smears.run}", "input=in", "output=out", "overwrite=true", "scale=0.8"]) == 0
    assert "objects must have the size that they had in training" in capsys.readouterr().out


def test_other_folders_are_not_written_into(smears: Smears, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("x")
    assert localize(smears, "overwrite=true") == 2
    assert "output: out holds other files" in capsys.readouterr().err


def test_a_run_that_does_not_know_its_files_proposes_a_scale_that_can_be_pasted(
    smears: Smears, capsys: pytest.CaptureFixture[str]
) -> None:
    """As runs of earlier versions: made of the files of the input, which are 64x128."""
    shutil.copytree(smears.run, "old")
    record = json.loads(Path("old/run.json").read_text())
    del record["data"]["file_sides"]
    Path("old/run.json").write_text(json.dumps(record))
    words = ["localize", "run=old", f"input={smears.fields}/Im001_1.jpg", "output=out", "write=[]", "method=lecture"]
    assert run(words) == 2
    told = capsys.readouterr().err
    assert "give scale=0.5 if training images had the size of the files of input, whose shorter sides have 64" in told


def test_goes_on_where_it_was_broken_off_with_the_same_results(
    smears: Smears, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of three images the second is broken off; the same command does the rest, another setting is refused."""
    Path("in").mkdir()
    for number in range(3):
        shutil.copy(smears.fields / "Im001_1.jpg", f"in/{number}.jpg")
    Path("boxes.csv").write_text("image,x0,y0,x1,y1\n0,60,10,100,50\n2,0,0,9,9\n")
    words = [
        "localize", f"run={smears.run}", "input=in", "boxes=boxes.csv", "bootstrap=5", "method=lecture",
        "write=[overlay]",
    ]  # fmt: skip
    assert run([*words, "output=whole"]) == 0
    real = ImageWork.run

    def stopped(self: ImageWork, file: Input) -> SeenImage:
        if file.name == "1.jpg":
            raise KeyboardInterrupt
        return real(self, file)

    with monkeypatch.context() as patch:
        patch.setattr(ImageWork, "run", stopped)
        assert run([*words, "output=out"]) == 130
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("segexp: stopped: 1 of 3 images are done; go on with python -m segexp localize run=")
    made = Path("out/0_overlay.png").stat().st_mtime_ns
    assert run([*words, "output=out"]) == 0
    assert "2 done, 1 skipped; see out" in capsys.readouterr().out
    assert Path("out/0_overlay.png").stat().st_mtime_ns == made
    for name in ("peaks.csv", "figures.md", "localize.json"):
        assert Path("out", name).read_text() == Path("whole", name).read_text()
    assert run([*words, "output=out", "label=healthy"]) == 2
    assert "or give another folder (made in another way: label)" in capsys.readouterr().err
