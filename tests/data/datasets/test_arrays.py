"""Arrays of images: class numbers and one-hot, floating point, windows, faults."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.data.datasets.arrays import ArraysDataModule
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.generate import generate
from segexp.errors import ConfigError, DataError, UserError
from segexp.rasters.formats.stack import open_stack

IMAGES, MASKS = "images_training.npy", "seg_training.npy"


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of 40x44 in three classes, one-hot; one without labels."""
    folder = tmp_path_factory.mktemp("data") / "arrays"
    generate("cells", "arrays", folder, count=13, size=(40, 44), seed=0)
    return folder


@pytest.fixture
def root(intact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(intact, tmp_path / "arrays"))


def make(root: Path, **keys: Any) -> ArraysDataModule:
    data = ArraysDataModule(str(root), **keys)
    data.setup()
    return data


def change(name: str, how: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    return lambda root: np.save(root / name, how(np.load(root / name)))


def items(data: ArraysDataModule) -> dict[int, Any]:
    return {int(item.name[-3:]): item for phase in PHASES for item in data.items(phase)}


def numbers(root: Path) -> np.ndarray:
    return np.load(root / MASKS).argmax(axis=3).astype(np.uint8)


@pytest.mark.parametrize("cache", ["none", "ram", "disk"])
def test_an_item_for_each_index(intact: Path, cache: str) -> None:
    data = make(intact, cache=cache)
    assert data.spec.classes == ("class_0", "class_1", "class_2")
    assert len(set(data.spec.colours)) == 3
    images, masks, found = np.load(intact / IMAGES), numbers(intact), items(data)
    assert sorted(found) == list(range(12))
    for index, item in found.items():
        assert item.name == f"images_training_{index:03d}"
        assert np.array_equal(item.image, images[index])
        assert np.array_equal(item.target, masks[index])
        image, mask = item.window(3, 5, 7, 11)
        assert np.array_equal(image, images[index, 3:10, 5:16])
        assert np.array_equal(mask, masks[index, 3:10, 5:16])
    assert f"{intact}/images_testing.npy: not used" in data.notes


@pytest.mark.parametrize("dtype", ["uint8", "bool", "int64", "float32", "float64"])
def test_one_hot_and_class_numbers_of_any_type_are_the_same_data(intact: Path, root: Path, dtype: str) -> None:
    expected = {index: item.target for index, item in items(make(intact)).items()}
    change(MASKS, lambda a: a.astype(dtype))(root)
    for index, item in items(make(root)).items():
        assert np.array_equal(item.target, expected[index])
    if dtype != "bool":
        np.save(root / MASKS, numbers(intact).astype(dtype))
        data = make(root, classes=["ground", "cytoplasm", "nucleus"])
        assert data.spec.classes == ("ground", "cytoplasm", "nucleus")
        for index, item in items(data).items():
            assert np.array_equal(item.target, expected[index])


def test_class_numbers_may_mean_something_else_and_255_is_ignored(root: Path) -> None:
    found = numbers(root)
    found[:, :4] = 255
    np.save(root / MASKS, found[..., None])
    assert all((item.target[:4] == 255).all() for item in items(make(root, classes=["a", "b", "c"])).values())
    data = make(root, classes=["cell", "ground"], mask_values={0: 1, 1: 0, 2: 0, 255: 255})
    for index, item in items(data).items():
        assert np.array_equal(item.target[4:], (found[index, 4:] == 0))


def test_images_of_one_channel_and_of_16_bits(root: Path) -> None:
    change(IMAGES, lambda a: a[..., 0].astype(np.uint16) * 257)(root)
    data = make(root)
    assert data.spec.in_channels == 1
    assert all(item.image.dtype == np.uint16 and item.image.shape == (40, 44, 1) for item in items(data).values())


@pytest.mark.parametrize(("values", "scale"), [("unit", 1 / 255), ("byte", 1.0)])
@pytest.mark.parametrize("cache", ["none", "ram"])
def test_floating_point_becomes_8_bits_on_request_and_is_noted(
    intact: Path, root: Path, values: str, scale: float, cache: str
) -> None:
    change(IMAGES, lambda a: (a * scale).astype(np.float32))(root)
    with pytest.raises(DataError, match=r"found float32 pixels, \S+ to \S+ in the first image, .*image_values=unit"):
        make(root)
    data = make(root, image_values=values, cache=cache)
    assert f"{root / IMAGES}: float32 of {values} turned into 8 bits" in data.notes
    original = np.load(intact / IMAGES)
    for index, item in items(data).items():
        assert item.image.dtype == np.uint8
        assert np.array_equal(item.image, original[index])


def test_official_split_tests_arrays_of_their_own(root: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"test_images, datamodule\.test_masks: found None and None, but a test needs"
    ):
        make(root, split="official")
    with pytest.raises(ConfigError, match=r"found images_testing\.npy and None"):
        make(root, test_images="images_testing.npy")
    np.save(root / "seg_testing.npy", np.load(root / MASKS)[:1])
    data = make(root, split="official", test_images="images_testing.npy", test_masks="seg_testing.npy")
    assert [item.name for item in data.items("test")] == ["images_testing_000"]
    assert len(data.items("train")) + len(data.items("val")) == 12
    assert not any("not used" in note for note in data.notes)


def test_a_window_reads_no_more_than_its_rows(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = open_stack(root / IMAGES)
    read: list[tuple[int, int, int, int]] = []
    real = stack.tall.stored

    def stored(*place: int) -> np.ndarray:
        read.append(place)  # type: ignore[arg-type]
        return real(*place)

    monkeypatch.setattr(stack.tall, "stored", stored)
    window = stack.window(7, 10, 20, 5, 6)
    assert np.array_equal(window, np.load(root / IMAGES)[7, 10:15, 20:26])
    assert read == [(7 * 40 + 10, 20, 5, 6)]
    assert stack.name(7) == root / f"{IMAGES}[7]"


def test_the_survey_is_known_again_for_each_index(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = make(root, cache="none")
    assert len({tuple(row) for row in first.class_pixels("train")}) > 1
    monkeypatch.setattr("segexp.data.files.survey_image", lambda *_: pytest.fail("looked again"))
    again = make(root, cache="none")
    assert again.spec == first.spec
    assert np.array_equal(again.class_pixels("train"), first.class_pixels("train"))


def spoiled(index: tuple[int, ...], value: float) -> Callable[[np.ndarray], np.ndarray]:
    def how(array: np.ndarray) -> np.ndarray:
        array[index] = value
        return array

    return how


def as_numbers(*changes: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], object]:
    def how(root: Path) -> None:
        array = numbers(root)
        for one in changes:
            array = one(array)
        np.save(root / MASKS, array)

    return how


def cut_off(name: str, size: int) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:size])


