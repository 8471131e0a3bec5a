"""Masks of every kind become class numbers; what is not mapped is refused, with a line that works."""

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray
from omegaconf import OmegaConf
from PIL import Image

from segexp.config.paths import conf_dir
from segexp.data.labels.label_keys import Values
from segexp.data.labels.label_map import LabelMap
from segexp.errors import ConfigError, DataError
from segexp.rasters import open_raster
from tests.rasters.files import PALETTE, palette

FILE = Path("gt/austin1.tif")
TRUTH = np.random.default_rng(0).integers(0, 3, (31, 43)).astype(np.uint8)
COLOURS = np.array([[0, 0, 0], [255, 0, 0], [10, 20, 30]], np.uint8)
RGB = {"0 0 0": 0, "255,0,0": 1, "#0a141e": 2}


def pixels(*values: int, dtype: Any = np.uint8) -> NDArray[Any]:
    return np.array([values], dtype)[..., None]


def coloured(classes: NDArray[np.uint8], colours: NDArray[np.uint8] = COLOURS) -> NDArray[np.uint8]:
    return colours[classes]


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([0, 128, 255], np.uint8),
        ([0, 1, 2], np.uint8),
        ([5, 300, 65535], np.uint16),
        ([7, 8, 60000], np.int64),
        ([0, 1, 65535], np.uint32),
        ([3, 4, 5], np.int8),
    ],
)
def test_values_of_any_integer_type(values: list[int], dtype: Any) -> None:
    raw = np.array(values, dtype)[TRUTH]
    labels = LabelMap({value: number for number, value in enumerate(values)}, 3)
    for shaped in (raw, raw[..., None]):
        classes = labels.apply(shaped, FILE)
        assert np.array_equal(classes, TRUTH)
        assert classes.dtype == np.uint8
    assert np.array_equal(labels.apply(raw[3:7, 5:9], FILE), TRUTH[3:7, 5:9])


def test_one_bit() -> None:
    labels = LabelMap({0: 1, 1: 0}, 2)
    assert labels.apply(np.array([[True, False]]), FILE).tolist() == [[0, 1]]


def test_the_mask_is_an_array_of_its_own() -> None:
    raw = pixels(0, 1)
    LabelMap({0: 0, 1: 1}, 2).apply(raw, FILE)[:] = 7
    assert raw.tolist() == [[[0], [1]]]


def test_ignored_values_and_colours() -> None:
    labels = LabelMap({0: 0, 1: 1, 9: 255, "255 255 255": 255}, 2)
    assert labels.apply(pixels(0, 9, 1, 255), FILE).tolist() == [[0, 255, 1, 255]]
    colours = np.array([[[0, 0, 0], [9, 9, 9], [1, 1, 1], [255, 255, 255]]], np.uint8)
    assert labels.apply(colours, FILE).tolist() == [[0, 255, 1, 255]]


@pytest.mark.parametrize("height", [1, 63, 64, 200])
def test_colours(height: int) -> None:
    truth = np.resize(TRUTH, (height, 43))
    assert np.array_equal(LabelMap(RGB, 3).apply(coloured(truth), FILE), truth)
    with_alpha = np.dstack([coloured(truth), np.full(truth.shape, 255, np.uint8)])
    assert np.array_equal(LabelMap(RGB, 3).apply(with_alpha, FILE), truth)


def test_every_colour_is_its_own() -> None:
    """Neighbouring colours, and the last of all, where packing could mix up channels."""
    colours = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 1, 1], [255, 255, 255], [254, 255, 255]], np.uint8)
    mapping = {" ".join(map(str, colour)): number for number, colour in enumerate(colours.tolist())}
    assert LabelMap(mapping, 6).apply(colours[None], FILE).tolist() == [[0, 1, 2, 3, 4, 5]]


