"""Classes are guessed from what masks show: transparent ones, white stored as 0, palettes of two tones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segexp.cli.app import run
from segexp.data.checks.problems import problem_of
from segexp.data.checks.review import review_data
from segexp.data.folder import FolderDataModule
from segexp.errors import ConfigError, DataError
from tests.data.folder.parts import NAMES, blocks, everything, photo
from tests.data.labels.test_mask_reading import DIM, PALE
from tests.data.made import write

INSIDE = blocks((0, 1, 0))
TWO = ("background", "foreground")


def save(path: Path, kind: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rgba = np.zeros((*INSIDE.shape, 4), np.uint8)
    match kind:
        case "white is zero":
            import rasterio

            height, width = INSIDE.shape
            options: dict[str, Any] = {"nbits": 1, "photometric": "MINISWHITE", "compress": "deflate"}
            with rasterio.open(
                path.with_suffix(".tif"), "w", driver="GTiff", height=height, width=width, count=1, dtype="uint8",
                transform=rasterio.Affine(1, 0, 0, 0, -1, 5), **options,
            ) as file:  # fmt: skip
                file.write(1 - INSIDE, 1)
        case "two tones":
            image = Image.fromarray(INSIDE, "P")
            image.putpalette([*DIM, *PALE])
            image.save(path.with_suffix(".gif"))
        case "nearly grey":
            write(path, np.array([DIM, PALE], np.uint8)[INSIDE])
        case "red" | "black":
            rgba[INSIDE == 1] = (255 if kind == "red" else 0, 0, 0, 255)
            write(path, rgba)
        case "red and blue":
            rgba[INSIDE == 1] = (255, 0, 0, 200)
            rgba[-5:] = (0, 0, 255, 200)
            write(path, rgba)


def made(root: Path, *kinds: str) -> FolderDataModule:
    for seed, name in enumerate(NAMES):
        write(root / "images" / f"{name}.png", photo(seed))
        save(root / "masks" / f"{name}.png", kinds[seed % len(kinds)])
    return FolderDataModule(str(root))


@pytest.mark.parametrize(
    ("kind", "values", "reading", "word"),
    [
        ("white is zero", {0: "background", 255: "foreground"}, None, "WhiteIsZero"),
        ("two tones", {"0 0 0": "background", "255 255 255": "foreground"}, None, "darker of its two colours"),
        ("nearly grey", {0: "background", 255: "foreground"}, None, "nearly black and nearly white"),
        ("red", {0: "background", 255: "foreground"}, "alpha", "transparent"),
        ("black", {0: "background", 255: "foreground"}, "alpha", "alpha"),
    ],
)
def test_two_classes(tmp_path: Path, kind: str, values: dict[Any, str], reading: str | None, word: str) -> None:
    data = made(tmp_path, kind)
    items = everything(data)
    assert data.classes()[0] == TWO
    assert all(np.array_equal(item.target, INSIDE) for item in items.values())
    settled = data.settled()
    assert settled["mask_values"] == values
    assert settled.get("mask_reading") == reading
    assert any(word in note for note in data.notes), data.notes
    # What is proposed means the same.
    keys = {key: settled[key] for key in ("images", "masks", "mask_values", "mask_reading") if key in settled}
    again = everything(FolderDataModule(str(tmp_path), **keys))
    assert all(np.array_equal(item.target, INSIDE) for item in again.values())


def test_several_colours_on_nothing(tmp_path: Path) -> None:
    items = everything(data := made(tmp_path, "red and blue"))
    names = data.classes()[0]
    assert set(names) == {"black", "blue", "red"}
    mask = items["a1"].target
    assert (mask[-5:] == names.index("blue")).all()
    assert np.array_equal(mask[:-5] == names.index("red"), INSIDE[:-5] == 1)


def test_edges_that_are_painted_by_half_are_named_with_the_word_alpha(tmp_path: Path) -> None:
    data = made(tmp_path, "red")
    soft = np.asarray(Image.open(tmp_path / "masks/a1.png")).copy()
    soft[0, :3] = [(255, 0, 0, 30), (255, 0, 0, 90), (255, 0, 0, 140)]
    write(tmp_path / "masks/a1.png", soft)
    with pytest.raises(
        DataError, match=r"a1\.png: a mask whose alpha channel has 4 values .*datamodule\.unknown_values=nearest"
    ):
        data.setup()
    keys: dict[str, Any] = {"mask_values": {0: "background", 255: "foreground"}, "unknown_values": "nearest"}
    mask = everything(FolderDataModule(str(tmp_path), mask_reading="alpha", **keys))["a1"].target
    assert mask[0, :3].tolist() == [0, 0, 1]


def test_check_tells_values_as_they_are_read(tmp_path: Path) -> None:
    found = review_data(made(tmp_path, "white is zero"), full=True, progress=lambda results, count, what: results)
    inside = int(INSIDE.sum()) * len(NAMES)
    assert dict(found.values) == {(255,): inside, (0,): INSIDE.size * len(NAMES) - inside}
    assert [problem for problem in found.problems if problem.fatal] == []


def test_the_lines_to_choose_from_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As pasted behind the command, in the check and for the data set; without them both refuse."""
    made(tmp_path, "black")
    command = ["check", "scope=data", "datamodule=folder", f"datamodule.root={tmp_path}"]
    command.append("datamodule.mask_values={0:background,255:foreground}")
    values: dict[Any, Any] = {0: "background", 255: "foreground"}
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(tmp_path), mask_values=values).setup()
    lines = [line.strip() for line in str(caught.value).splitlines()[1:]]
    assert lines == ["datamodule.mask_reading=shown", "datamodule.mask_reading=alpha"]
    assert run(command) == 2
    told = capsys.readouterr().out
    assert all(line in told for line in lines)
    expected = {"shown": 1 - INSIDE, "alpha": INSIDE}
    for line in lines:
        assert run([*command, line]) == 0
        reading: Any = line.rpartition("=")[2]
        data = FolderDataModule(str(tmp_path), mask_values=values, mask_reading=reading)
        assert np.array_equal(everything(data)["a1"].target, expected[reading])


