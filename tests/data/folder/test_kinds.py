"""Every kind of image file and of mask: which pixels and classes come out."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from segexp.data.folder import FolderDataModule
from segexp.data.folder.masks.palette import choose_class_colours
from segexp.data.synthetic.georeferenced import write_georeferenced
from segexp.errors import ConfigError, DataError
from segexp.spec import IGNORED
from tests.data.folder.parts import NAMES, blocks, everything, guessed, names_of, pairs, photo
from tests.data.made import write

KINDS = ["png", "jpg", "tif", "gif", "bmp", "ppm", "npy", "16-bit png", "16-bit tif", "5 bands", "grey", "palette"]


def save(path: Path, kind: str, seed: int) -> NDArray[Any]:
    """Writes an image of a kind; gives the pixels that are to come out."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deep = kind.startswith("16")
    pixels = photo(
        seed, channels=5 if kind == "5 bands" else 1 if kind == "grey" else 3, dtype="uint16" if deep else "uint8"
    )
    match kind:
        case "npy":
            np.save(path, pixels)
        case "16-bit png":
            cv2.imwrite(str(path), pixels[..., ::-1])
        case "16-bit tif" | "5 bands" | "tif":
            tifffile.imwrite(
                path, pixels, photometric="minisblack" if kind == "5 bands" else "rgb", planarconfig="contig"
            )
        case "gif" | "palette":
            shown = Image.fromarray(pixels).quantize(32)
            shown.save(path)
            pixels = np.array(shown.convert("RGB"))
        case _:
            Image.fromarray(pixels).save(path, **({"quality": 100} if kind == "jpg" else {}))
    if kind == "jpg":
        with Image.open(path) as image:
            pixels = np.array(image)
    return pixels.reshape(40, 44, -1)


@pytest.mark.parametrize("kind", KINDS)
def test_images(tmp_path: Path, kind: str) -> None:
    endings = {"16-bit png": "png", "16-bit tif": "tif", "5 bands": "tif", "grey": "png", "palette": "png"}
    expected = {}
    for seed, name in enumerate(NAMES):
        expected[name] = save(tmp_path / "images" / f"{name}.{endings.get(kind, kind)}", kind, seed)
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
    data = FolderDataModule(str(tmp_path), crop_size=32, crops_per_image=2, loader={"batch_size": 4})
    for name, item in everything(data).items():
        assert item.image.dtype == expected[name].dtype
        assert np.array_equal(item.image, expected[name])
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, data.spec.in_channels, 32, 32)
    assert data.spec.in_channels == {"5 bands": 5, "grey": 1}.get(kind, 3)


CLASSES = np.kron(np.arange(6).reshape(2, 3) % 3, np.ones((20, 14), int)).astype(np.uint8)
"""(40, 42), classes 0, 1 and 2."""
COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 0, 128]], np.uint8)
VOC = [value for colour in COLOURS.tolist() for value in colour] + [1, 2, 3] * 252 + [224, 224, 192]


def save_mask(path: Path, kind: str, classes: NDArray[np.uint8]) -> None:
    """Writes classes 0, 1, 2 as a mask of a kind."""
    path.parent.mkdir(parents=True, exist_ok=True)
    palette = Image.fromarray(classes, "P")
    palette.putpalette(VOC)
    match kind:
        case "palette" | "palette gif":
            palette.save(path)
        case "rgb":
            Image.fromarray(COLOURS[classes]).save(path)
        case "rgba":
            alpha = np.full((*classes.shape, 1), 255, np.uint8)
            Image.fromarray(np.concatenate([COLOURS[classes], alpha], axis=2)).save(path)
        case "16 bits":
            cv2.imwrite(str(path), classes.astype(np.uint16) * 1000)
        case "grey as rgb":
            Image.fromarray(np.repeat(classes[..., None] * np.uint8(100), 3, axis=2)).save(path)
        case "one-hot":
            tifffile.imwrite(path, np.eye(3, dtype=np.uint8)[classes], photometric="minisblack", planarconfig="contig")
        case "npy":
            np.save(path, classes.astype(np.int64))
        case _:
            Image.fromarray(classes * np.uint8(100)).save(path)


