"""Writers of the file layouts of real data sets: each draws images and lays them on disk as the set does."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as PillowImage

from segexp.data.items.item import Image, Mask
from segexp.data.synthetic.georeferenced import write_georeferenced
from segexp.data.synthetic.scenes import Scene, draw_scene, find_scene
from segexp.data.synthetic.scenes.degrade import texture

Size = int | tuple[int, int]


@dataclass(frozen=True)
class LayoutWriter:
    """Draws the images of a set and writes them below its root.

    Attributes:
        scene: What is drawn.
        root: The temporary folder that becomes ``out``.
        count: Images in all.
        size: Side of a square or (H, W).
        seed: Of the drawing.
    """

    scene: str
    root: Path
    count: int
    size: Size
    seed: int

    def draw(self, index: int, size: Size | None = None) -> Scene:
        """Draws image number ``index``, of another size if need be."""
        return draw_scene(self.scene, self.seed, index, self.size if size is None else size)

    def rng(self, index: int) -> np.random.Generator:
        """Makes the random numbers that belong to an image and not to its drawing: its size, the second observer."""
        return np.random.default_rng((self.seed, index, 1))

    def save(self, name: str, array: Image) -> None:
        """Write an image; Pillow writes TIFF as plain strips, and GIF, which OpenCV below 4.11 cannot."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # without it a GIF of 0 and 255 gets a palette of two entries, and a raw reader sees 0 and 1
        PillowImage.fromarray(array).save(path, optimize=False)


def trace_again(rng: np.random.Generator, mask: Mask) -> Mask:
    """Traces the vessels of a mask as another person would.

    In places the strokes are a pixel wider, in others they follow only the wider vessels.

    Args:
        rng: Source of randomness.
        mask: uint8 (H, W) of 0 and 1.

    Returns:
        uint8 (H, W) of 0 and 1.
    """
    mood = texture(rng, (mask.shape[0], mask.shape[1]), max(mask.shape) / 4)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    wider = cv2.dilate(mask, cross)
    fewer = cv2.morphologyEx(mask, cv2.MORPH_OPEN, cross)
    return np.where(mood > 0.6, wider, np.where(mood < -0.4, fewer, mask)).astype(np.uint8)