def test_one_bit_beside_eight(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(seed))
        (tmp_path / "masks").mkdir(exist_ok=True)
        pixels = [INSIDE.astype(bool), INSIDE * np.uint8(255), INSIDE.astype(np.uint16) * 65535][seed % 3]
        Image.fromarray(pixels).save(tmp_path / "masks" / f"{name}.png")
    data = FolderDataModule(str(tmp_path))
    assert all(np.array_equal(item.target, INSIDE) for item in everything(data).values())
    assert data.settled()["mask_values"] == {0: "background", 255: "foreground"}


def test_pattern_errors_are_none_of_crops(tmp_path: Path) -> None:
    made(tmp_path, "red")
    with pytest.raises(ConfigError) as caught:
        FolderDataModule(str(tmp_path), images="images/{a", masks="masks/{a}.png")
    assert problem_of(caught.value).kind == "folders and files"
    bad: dict[int | str, int | str] = {0: "a", 255: 7}
    (problem,) = FolderDataModule(str(tmp_path), mask_values=bad).find().problems
    assert problem.kind == "labels"


def test_no_word_of_channels_where_no_image_can_be_opened(tmp_path: Path) -> None:
    import tifffile

    for name in NAMES:
        (tmp_path / "images").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / f"images/{name}.tif", np.zeros((40, 44, 4), np.float32), photometric="minisblack",
                         planarconfig="contig")  # fmt: skip
        write(tmp_path / f"masks/{name}.png", blocks((0, 255)))
    found = FolderDataModule(str(tmp_path)).find()
    assert not any("grey" in note for note in found.notes), found.notes
    assert len([problem for problem in found.problems if "float32" in problem.text]) == len(NAMES)