MASKS = {
    "grey": ("png", {0: "class_0", 100: "class_1", 200: "class_2"}),
    "grey as rgb": ("png", {0: "class_0", 100: "class_1", 200: "class_2"}),
    "16 bits": ("png", {0: "class_0", 1000: "class_1", 2000: "class_2"}),
    "bmp": ("bmp", {0: "class_0", 100: "class_1", 200: "class_2"}),
    "tif": ("tif", {0: "class_0", 100: "class_1", 200: "class_2"}),
    "npy": ("npy", {0: "class_0", 1: "class_1", 2: "class_2"}),
    "one-hot": ("tif", {0: "class_0", 1: "class_1", 2: "class_2"}),
    "rgb": ("png", {"0 0 0": "black", "0 0 128": "navy", "255 0 0": "red"}),
    "rgba": ("png", {"0 0 0": "black", "0 0 128": "navy", "255 0 0": "red"}),
    "palette": ("png", {"0 0 0": "black", "255 0 0": "red", "0 0 128": "navy"}),
    "palette gif": ("gif", {"0 0 0": "black", "255 0 0": "red", "0 0 128": "navy"}),
}


@pytest.mark.parametrize("kind", MASKS)
def test_masks_of_three_classes(tmp_path: Path, kind: str) -> None:
    ending, values = MASKS[kind]
    for seed, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(seed, width=42))
        save_mask(tmp_path / "masks" / f"{name}.{ending}", kind, np.roll(CLASSES, seed, axis=1))
    data = FolderDataModule(str(tmp_path))
    items = everything(data)
    assert data.settled()["mask_values"] == values
    assert data.classes()[0] == tuple(values.values())
    # Colours are sorted, those of a palette in its order.
    order = np.array([0, 2, 1] if kind.startswith("rgb") else [0, 1, 2])
    for seed, name in enumerate(NAMES):
        assert np.array_equal(items[name].target, order[np.roll(CLASSES, seed, axis=1)])
    expected = (
        COLOURS[order].tolist() if "black" in values.values() else [list(colour) for colour in choose_class_colours(3)]
    )
    assert [list(colour) for colour in data.classes()[1]] == expected


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("1-bit png", {0: "background", 1: "foreground"}),
        ("1-bit tif", {0: "background", 1: "foreground"}),
        ("0 and 1", {0: "background", 1: "foreground"}),
        ("0 and 255", {0: "background", 255: "foreground"}),
        ("0 and 65535, empty ones of 8 bits", {0: "background", 65535: "foreground"}),
        ("black and white gif with palettes that differ", {"0 0 0": "background", "255 255 255": "foreground"}),
        ("black and red", {"0 0 0": "background", "255 0 0": "foreground"}),
        ("red and blue", {"0 0 255": "blue", "255 0 0": "red"}),
        ("1 and 2", {1: "class_0", 2: "class_1"}),
    ],
)
def test_masks_of_two_classes(tmp_path: Path, kind: str, values: dict[Any, str]) -> None:
    expected = {}
    for seed, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(seed))
        inside = blocks((0, 1)) if seed % 2 else np.zeros((40, 44), np.uint8)
        expected[name] = inside
        save_binary(tmp_path / "masks" / name, kind, inside, seed)
    data = FolderDataModule(str(tmp_path))
    items = everything(data)
    assert data.settled()["mask_values"] == values
    assert data.spec.is_binary
    for name in NAMES:
        turned = kind == "red and blue"
        assert np.array_equal(items[name].target, 1 - expected[name] if turned else expected[name])


