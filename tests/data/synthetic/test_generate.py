"""Synthetic files in the layouts of the real sets."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp.data.synthetic.generate import generate
from segexp.data.synthetic.scenes import SCENES, draw_scene
from segexp.data.synthetic.write_layouts import trace_again
from segexp.errors import ConfigError, DataError, MismatchError

PAIRS = [("vessels", "drive"), ("buildings", "inria"), ("cells", "cells"), ("vessels", "salt"), ("cells", "arrays")]


def _names(root: Path, files: list[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in files]


def _read(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def _values(path: Path) -> set[int]:
    return set(np.unique(_read(path)).tolist())


@pytest.mark.parametrize("scene", ["vessels", "buildings"])
def test_drive(tmp_path: Path, scene: str) -> None:
    root = tmp_path / "DRIVE"
    names = _names(root, generate(scene, "drive", root, count=3, size=(72, 64), seed=1))
    assert names == [
        "test/1st_manual/01_manual1.gif",
        "test/2nd_manual/01_manual2.gif",
        "test/images/01_test.tif",
        "test/mask/01_test_mask.gif",
        "training/1st_manual/21_manual1.gif",
        "training/1st_manual/22_manual1.gif",
        "training/images/21_training.tif",
        "training/images/22_training.tif",
        "training/mask/21_training_mask.gif",
        "training/mask/22_training_mask.gif",
    ]
    for name in names:
        pixels = _read(root / name)
        assert pixels.dtype == np.uint8
        assert pixels.shape == ((72, 64, 3) if name.endswith(".tif") else (72, 64))
        if name.endswith(".gif"):
            assert set(np.unique(pixels).tolist()) <= {0, 255}
    drawn = draw_scene(scene, 1, 0, (72, 64))
    assert np.array_equal(_read(root / "training/images/21_training.tif"), drawn.image)
    assert np.array_equal(_read(root / "training/1st_manual/21_manual1.gif"), 255 * drawn.mask * drawn.fov)
    assert np.array_equal(_read(root / "training/mask/21_training_mask.gif"), 255 * drawn.fov)


def test_numbers_of_a_large_drive_do_not_meet(tmp_path: Path) -> None:
    files = generate("vessels", "drive", tmp_path / "d", count=44, size=32, seed=0)
    numbers = [path.name[:2] for path in files if path.suffix == ".tif"]
    assert len(set(numbers)) == len(numbers) == 44


def test_second_observer_differs_a_little() -> None:
    mask = draw_scene("vessels", 0, 0, 256).mask
    other = trace_again(np.random.default_rng(0), mask)
    assert other.dtype == np.uint8
    assert set(np.unique(other)) == {0, 1}
    overlap = (mask & other).sum() / (mask | other).sum()
    # the two observers of DRIVE agree in about two thirds of what either of them marks
    assert 0.5 < overlap < 0.95


def test_inria(tmp_path: Path) -> None:
    names = _names(tmp_path, generate("buildings", "inria", tmp_path, count=9, size=64, seed=0))
    expected = [f"AerialImageDataset/test/images/{city}1.tif" for city in ("bellingham", "bloomington")]
    tiles = ["austin6.tif", "austin1.tif", "chicago1.tif", "chicago6.tif", "kitsap6.tif", "tyrol-w1.tif"]
    tiles.append("vienna6.tif")
    for tile in tiles:
        expected += [f"AerialImageDataset/train/images/{tile}", f"AerialImageDataset/train/gt/{tile}"]
    assert names == sorted(expected)
    for tile in tiles:
        truth = _read(tmp_path / "AerialImageDataset/train/gt" / tile)
        assert truth.shape == (64, 64)
        assert set(np.unique(truth).tolist()) <= {0, 255}
        with Image.open(tmp_path / "AerialImageDataset/train/images" / tile) as image:
            assert (image.mode, image.size) == ("RGB", (64, 64))
            assert image.tag_v2[259] == 1, "compressed"  # type: ignore[attr-defined]


@pytest.mark.parametrize("count", [3, 14, 70])
def test_inria_tiles_are_unique_and_have_both_official_parts(tmp_path: Path, count: int) -> None:
    files = generate("vessels", "inria", tmp_path / "out", count=count, size=32, seed=0)
    stems = [path.stem for path in files if path.parent.name == "images" and "train" in path.parts]
    assert len(set(stems)) == len(stems) == count - max(1, count // 4)
    early = [int(stem.lstrip("abcdefghijklmnopqrstuvwxyz-")) <= 5 for stem in stems]
    assert any(early)
    assert not all(early)


def test_cells(tmp_path: Path) -> None:
    root = tmp_path / "cells"
    names = _names(root, generate("cells", "cells", root, count=9, size=120, seed=0))
    pairs = [f"Dataset 1/{n:03d}.{end}" for n in range(1, 8) for end in ("bmp", "png")]
    pairs += [f"Dataset 2/{n:03d}.{end}" for n in range(1, 3) for end in ("bmp", "png")]
    assert names == [*(f"Class Labels of Dataset {n}.csv" for n in (1, 2)), *pairs]
    for name in pairs[::2]:
        image, mask = _read(root / name), _read((root / name).with_suffix(".png"))
        assert image.dtype == mask.dtype == np.uint8
        assert image.shape == (*mask.shape, 3)
        assert set(np.unique(mask).tolist()) == {0, 128, 255}
        if "Dataset 2" in name:
            assert mask.shape == (300, 300)
        else:
            assert all(88 <= side <= 120 and side % 4 == 0 for side in mask.shape)
    assert len({_read(root / name).shape for name in pairs}) > 2


def test_cell_labels_name_the_kind_of_each_image(tmp_path: Path) -> None:
    root = tmp_path / "cells"
    generate("cells", "cells", root, count=4, size=64, seed=5)
    lines = (root / "Class Labels of Dataset 1.csv").read_bytes().decode("ascii").split("\r\n")
    assert lines[0] == "image ID,class label"
    assert lines[-1] == ""
    for index, line in enumerate(lines[1:-1]):
        shape = _read(root / f"Dataset 1/{index + 1:03d}.png").shape
        assert line == f"{index + 1},{draw_scene('cells', 5, index, (shape[0], shape[1])).kind}"
    second = (root / "Class Labels of Dataset 2.csv").read_bytes()
    assert second.startswith(b"image ID,class\r\n1,")


@pytest.mark.parametrize(("scene", "layout"), [("vessels", "drive"), ("buildings", "inria"), ("cells", "cells")])
def test_one_image_gives_one_in_each_part(tmp_path: Path, scene: str, layout: str) -> None:
    files = generate(scene, layout, tmp_path / "out", count=1, size=40, seed=0)
    assert len([path for path in files if path.parent.name == "images" or path.suffix == ".bmp"]) == 2


@pytest.mark.parametrize("scene", ["buildings", "vessels"])
def test_salt(tmp_path: Path, scene: str) -> None:
    root = tmp_path / "salt"
    names = _names(root, generate(scene, "salt", root, count=10, size=101, seed=0))
    images = [name for name in names if name.startswith("images/")]
    assert names == [*images, *(name.replace("images", "masks") for name in images), "train.csv"]
    table = dict(line.split(",") for line in (root / "train.csv").read_text().splitlines()[1:])
    kinds = []
    for name in images:
        pixels, mask = _read(root / name), _read(root / name.replace("images", "masks"))
        assert (pixels.shape, pixels.dtype, mask.shape) == ((101, 101, 3), np.uint8, (101, 101))
        assert (pixels == pixels[..., :1]).all()
        kinds.append((mask.dtype.name, tuple(np.unique(mask).tolist())))
        runs = np.array(table[Path(name).stem].split(), dtype=int).reshape(-1, 2)
        drawn = np.zeros(101 * 101, bool)
        for start, length in runs:
            drawn[start - 1 : start - 1 + length] = True
        assert np.array_equal(drawn.reshape(101, 101).T, mask > 0)
    assert sorted(kinds) == [("uint16", (0, 65535))] * 6 + [("uint8", (0,))] * 4


@pytest.mark.parametrize(("scene", "classes"), [("buildings", 2), ("cells", 3)])
def test_arrays(tmp_path: Path, scene: str, classes: int) -> None:
    generate(scene, "arrays", tmp_path / "a", count=9, size=48, seed=0)
    images, masks, testing = (
        np.load(tmp_path / "a" / f"{name}.npy") for name in ("images_training", "seg_training", "images_testing")
    )
    assert (images.shape, masks.shape, testing.shape) == ((8, 48, 48, 3), (8, 48, 48, classes), (1, 48, 48, 3))
    assert images.dtype == masks.dtype == testing.dtype == np.uint8
    assert (masks.sum(axis=3) == 1).all()
    drawn = draw_scene(scene, 0, 2, 48)
    assert np.array_equal(images[2], drawn.image)
    assert np.array_equal(masks[2].argmax(axis=2), drawn.mask)


def _digest(files: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]


@pytest.mark.parametrize(("scene", "layout"), PAIRS)
def test_same_seed_same_files(tmp_path: Path, scene: str, layout: str) -> None:
    first = _digest(generate(scene, layout, tmp_path / "a", count=4, size=48, seed=2))
    assert first == _digest(generate(scene, layout, tmp_path / "b", count=4, size=48, seed=2))
    assert first != _digest(generate(scene, layout, tmp_path / "c", count=4, size=48, seed=3))


@pytest.mark.parametrize(
    ("scene", "layout", "fitting"),
    [
        ("cells", "drive", "arrays, cells, folder"),
        ("cells", "inria", "arrays, cells, folder"),
        ("vessels", "cells", "arrays, drive, folder, inria, salt"),
    ],
)
def test_class_counts_must_fit(tmp_path: Path, scene: str, layout: str, fitting: str) -> None:
    with pytest.raises(MismatchError, match=f"fit this scene: {fitting}$"):
        generate(scene, layout, tmp_path / "out", count=1, size=32, seed=0)
    assert list(tmp_path.iterdir()) == []


def test_unknown_names_and_numbers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="buildings, cells, vessels"):
        generate("moon", "drive", tmp_path / "out", count=1, size=32, seed=0)
    with pytest.raises(ConfigError, match="arrays, cells, drive, folder, inria, salt"):
        generate("cells", "coco", tmp_path / "out", count=1, size=32, seed=0)
    with pytest.raises(ConfigError, match="count is 0"):
        generate("cells", "cells", tmp_path / "out", count=0, size=32, seed=0)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        generate("vessels", "drive", tmp_path, count=1, size=32, seed=0)
    with pytest.raises(DataError, match="is a file"):
        generate("vessels", "drive", tmp_path / "note.txt", count=1, size=32, seed=0)
    assert (tmp_path / "note.txt").read_text() == "mine"


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    # too small: found out only when the first image is drawn, after the temporary folder was made
    with pytest.raises(ConfigError, match=r"32\.\.5000"):
        generate("vessels", "drive", tmp_path / "out", count=2, size=16, seed=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scene", ["vessels", "cells"])
def test_a_folder_of_ones_own(tmp_path: Path, scene: str) -> None:
    files = generate(scene, "folder", tmp_path / "own", count=3, size=40, seed=0)
    names = [path.relative_to(tmp_path / "own").as_posix() for path in files]
    pictures = [f"{folder}/{name}.png" for folder in ("images", "masks") for name in ("p01_1", "p01_2", "p02_1")]
    assert sorted(names) == sorted(["images.csv", *pictures])
    rows = (tmp_path / "own" / "images.csv").read_text().splitlines()
    assert rows[:2] == ["image,patient,type", f"p01_1.png,patient 1,{draw_scene(scene, 0, 0, 40).kind}"]
    mask = _read(tmp_path / "own" / "masks" / "p01_1.png")
    expected = draw_scene(scene, 0, 0, 40).mask
    colours = np.array(SCENES[scene].colours, np.uint8)
    assert np.array_equal(mask, expected * 255 if scene == "vessels" else colours[expected])