def test_grey_saved_as_rgb_and_grey_with_alpha() -> None:
    labels = LabelMap({0: 0, 255: 1}, 2)
    grey = np.where(TRUTH == 1, 255, 0).astype(np.uint8)
    for raw in (np.dstack([grey] * 3), np.dstack([grey] * 4), np.dstack([grey, np.full_like(grey, 255)])):
        assert np.array_equal(labels.apply(raw, FILE), TRUTH == 1)
    deep = grey.astype(np.uint16) * 257
    assert np.array_equal(LabelMap({0: 0, 65535: 1}, 2).apply(np.dstack([deep] * 3), FILE), TRUTH == 1)


@pytest.mark.parametrize("dtype", [np.uint8, bool, np.int64])
@pytest.mark.parametrize("channels", [2, 3, 4, 6])
def test_one_hot(dtype: Any, channels: int) -> None:
    truth = TRUTH % channels
    raw = np.eye(channels, dtype=dtype)[truth]
    labels = LabelMap({number: number for number in range(channels)}, channels)
    assert np.array_equal(labels.apply(raw, FILE), truth)
    ignoring = LabelMap({**{number: number for number in range(channels)}, 1: 255}, channels)
    assert np.array_equal(ignoring.apply(raw, FILE), np.where(truth == 1, 255, truth))


@pytest.mark.parametrize("spoil", [0, 2])
def test_one_hot_with_none_or_two_per_pixel_is_refused(spoil: int) -> None:
    raw = np.eye(4, dtype=np.uint8)[TRUTH]
    raw[5, 5] = [1, 1, 0, 0] if spoil else 0
    with pytest.raises(DataError, match=r"austin1\.tif: a mask of 4 channels of uint8, expected .*exactly one 1 per"):
        LabelMap({0: 0, 1: 1, 2: 2, 3: 3}, 4).apply(raw, FILE)


def test_palette_by_index_and_by_colour(tmp_path: Path) -> None:
    indices = palette(tmp_path / "a.png")[..., 0]
    raster = open_raster(tmp_path / "a.png", raw=True)
    raw = raster.read()
    by_index = LabelMap({number: number for number in range(5)}, 5)
    assert np.array_equal(by_index.apply(raw, raster.path), indices)
    assert np.array_equal(by_index.apply(raw, raster.path, raster.palette), indices)
    numbers = [4, 3, 2, 1, 0]
    colours = {" ".join(map(str, colour)): numbers[index] for index, colour in enumerate(PALETTE.tolist())}
    by_colour = LabelMap(colours, 5)
    assert np.array_equal(by_colour.apply(raw, raster.path, raster.palette), np.array(numbers)[indices])
    # As a viewer shows it, the same file is an RGB image.
    assert np.array_equal(by_colour.apply(open_raster(tmp_path / "a.png").read(), FILE), np.array(numbers)[indices])
    with pytest.raises(DataError, match="palette index 4, but its palette has 3 colours"):
        by_colour.apply(raw, raster.path, PALETTE[:3])


def test_16_bit_file(tmp_path: Path) -> None:
    """As in TGS: 16 bits where there is salt, 8 bits where not."""
    salt = np.where(TRUTH == 1, 65535, 0).astype(np.uint16)
    Image.fromarray(salt).save(tmp_path / "salt.png")
    Image.fromarray(np.zeros_like(TRUTH)).save(tmp_path / "none.png")
    labels = LabelMap({0: 0, 65535: 1}, 2)
    for name, expected in (("salt.png", TRUTH == 1), ("none.png", np.zeros_like(TRUTH))):
        raster = open_raster(tmp_path / name, raw=True)
        assert np.array_equal(labels.apply(raster.read(), raster.path), expected)


def proposed(error: DataError) -> dict[int | str, int]:
    """The mapping in the line that the message tells to write, as Hydra reads it."""
    line = re.search(r"(datamodule\.mask_values)='(\{.*\})'$", str(error))
    assert line, str(error)
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", ["datamodule=drive", f"{line[1]}={line[2]}"])
    mapping: dict[int | str, int] = OmegaConf.to_container(config.datamodule.mask_values)  # type: ignore[assignment]
    return mapping