def save_binary(path: Path, kind: str, inside: NDArray[np.uint8], seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.with_suffix(f".{'gif' if 'gif' in kind else 'tif' if 'tif' in kind else 'png'}")
    colours = {"black and red": COLOURS[:2], "red and blue": np.array([[255, 0, 0], [0, 0, 255]], np.uint8)}
    if kind.startswith("1-bit"):
        Image.fromarray(inside.astype(bool)).save(file)
    elif kind in colours:
        Image.fromarray(colours[kind][inside]).save(file)
    elif "gif" in kind:
        # Index 1 is white in one file and black in the next.
        turned = seed % 4 == 1
        shown = Image.fromarray(1 - inside if turned else inside, "P")
        shown.putpalette([255] * 3 + [0] * 3 if turned else [0] * 3 + [255] * 3)
        shown.save(file, optimize=False)
    elif "65535" in kind:
        cv2.imwrite(str(file), inside.astype(np.uint16) * 65535 if inside.any() else inside)
    else:
        first, second = {"0 and 1": (0, 1), "0 and 255": (0, 255), "1 and 2": (1, 2)}[kind]
        Image.fromarray(np.where(inside, second, first).astype(np.uint8)).save(file)


@pytest.mark.parametrize("ignored", [[255], ["224 224 192"], ["#e0e0c0"]])
def test_void_of_palette_masks(tmp_path: Path, ignored: list[Any]) -> None:
    for seed, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(seed, width=42))
        classes = CLASSES.copy()
        classes[:4] = 255
        save_mask(tmp_path / "masks" / f"{name}.png", "palette", classes)
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(tmp_path)).setup()
    message = str(caught.value).splitlines()
    assert "is 255 a class, or what was not labelled (the others count classes)?" in message[0]
    assert message[1] == "  'datamodule.ignored=[255]'"
    data = FolderDataModule(str(tmp_path), ignored=ignored)
    mask = everything(data)["a1"].target
    assert (mask[:4] == IGNORED).all()
    assert np.array_equal(mask[4:], CLASSES[4:])
    assert data.scored_region() == "pixels that are not ignored"
    assert data.classes() == (("black", "red", "navy"), ((0, 0, 0), (255, 0, 0), (0, 0, 128)))


def test_palette_of_equal_colours_is_taken_by_its_indices(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(seed, width=42))
        image = Image.fromarray(CLASSES, "P")
        image.putpalette([0, 0, 0, 7, 7, 7, 7, 7, 7])
        (tmp_path / "masks").mkdir(exist_ok=True)
        image.save(tmp_path / "masks" / f"{name}.png")
    data = FolderDataModule(str(tmp_path))
    assert np.array_equal(everything(data)["a1"].target, CLASSES)
    assert data.settled()["mask_values"] == {0: "class_0", 1: "class_1", 2: "class_2"}


def test_mixture_of_grey_rgb_and_alpha_becomes_rgb(tmp_path: Path) -> None:
    pairs(tmp_path, names=NAMES[:3])
    for seed, (name, channels) in enumerate(zip(NAMES[3:], (1, 2, 4, 4), strict=True)):
        write(tmp_path / "images" / f"{name}.png", photo(seed, channels=channels))
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
    data = FolderDataModule(str(tmp_path))
    items = everything(data)
    assert {item.channels for item in items.values()} == {3}
    assert np.array_equal(items["d4"].image, np.repeat(photo(0, channels=1)[..., None], 3, axis=2))
    assert np.array_equal(items["e5"].image, np.repeat(photo(1, channels=2)[..., :1], 3, axis=2))
    assert np.array_equal(items["g7"].image, photo(3, channels=4)[..., :3])
    assert data.settled()["channels"] == "rgb"
    assert "images have different channels or alpha: all are read as rgb" in data.notes
    with pytest.raises(
        DataError, match=r"all images must be alike: datamodule\.channels=rgb or datamodule\.channels=grey"
    ):
        FolderDataModule(str(tmp_path), channels="all").setup()
    grey = everything(FolderDataModule(str(tmp_path), channels="grey"))
    assert {item.channels for item in grey.values()} == {1}
    assert np.array_equal(grey["a1"].image[..., 0], cv2.cvtColor(items["a1"].image, cv2.COLOR_RGB2GRAY))
    assert np.array_equal(grey["d4"].image[..., 0], photo(0, channels=1))


