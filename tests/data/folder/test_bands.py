"""Only what a file calls alpha is left out; other bands are picked by number, and the model remembers them."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from segexp.data.folder import FolderDataModule
from segexp.errors import DataError
from segexp.inference.pixels import fit_channels, open_image
from segexp.rasters import open_raster
from segexp.spec import DataSpec, MaskTarget
from tests.data.folder.parts import NAMES, blocks, everything, photo
from tests.data.made import write


def bands(path: Path, pixels: NDArray[np.uint8], **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig", metadata=None, **options)  # type: ignore[arg-type]
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for seed, name in enumerate(NAMES):
        bands(tmp_path / "images" / f"{name}.tif", photo(seed, channels=4))
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255)))
    return tmp_path


def test_bands_are_picked_in_their_order(root: Path) -> None:
    data = FolderDataModule(str(root), bands=[3, 2, 1])
    item = everything(data)["a1"]
    assert np.array_equal(item.image, photo(0, channels=4)[..., [2, 1, 0]])
    assert (data.spec.in_channels, data.spec.bands, data.spec.file_channels) == (3, (3, 2, 1), 4)
    assert DataSpec.from_dict(data.spec.to_dict()) == data.spec
    grey = everything(FolderDataModule(str(root), bands=[3, 2, 1], channels="grey"))["a1"]
    assert np.array_equal(grey.image[..., 0], cv2.cvtColor(np.ascontiguousarray(item.image), cv2.COLOR_RGB2GRAY))
    with pytest.raises(DataError, match=r"has 4 bands, bands=\[5\] asks for others"):
        FolderDataModule(str(root), bands=[5]).setup()


@pytest.mark.parametrize("channels", ["rgb", "grey"])
def test_a_fourth_band_is_no_alpha_unless_the_file_says_so(root: Path, channels: str) -> None:
    with pytest.raises(DataError, match=r"4 bands, none of which the file calls alpha.*'datamodule\.bands=\[3,2,1\]'"):
        FolderDataModule(str(root), channels=channels).setup()  # type: ignore[arg-type]
    for seed, name in enumerate(NAMES):
        bands(root / "images" / f"{name}.tif", photo(seed, channels=4), extrasamples=(0, 0, 2))
    item = everything(FolderDataModule(str(root), channels=channels))["a1"]  # type: ignore[arg-type]
    assert item.channels == {"rgb": 3, "grey": 1}[channels]


def test_a_model_takes_the_bands_it_was_trained_on(root: Path) -> None:
    file, pixels = root / "images/a1.tif", photo(0, channels=4)
    spec = DataSpec(MaskTarget(("a", "b"), ((0, 0, 0), (1, 1, 1))), 3, dtype="uint8", bands=(3, 2, 1), file_channels=4)
    expected = pixels[..., [2, 1, 0]]
    assert np.array_equal(fit_channels(open_raster(file), spec).read(), expected)
    assert np.array_equal(open_image(pixels, spec).read(), expected)
    assert np.array_equal(open_image(np.ascontiguousarray(expected), spec).read(), expected)
    assert np.array_equal(open_image(file, spec, bands=[1, 2, 4]).read(), pixels[..., [0, 1, 3]])
    write(root / "rgb.png", pixels[..., :3])
    with pytest.raises(DataError, match=r"trained on bands \[3, 2, 1\] of 4; .*as in 'bands=\[1,2,3\]'"):
        open_image(root / "rgb.png", spec)


def test_near_infrared_is_not_cut_off(root: Path) -> None:
    spec = DataSpec(MaskTarget(("a", "b"), ((0, 0, 0), (1, 1, 1))), 3, dtype="uint8")
    with pytest.raises(DataError, match=r"a1\.tif: 4 bands, none of which the file calls alpha.*'bands=\[1,2,3\]'"):
        open_image(root / "images/a1.tif", spec)
    radar = bands(root / "vv_vh.tif", photo(0, channels=2))
    with pytest.raises(DataError, match=r"2 bands, none.*'bands=\[1,2,1\]'"):
        open_image(radar, spec)
    assert open_image(radar, spec, bands=[1, 2, 1]).channels == 3
    grey = DataSpec(MaskTarget(("a", "b"), ((0, 0, 0), (1, 1, 1))), 1, (0.0,), (1.0,), dtype="uint8")
    with pytest.raises(DataError, match=r"'bands=\[1\]'"):
        open_image(radar, grey)
    # What is called alpha is left out as before: in files of every kind, and in Pillow's images.
    rgba = photo(1, channels=4)
    write(root / "rgba.png", rgba)
    tifffile.imwrite(root / "rgba.tif", rgba, photometric="rgb", extrasamples=("unassalpha",), metadata=None)
    for image in (root / "rgba.png", root / "rgba.tif", Image.fromarray(rgba)):
        assert np.array_equal(open_image(image, spec).read(), rgba[..., :3])