CASES: list[tuple[Values, int, NDArray[Any], str, dict[int | str, int]]] = [
    ({0: 0, 255: 1}, 2, pixels(0, 128), "values 128 fit no class (legal: 0, 255)", {0: 0, 128: 1, 255: 1}),
    ({0: 0, 128: 1}, 3, pixels(0, 255), "values 255 fit no class (legal: 0, 128)", {0: 0, 128: 1, 255: 2}),
    ({0: 0, 1: 1}, 2, pixels(0, 65535, dtype=np.uint16), "values 65535 fit no class", {0: 0, 1: 1, 65535: 1}),
    (
        {"0 0 0": 0, "#ff0000": 1},
        3,
        np.array([[[0, 0, 0], [1, 2, 3]]], np.uint8),
        "colours 1 2 3 fit no class (legal: 0 0 0, 255 0 0)",
        {"0 0 0": 0, "1 2 3": 2, "255 0 0": 1},
    ),
    (
        {0: 0, 255: 1},
        2,
        np.array([[[0, 0, 0], [255, 0, 0]]], np.uint8),
        "colours 255 0 0 fit no class (legal: 0 0 0, 255 255 255)",
        {"0 0 0": 0, "255 0 0": 1, "255 255 255": 1},
    ),
]


@pytest.mark.parametrize(("values", "classes", "raw", "shown", "line"), CASES)
def test_the_message_has_a_line_that_makes_the_values_legal(
    values: Values, classes: int, raw: NDArray[Any], shown: str, line: dict[int | str, int]
) -> None:
    with pytest.raises(DataError) as caught:
        LabelMap(values, classes).apply(raw, FILE)
    assert str(caught.value).startswith(f"{FILE}: mask {shown}")
    assert proposed(caught.value) == line
    assert LabelMap(proposed(caught.value), classes).apply(raw, FILE).max() < classes


@pytest.mark.parametrize("value", [-1, 65536, 2**40])
def test_values_out_of_range_are_refused_not_wrapped(value: int) -> None:
    labels = LabelMap({0: 0, 255: 1, 65535: 1}, 2)
    with pytest.raises(DataError, match=f"mask values {value} fit no class"):
        labels.apply(pixels(0, value, dtype=np.int64), FILE)


def test_many_values_are_a_resized_mask() -> None:
    with pytest.raises(DataError, match=r"254 such values are no classes, was it resized or saved as JPEG\? Copy it"):
        LabelMap({0: 0, 255: 1}, 2).apply(np.arange(256, dtype=np.uint8)[None], FILE)
    noise = np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    with pytest.raises(
        DataError, match=r"400 such colours are no classes, was it resized or saved as JPEG\?"
    ) as caught:
        LabelMap({"0 0 0": 0, "255 0 0": 1}, 2).apply(noise, FILE)
    assert "mask_values" not in str(caught.value)
    assert str(caught.value).count(",") < 20


def test_what_no_mask_can_be() -> None:
    labels = LabelMap({0: 0, 1: 1, "255 0 0": 1}, 2)
    for raw, message in (
        (np.zeros((3, 3)), "mask of float64 numbers, expected integers; save class numbers as uint8"),
        (np.full((3, 3, 3), [1, 2, 3], np.uint16), "mask colours of uint16, expected 8 bits"),
        (np.full((3, 3, 4), [1, 2, 3, 128], np.uint8), "or an RGBA image whose alpha is 255 everywhere"),
        (np.full((3, 3, 5), [1, 2, 3, 4, 5], np.uint8), "a mask of 5 channels of uint8, expected one channel, RGB of"),
    ):
        with pytest.raises(DataError, match=message):
            labels.apply(raw, FILE)


