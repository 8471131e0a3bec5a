"""Ways to break a data set on disk or in its config, for the list in tests/data/broken.py."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from segexp.config.experiment import Experiment
from tests.data.made import read, write

Change = Callable[[Path, Experiment], object]
SIDE = 48
IMAGE, MASK = "train/images/train1.png", "train/masks/train1.png"


def photo(seed: int, height: int = SIDE, width: int = SIDE, channels: int = 3) -> NDArray[np.uint8]:
    """An image with coarse structure, so that a copy of it is known and no two are alike."""
    coarse = np.random.default_rng(seed).integers(0, 255, (12, 12, channels), dtype=np.uint8)
    large = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large.reshape(height, width, channels))


def mask(height: int = SIDE, width: int = SIDE) -> NDArray[np.uint8]:
    """Ground, and a thing of 255 on a third of it."""
    made = np.zeros((height, width), np.uint8)
    made[height // 3 : 2 * height // 3] = 255
    return made


def own(root: Path) -> Path:
    """Parts in folders, as datamodule=folder finds them by itself."""
    for number, (part, count) in enumerate((("train", 6), ("val", 2), ("test", 3))):
        for index in range(count):
            write(root / part / "images" / f"{part}{index}.png", photo(100 * number + index))
            write(root / part / "masks" / f"{part}{index}.png", mask())
    return root


def remove(name: str) -> Change:
    return lambda root, _: (root / name).unlink()


def put(name: str, content: bytes) -> Change:
    return lambda root, _: (root / name).write_bytes(content)


def cut(name: str, share: float = 0.5) -> Change:
    def change(root: Path, _: Experiment) -> None:
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[: int(len(content) * share)])

    return change


def edit(name: str, do: Callable[[NDArray[Any]], NDArray[Any]]) -> Change:
    return lambda root, _: write(root / name, do(read(root / name)))


def every(pattern: str, do: Callable[[NDArray[Any]], NDArray[Any]]) -> Change:
    def change(root: Path, _: Experiment) -> None:
        for path in sorted(root.glob(pattern)):
            write(path, do(read(path)))

    return change


def key(name: str, value: Any) -> Change:
    return lambda _, experiment: experiment.datamodule.update({name: value})


def both(*changes: Change) -> Change:
    return lambda root, config: [change(root, config) for change in changes]


def stray(value: int) -> Callable[[NDArray[Any]], NDArray[Any]]:
    def change(pixels: NDArray[Any]) -> NDArray[Any]:
        pixels = pixels.copy()
        pixels[20, 20] = value
        return pixels

    return change


def as_jpeg(root: Path, _: Experiment) -> None:
    """A disc, saved as JPEG under the name of the mask: the content decides, not the name."""
    disc = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (25, 22), 13, 255, -1)
    Image.fromarray(disc).save(root / MASK, format="JPEG", quality=60)


def smooth(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), 2.0))


def wrong_palette(root: Path, experiment: Experiment) -> None:
    """Masks with palettes; one has an index more."""
    experiment.datamodule["mask_values"] = {0: "ground", 1: "thing"}
    for path in sorted(root.glob("*/masks/*.png")):
        palette = Image.fromarray((read(path) > 0).astype(np.uint8) + (path.name == "train1.png"))
        palette.putpalette([0, 0, 0, 250, 250, 250, 9, 9, 9])
        palette.save(path)


def colours(root: Path, experiment: Experiment) -> None:
    """Masks of colours; one has a colour of its own."""
    experiment.datamodule["mask_values"] = {"0 0 0": "ground", "255 0 0": "thing"}
    for path in sorted(root.glob("*/masks/*.png")):
        red = (read(path) > 0)[..., None] * np.array([255, 0, 0], np.uint8)
        if path.name == "train1.png":
            red[5, 5] = (0, 0, 255)
        write(path, red)


def deep(root: Path, _: Experiment) -> None:
    write(root / MASK, read(root / MASK).astype(np.uint16) * 200)


def float_tile(root: Path, _: Experiment) -> None:
    tile = next(root.rglob("train/images/*.tif"))
    tifffile.imwrite(tile, np.zeros((SIDE, SIDE, 3), np.float32), photometric="rgb")


def copy_to(source: str, target: str) -> Change:
    return lambda root, _: shutil.copy(root / source, root / target)


def same_pixels(root: Path, _: Experiment) -> None:
    Image.fromarray(read(root / IMAGE)).save(root / "test/images/test0.png", compress_level=1)


def few(root: Path, _: Experiment) -> None:
    for path in sorted(root.rglob("*.png")):
        if path.parts[-3] != "train" or path.name != "train0.png":
            path.unlink()


def split_file(**parts: list[str]) -> Change:
    """A split by hand, sound but for what is given."""
    whole = {"train": ["train0", "train1"], "val": ["val0"], "test": ["test0"], **parts}

    def change(root: Path, experiment: Experiment) -> None:
        (root.parent / "split.json").write_text(json.dumps(whole))
        experiment.datamodule["split_file"] = str(root.parent / "split.json")

    return change


def dangling(root: Path, _: Experiment) -> None:
    (root / IMAGE).unlink()
    (root / IMAGE).symlink_to(root / "gone.png")


def upper(root: Path, _: Experiment) -> None:
    """One image in capitals, as cameras write it, where the layout says .tif."""
    (root / "training/images/22_training.tif").rename(root / "training/images/22_training.TIF")


def animation(root: Path, _: Experiment) -> None:
    manual = root / "training/1st_manual/22_manual1.gif"
    frames = [Image.fromarray(np.roll(read(manual), shift, 0)) for shift in (0, 5)]
    frames[0].save(manual, save_all=True, append_images=frames[1:])


def stack(name: str, do: Callable[[NDArray[Any]], NDArray[Any]]) -> Change:
    return lambda root, _: np.save(root / name, do(np.load(root / name)))


def csv(root: Path, line: str) -> None:
    table = root / "Class Labels of Dataset 1.csv"
    table.write_text(line + "\n".join(table.read_text().splitlines()[1:]) + "\n")


def grey_among_colour(root: Path, experiment: Experiment) -> None:
    experiment.datamodule["channels"] = "all"
    write(root / IMAGE, photo(1)[..., 0])


def photometric_on_bands(root: Path, experiment: Experiment) -> None:
    experiment.augment["transforms"] = [{"_target_": "albumentations.HueSaturationValue", "p": 0.01}]
    for path in sorted(root.glob("*/images/*.png")):
        tifffile.imwrite(path.with_suffix(".tif"), photo(len(path.name), channels=6), planarconfig="contig")
        path.unlink()
    for seed, path in enumerate(sorted(root.glob("*/images/*.tif"))):
        tifffile.imwrite(path, photo(seed, channels=6), planarconfig="contig")
