"""What fuzzing has found, each as the smallest file of its kind."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segexp.cli.messages import say_error
from segexp.config.stored.check import check_stored
from segexp.data.folder.patterns import Match
from segexp.data.folder.table import read_table
from segexp.data.splits.split_file import MOST, read_split
from segexp.errors import DataError, StoredError
from segexp.rasters import open_raster
from segexp.rasters.formats.stack import open_stack
from segexp.runs.pickled.torch_file import why_unreadable
from segexp.sweeps.manifest import Manifest

HEADERS = {
    "that Python cannot parse": b"\x93NUMPY\x01\x00" + (20).to_bytes(2, "little") + b"{'descr': (((((((((((",
    "of 2 GB": b"\x93NUMPY\x02\x00" + (2**31 - 1).to_bytes(4, "little") + b"{}",
    "of another version": b"\x93NUMPY\x59\x01" + bytes(100),
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
def test_an_array_with_a_header(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(header)
    for open_file in (open_raster, open_stack):
        with pytest.raises(DataError, match=r"a\.npy: cannot be read as an image"):
            open_file(tmp_path / "a.npy")


def test_a_tiff_of_many_bands_is_read_in_moments(tmp_path: Path) -> None:
    """GDAL needs half a minute for these."""
    pixels = np.arange(2 * 3 * 16_384, dtype=np.uint16).reshape(2, 3, 16_384)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", planarconfig="contig", compression="zlib")
    np.testing.assert_array_equal(open_raster(tmp_path / "a.tif").read(), pixels)


def test_gdal_says_nothing_of_odd_tags(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((40, 40), np.uint8), tile=(16, 16), compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        place = file.pages.first.tags[305].offset
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[place : place + 2] = (254).to_bytes(2, "little")  # no longer in order
    (tmp_path / "a.tif").write_bytes(content)
    assert open_raster(tmp_path / "a.tif").read().min() == 1
    assert capfd.readouterr().err == ""


def test_a_colour_table_that_is_no_table(tmp_path: Path) -> None:
    colours = np.arange(3 * 256, dtype=np.uint16).reshape(3, 256)
    tifffile.imwrite(tmp_path / "a.tif", np.ones((8, 8), np.uint8), photometric="palette", colormap=colours)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        place = file.pages.first.tags[320].offset
    content = bytearray((tmp_path / "a.tif").read_bytes())
    content[place + 4 : place + 8] = (767).to_bytes(4, "little")  # of 768 numbers
    (tmp_path / "a.tif").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.tif: .*its colour table is damaged"):
        open_raster(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("name", "value"), [("folder", False), ("label", 3), ("choices", {"model": None}), ("seconds", "1")]
)
def test_a_job_of_a_manifest_with_a_value_of_another_type(tmp_path: Path, name: str, value: object) -> None:
    job = {"number": 0, "key": "a", "label": "a", "overrides": [], "choices": {}, "folder": "0", "state": "finished"}
    (tmp_path / "manifest.json").write_text(json.dumps({"jobs": [{**job, name: value}]}))
    with pytest.raises(DataError, match=rf"manifest\.json: is no manifest of segexp: {name} of a job is .*, expected"):
        Manifest.read(tmp_path)


def test_pillow_says_nothing_of_odd_tags(tmp_path: Path) -> None:
    entries = (5).to_bytes(2, "little") + bytes(7)  # five of them are declared, not even one is there
    broken = b"Exif\0\0II*\0" + (8).to_bytes(4, "little") + entries
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg", exif=broken)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_raster(tmp_path / "a.jpg").read().shape == (8, 8, 3)
    with pytest.warns(UserWarning, match="Corrupt EXIF"), Image.open(tmp_path / "a.jpg") as image:
        image.getexif()


def test_a_stored_config_with_a_target_at_its_top(tmp_path: Path) -> None:
    with pytest.raises(StoredError, match=r"_target_: 'os\.system' stands where no object is taken"):
        check_stored({"_target_": "os.system"}, tmp_path, built=())


def test_a_table_with_a_number_of_5000_digits(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"image,patient\na,{'9' * 5000}\n007,1\n")
    table = read_table(tmp_path / "a.csv", "image", [Match("7.png", ("7",), {"stem": "7", "folder": ""})])
    assert table.rows["7.png"]["patient"] == "1"


def test_the_split_of_another_data_set_is_told_in_a_few_lines(tmp_path: Path) -> None:
    names = ", ".join(f'"{number}"' for number in range(20_000))
    (tmp_path / "split.json").write_text(f'{{"train": [{names}], "val": ["a"], "test": ["b"]}}')
    with pytest.raises(DataError) as caught:
        read_split(tmp_path / "split.json", ["a", "b"], [])
    lines = str(caught.value).splitlines()
    assert len(lines) == MOST + 1
    assert lines[-1].endswith("and 19995 more of the kind")


def test_what_torch_says_of_a_file_is_a_line_without_its_advice_to_run_it(tmp_path: Path) -> None:
    said = (
        "Weights only load failed. This file can still be loaded, to do so you have two options\n\t(1) ...False\n"
        "WeightsUnpickler error: Unsupported global: GLOBAL os.system was not an allowed global by default. Please use "
        "`torch.serialization.add_safe_globals([system])` to allowlist this global."
    )
    expected = "Unsupported global: GLOBAL os.system was not an allowed global by default"
    assert why_unreadable(tmp_path / "a.ckpt", RuntimeError(said)) == expected
    assert why_unreadable(tmp_path / "a.ckpt", EOFError()) == "EOFError"


def test_a_terminal_obeys_no_letters_of_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    say_error(DataError("a\x1b[31m.png: it is empty\nb\x07.png: it is empty"))
    expected = "segexp: a\\x1b[31m.png: it is empty\nsegexp: b\\x07.png: it is empty\n"
    assert capsys.readouterr().err == expected