def write_drive(writer: LayoutWriter) -> None:
    """Writes training images from 21 on and test images from 01 on, as in DRIVE; later if the test part reaches 21."""
    tests = max(1, writer.count // 2)
    first = max(21, tests + 1)
    for index in range(max(1, writer.count - tests)):
        _write_eye(writer, index, f"{first + index:02d}", "training")
    for place in range(tests):
        index = writer.count + place
        scene = _write_eye(writer, index, f"{place + 1:02d}", "test")
        other = trace_again(writer.rng(index), scene.mask) * scene.fov
        writer.save(f"test/2nd_manual/{place + 1:02d}_manual2.gif", other * np.uint8(255))


def _write_eye(writer: LayoutWriter, index: int, number: str, part: str) -> Scene:
    scene = writer.draw(index)
    writer.save(f"{part}/images/{number}_{part}.tif", scene.image)
    # nothing is traced outside the field of view
    writer.save(f"{part}/1st_manual/{number}_manual1.gif", scene.mask * scene.fov * np.uint8(255))
    writer.save(f"{part}/mask/{number}_{part}_mask.gif", scene.fov * np.uint8(255))
    return scene


_LABELLED = {"austin": 14, "chicago": 16, "kitsap": 10, "tyrol-w": 32, "vienna": 33}
_UNLABELLED = {"bellingham": 10, "bloomington": 16, "innsbruck": 32, "sfo": 10, "tyrol-e": 33}
"""Zone of the map (UTM north) that each city of the training and of the test part lies in."""
_GROUND = 0.3
"""Metres a pixel of Inria."""


def _inria_tile(place: int) -> int:
    """Tile number at a place: over the five cities 6 1 6 1 6, then 1 6 1 6 1, then 7 2 7 2 7 ...

    The official validation part is tiles 1-5 of each city, so two images suffice for both parts to have one.
    """
    city_round, city = divmod(place, len(_LABELLED))
    pair, late = divmod(city_round, 2)
    if pair >= 5:
        return 1 + city_round
    return pair + (1 if (city + late) % 2 else 6)


def write_inria(writer: LayoutWriter) -> None:
    """Writes three quarters of the tiles with labels and one quarter without."""
    tests = max(1, writer.count // 4)
    cities, others = tuple(_LABELLED), tuple(_UNLABELLED)
    for index in range(max(1, writer.count - tests)):
        tile = cities[index % len(cities)], _inria_tile(index)
        scene = writer.draw(index)
        _save_tile(writer, "train/images", tile, scene.image)
        _save_tile(writer, "train/gt", tile, scene.mask * np.uint8(255))
    for place in range(tests):
        tile = others[place % len(others)], 1 + place // len(others)
        _save_tile(writer, "test/images", tile, writer.draw(writer.count + place).image)


def _save_tile(writer: LayoutWriter, folder: str, tile: tuple[str, int], pixels: Image) -> None:
    """Tiles of a city lie side by side on the map, six in a row."""
    city, number = tile
    path = writer.root / "AerialImageDataset" / folder / f"{city}{number}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    down, across = divmod(number - 1, 6)
    corner = 500_000 + across * pixels.shape[1] * _GROUND, 4_500_000 - down * pixels.shape[0] * _GROUND
    write_georeferenced(path, pixels, 32600 + (_LABELLED | _UNLABELLED)[city], corner, _GROUND)


_CELL_GREYS = np.array((0, 128, 255), np.uint8)


def _cell_size(writer: LayoutWriter, index: int) -> tuple[int, int]:
    """Three of four images have the full size; the sides of the others are up to a quarter shorter."""
    full = (writer.size, writer.size) if isinstance(writer.size, int) else writer.size
    rng = writer.rng(index)
    if rng.random() < 0.75:
        return full
    height, width = (max(32, side - 4 * int(rng.integers(0, side // 16 + 1))) for side in full)
    return height, width


def write_cells(writer: LayoutWriter) -> None:
    """Writes three quarters into Dataset 1, of about the size asked for, and the others 2.5 times as large."""
    second = max(1, writer.count // 4)
    first = max(1, writer.count - second)
    full = (writer.size, writer.size) if isinstance(writer.size, int) else writer.size
    large = (min(5000, full[0] * 5 // 2), min(5000, full[1] * 5 // 2))
    # the real label files differ in their headers too
    _write_cell_set(writer, "Dataset 1", "image ID,class label", [_cell_size(writer, n) for n in range(first)], 0)
    _write_cell_set(writer, "Dataset 2", "image ID,class", [large] * second, writer.count)


def _write_cell_set(writer: LayoutWriter, folder: str, header: str, sizes: list[tuple[int, int]], start: int) -> None:
    lines = [header]
    for number, size in enumerate(sizes, start=1):
        scene = writer.draw(start + number - 1, size)
        writer.save(f"{folder}/{number:03d}.bmp", scene.image)
        writer.save(f"{folder}/{number:03d}.png", _CELL_GREYS[scene.mask])
        lines.append(f"{number},{scene.kind}")
    table = writer.root / f"Class Labels of {folder}.csv"
    # CRLF as in the real files
    table.write_bytes(("\r\n".join(lines) + "\r\n").encode("ascii"))


def write_salt(writer: LayoutWriter) -> None:
    """Writes names like the real ones; four of ten images show nothing, and what they showed is painted over."""
    lines = ["id,rle_mask"]
    for index in range(writer.count):
        scene = writer.draw(index)
        name = writer.rng(index).bytes(5).hex()
        empty = index % 5 in (1, 3)
        grey = cv2.cvtColor(_without(scene) if empty else scene.image, cv2.COLOR_RGB2GRAY)
        writer.save(f"images/{name}.png", np.repeat(grey[..., None], 3, axis=2))
        # as in the real set: 16 bits where there is salt, 8 where there is none
        salt = (scene.mask > 0) & (scene.fov > 0) & (not empty)
        white, bits = (65535, np.uint16) if salt.any() else (0, np.uint8)
        writer.save(f"masks/{name}.png", np.where(salt, white, 0).astype(bits))
        lines.append(f"{name},{_run_lengths(salt)}")
    (writer.root / "train.csv").write_text("\n".join(lines) + "\n", encoding="ascii")


def _without(scene: Scene) -> Image:
    """The image with its foreground filled from what surrounds it."""
    hidden = cv2.dilate(scene.mask, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.inpaint(scene.image, hidden, 3, cv2.INPAINT_TELEA))


def _run_lengths(salt: Image) -> str:
    """Starts and lengths of runs, counted from 1 down the columns, as the challenge writes masks."""
    flat = np.concatenate([[0], salt.T.ravel(), [0]]).astype(np.int8)
    changes = np.flatnonzero(np.diff(flat)) + 1
    changes[1::2] -= changes[::2]
    return " ".join(map(str, changes))


def write_arrays(writer: LayoutWriter) -> None:
    """Writes arrays with one-hot masks, all of it held in memory; an eighth of the images has no labels."""
    tests = max(1, writer.count // 8)
    labelled = max(1, writer.count - tests)
    scenes = [writer.draw(index) for index in range(labelled)]
    one_hot = np.eye(len(find_scene(writer.scene).classes), dtype=np.uint8)
    np.save(writer.root / "images_training.npy", np.stack([scene.image for scene in scenes]))
    np.save(writer.root / "seg_training.npy", one_hot[np.stack([scene.mask * scene.fov for scene in scenes])])
    testing = [writer.draw(writer.count + place).image for place in range(tests)]
    np.save(writer.root / "images_testing.npy", np.stack(testing))


def write_folder(writer: LayoutWriter) -> None:
    """Writes PNG of 0 and 255 for two classes, else of the colours of the classes; images.csv says who is who."""
    colours = np.array(find_scene(writer.scene).colours, np.uint8)
    lines = ["image,patient,type"]
    for index in range(writer.count):
        patient, picture = divmod(index, 2)
        name = f"p{patient + 1:02d}_{picture + 1}"
        scene = writer.draw(index)
        writer.save(f"images/{name}.png", scene.image)
        writer.save(f"masks/{name}.png", scene.mask * np.uint8(255) if len(colours) == 2 else colours[scene.mask])
        lines.append(f"{name}.png,patient {patient + 1},{scene.kind}")
    (writer.root / "images.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