NAMED = {"classes": ["a", "b", "c"]}
FAULTS: dict[str, tuple[Callable[[Path], object], dict[str, Any], str]] = {
    "no root": (shutil.rmtree, {}, r"datamodule\.root: no folder {root}; give the folder that holds images_training"),
    "no images": (lambda root: (root / IMAGES).unlink(), {}, rf"{{root}}/{IMAGES}: no such file"),
    "no masks": (lambda root: (root / MASKS).unlink(), {}, rf"{{root}}/{MASKS}: no such file"),
    "truncated": (cut_off(IMAGES, 9000), {}, rf"{{root}}/{IMAGES}: cannot be read .*9000 bytes"),
    "empty": (cut_off(MASKS, 0), {}, rf"{{root}}/{MASKS}: cannot be read .*\(0 bytes; "),
    "text": (lambda root: (root / MASKS).write_text("<html>"), {}, rf"{{root}}/{MASKS}: cannot be read"),
    "objects": (
        lambda root: np.save(root / IMAGES, np.array([{}, []], dtype=object)),
        {},
        rf"{{root}}/{IMAGES}: cannot be read .*objects",
    ),
    "archive": (
        lambda root: np.savez(root / "a", a=np.zeros((2, 3, 3))),
        {"images": "a.npz"},
        r"{root}/a\.npz: found an archive of arrays .*, expected one array; write each with numpy\.save",
    ),
    "complex": (change(IMAGES, lambda a: a * 1j), {}, rf"{{root}}/{IMAGES}: found complex128 numbers"),
    "one image": (
        change(IMAGES, lambda a: a[0, ..., 0]),
        {},
        rf"{{root}}/{IMAGES}: found an array of shape \(40, 44\).*expected \(N, H, W\) or \(N, H, W, C\)",
    ),
    "channels first": (
        change(IMAGES, lambda a: np.moveaxis(a[:, :, :40], -1, 1).copy()),
        {},
        rf"{{root}}/{IMAGES}: found an array of shape \(12, 3, 40, 40\).*np\.moveaxis\(a, 1, -1\)",
    ),
    "Fortran order": (change(IMAGES, np.asfortranarray), {}, rf"{{root}}/{IMAGES}: found an array in Fortran order"),
    "fewer masks": (
        change(MASKS, lambda a: a[:-1]),
        {},
        rf"{{root}}/{MASKS}: shape \(11, 40, 44, 3\), but its images {{root}}/{IMAGES} have \(12, 40, 44, 3\);",
    ),
    "smaller masks": (change(MASKS, lambda a: a[:, :-4]), {}, rf"{{root}}/{MASKS}: shape \(12, 36, 44, 3\), but"),
    "no class": (
        change(MASKS, spoiled((3, 5, 7), 0)),
        {},
        rf"{{root}}/{MASKS}\[3\]: 1 pixels are not one-hot, the first in row 5, column 7: found 0, 0, 0, expected",
    ),
    "two classes": (
        change(MASKS, spoiled((3, 5, slice(7, 9)), 1)),
        {},
        rf"{{root}}/{MASKS}\[3\]: 2 pixels are not one-hot, the first in row 5, column 7: found 1, 1, 1",
    ),
    "soft classes": (
        change(MASKS, lambda a: a * 0.5 + 1 / 6),
        {},
        rf"{{root}}/{MASKS}\[\d+\]: 1760 pixels are not one-hot, the first in row 0, column 0: found 0\.\d+, ",
    ),
    "one-hot of 255": (change(MASKS, lambda a: a * 255), {}, r".*\]: 1760 pixels are not one-hot, .*found 255, 0, 0"),
    "class numbers without names": (as_numbers(), {}, r"datamodule\.classes: found null, but .* holds class numbers"),
    "a number of no class": (
        as_numbers(spoiled((3, 5, 7), 9)),
        NAMED,
        rf"{{root}}/{MASKS}\[3\]: mask values 9 fit no class \(legal: 0, 1, 2, 255\).*datamodule\.mask_values=",
    ),
    "half a class": (
        as_numbers(lambda a: a.astype(float), spoiled((3, 5, 7), 0.5)),
        NAMED,
        rf"{{root}}/{MASKS}\[3\]: found 0\.5 among class numbers, expected whole numbers",
    ),
    "too many names": (
        lambda root: None,
        {"classes": ["a", "b"]},
        rf"datamodule\.classes: found 2 names, but {{root}}/{MASKS} \(12, 40, 44, 3\) has 3 one-hot channels",
    ),
    "values of one-hot": (lambda root: None, {"mask_values": {0: 0, 1: 1}}, r"datamodule\.mask_values: one-hot masks"),
    "beyond 1": (
        change(IMAGES, lambda a: a / 200),
        {"image_values": "unit"},
        rf"{{root}}/{IMAGES}\[\d+\]: found pixels of \S+ to 1\.\d+, but datamodule\.image_values=unit says 0\.\.1$",
    ),
    "not a number": (
        change(IMAGES, lambda a: spoiled((4, 0, 0, 0), np.nan)(a / 255)),
        {"image_values": "unit"},
        rf"{{root}}/{IMAGES}\[4\]: found pixels of nan to nan",
    ),
    "negative": (
        change(IMAGES, lambda a: a.astype(np.int16) - 128),
        {"image_values": "byte"},
        rf"{{root}}/{IMAGES}\[\d+\]: found pixels of -\d+ to \d+, but datamodule\.image_values=byte says 0\.\.255$",
    ),
    "bytes said to be unit": (
        lambda root: None,
        {"image_values": "unit"},
        rf"{{root}}/{IMAGES}: found uint8 pixels, but datamodule\.image_values=unit; set \S+=stored",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_message_names_the_file_or_key_and_what_to_do(root: Path, fault: str) -> None:
    spoil, keys, pattern = FAULTS[fault]
    spoil(root)
    with pytest.raises(UserError) as caught:
        make(root, **keys)
    assert re.search("^" + pattern.format(root=re.escape(str(root))), str(caught.value), re.MULTILINE), caught.value
    assert caught.value.exit_code == 2