def test_nearest_value_is_taken_and_told() -> None:
    labels = LabelMap({0: 0, 128: 1, 255: 2}, 3, nearest=True)
    raw = pixels(0, 3, 3, 64, 65, 128, 190, 192, 255)
    assert labels.apply(raw, FILE).tolist() == [[0, 0, 0, 0, 1, 1, 1, 2, 2]]
    assert labels.changed == {str(FILE): {3: 2, 64: 1, 65: 1, 190: 1, 192: 1}}
    # A window of the same file tells nothing new; another file has a record of its own.
    labels.apply(raw[:, :2], FILE)
    labels.apply(pixels(0, 128, 255), Path("clean.png"))
    labels.apply(pixels(40000, dtype=np.uint16), Path("deep.png"))
    assert labels.changed == {str(FILE): {3: 2, 64: 1, 65: 1, 190: 1, 192: 1}, "deep.png": {40000: 1}}
    assert labels.notes() == [
        f"{FILE}: 6 pixels of 3, 64, 65, 190, 192 set to the nearest legal value",
        "deep.png: 1 pixels of 40000 set to the nearest legal value",
    ]


def test_nearest_colour() -> None:
    labels = LabelMap(RGB, 3, nearest=True)
    raw = np.array([[[0, 0, 0], [250, 5, 0], [10, 20, 31], [10, 20, 31]]], np.uint8)
    assert labels.apply(raw, FILE).tolist() == [[0, 1, 2, 2]]
    assert labels.changed == {str(FILE): {"250 5 0": 1, "10 20 31": 2}}


def test_nearest_may_be_ignored() -> None:
    labels = LabelMap({0: 0, 255: 255}, 2, nearest=True)
    assert labels.apply(pixels(0, 1, 250, 255), FILE).tolist() == [[0, 0, 255, 255]]


def test_pickled_without_tables() -> None:
    labels = LabelMap({**RGB, 7: 1}, 3, nearest=True)
    labels.apply(pixels(6), FILE)
    labels.apply(coloured(TRUTH), FILE)
    sent = pickle.dumps(labels)
    assert len(sent) < 1000
    copy: LabelMap = pickle.loads(sent)
    assert copy.changed == {str(FILE): {6: 1}}
    assert np.array_equal(copy.apply(coloured(TRUTH), FILE), TRUTH)
    assert copy.apply(pixels(7), FILE).tolist() == [[1]]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "found nothing"),
        ({0: 0, 255: 2}, "found 255:2, expected a class of 0..1, or 255 for ignored"),
        ({0: -1}, "found 0:-1"),
        ({0: 0.5}, "found 0:0.5"),
        ({0: True}, "found 0:True"),
        ({65536: 1}, "found the key 65536, expected a value of 0..65535 or a colour as '255 0 0'"),
        ({-1: 1}, "found the key -1"),
        ({"red": 1}, "found the key 'red'"),
        ({"256 0 0": 1}, "found the key '256 0 0'"),
        ({"255 0": 1}, "found the key '255 0'"),
        ({"#ff00": 1}, "found the key '#ff00'"),
        ({1.5: 1}, "found the key 1.5"),
        ({"255 0 0": 0, "#ff0000": 1}, "255 0 0 is there twice, as 0 and as 1"),
        ({7: 0, "7": 1}, "7 is there twice, as 0 and as 1"),
    ],
)
def test_impossible_mappings_are_refused(values: Any, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        LabelMap(values, 2)
    assert str(caught.value).startswith("datamodule.mask_values: ")
    assert message in str(caught.value)


def test_forms_of_keys() -> None:
    for key in ("255 0 0", "255,0,0", "255, 0, 0", "(255, 0, 0)", "#ff0000", "#FF0000"):
        assert LabelMap({key: 1}, 2).colours == {0xFF0000: 1}
    assert LabelMap({"12": 1}, 2).numbers == {12: 1}


def test_too_many_classes() -> None:
    LabelMap({0: 253}, 254)
    with pytest.raises(ConfigError, match="found 255 classes, expected at most 254"):
        LabelMap({0: 0}, 255)


def test_threads_never_look_up_in_a_table_that_is_still_being_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = LabelMap({"255 0 0": 0, "0 0 255": 1}, 2)
    seen: list[object] = []

    class Watched(dict[int, int]):
        def values(self) -> Any:
            seen.append(labels._colour_table)
            return super().values()

    monkeypatch.setattr(labels, "_by_colour", Watched(labels._by_colour))
    pixels = np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)
    assert labels.apply(pixels, Path("a.png")).tolist() == [[0, 1]]
    assert seen == [None]