def test_bands_of_tiff_are_kept_and_are_no_colours(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        save(tmp_path / "images" / f"{name}.tif", "5 bands", seed)
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
    assert guessed(tmp_path)["channels"] == "all"
    with pytest.raises(DataError, match=r"5 channels, expected grey or RGB.*use datamodule\.channels=all"):
        FolderDataModule(str(tmp_path), channels="rgb").setup()


def test_missing_pixels_of_geotiffs_count_nowhere(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        image = photo(seed)
        image[image.sum(axis=2) == 0] = 1
        image[:10] = 0
        image[20, 5] = (0, 9, 0)
        (tmp_path / "images").mkdir(exist_ok=True)
        tags = [(42113, "s", 0, "0", True)]
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", image, photometric="rgb", extratags=tags)
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
    for cache in ("none", "ram", "disk"):
        item = everything(FolderDataModule(str(tmp_path), cache=cache))["a1"]
        assert (item.target[:10] == IGNORED).all()
        assert np.array_equal(item.target[10:], blocks((0, 1))[10:])
        assert np.array_equal(item.window(8, 4, 5, 6)[1], item.target[8:13, 4:10])


def test_size_of_a_pixel_on_the_ground(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        (tmp_path / "images").mkdir(exist_ok=True)
        write_georeferenced(tmp_path / "images" / f"{name}.tif", photo(seed), 32633, (0.0, 0.0), 0.3)
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
    data = FolderDataModule(str(tmp_path))
    assert data.spec.pixel_size == pytest.approx(0.3)
    write_georeferenced(tmp_path / "images" / "a1.tif", photo(0), 32633, (0.0, 0.0), 0.5)
    assert FolderDataModule(str(tmp_path)).spec.pixel_size is None


@pytest.mark.parametrize("kind", ["0 and 255", "0 and 1", "with alpha", "palette"])
def test_valid_masks(tmp_path: Path, kind: str) -> None:
    inside = blocks((0, 1, 1, 0))
    for seed, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(seed))
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
        valid = inside if kind == "0 and 1" else inside * np.uint8(255)
        if kind == "with alpha":
            valid = np.stack([valid, np.full_like(valid, 255)], axis=2)
        write(tmp_path / "roi" / f"{name}.png", valid)
        if kind == "palette":
            image = Image.fromarray(1 - inside, "P")
            image.putpalette([255, 255, 255, 0, 0, 0])
            image.save(tmp_path / "roi" / f"{name}.png")
    data = FolderDataModule(str(tmp_path), valid="roi/{stem}.png")
    mask = everything(data)["a1"].target
    assert np.array_equal(mask, np.where(inside == 1, blocks((0, 1)), IGNORED))
    assert data.scored_region() == "where roi/{stem}.png is not 0"
    write(tmp_path / "roi" / "c3.png", inside[:10])
    with pytest.raises(DataError, match=r"roi/c3\.png: 10x44 pixels, but its image .*c3\.png has 40x44"):
        FolderDataModule(str(tmp_path), valid="roi/{stem}.png").setup()
    (tmp_path / "roi" / "c3.png").unlink()
    with pytest.raises(DataError, match=r"images/c3\.png: its valid mask is missing, expected roi/c3\.png"):
        FolderDataModule(str(tmp_path), valid="roi/{stem}.png").setup()


def test_a_pattern_that_is_none_is_refused_before_any_file_is_looked_for() -> None:
    with pytest.raises(ConfigError, match=r"^datamodule\.split_by: a brace is not closed"):
        FolderDataModule("nowhere", split_by="{stem")
    with pytest.raises(ConfigError, match=r"^datamodule\.masks: auto, but images is given; give both, or neither"):
        FolderDataModule("nowhere", images="*.png")


def test_images_of_mixed_depth_are_told_what_helps(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        write(tmp_path / "images" / f"{name}.png", photo(number, channels=1, dtype="uint16" if number > 2 else "uint8"))
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
    with pytest.raises(DataError) as caught:
        names_of(FolderDataModule(str(tmp_path)))
    for line in str(caught.value).splitlines():
        assert line.endswith("all images must be alike: save it as uint16 as they are, or them as uint8")
