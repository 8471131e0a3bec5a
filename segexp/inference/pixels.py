"""Whatever an image comes as (file, array, Pillow image), as a raster with the channels of the model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from segexp.data.folder.channels import OpaqueRaster
from segexp.errors import DataError
from segexp.rasters import EqualChannelsRaster, Header, Limit, Raster, SelectedBands, open_raster
from segexp.spec import DataSpec

_KEPT_MODES = ("L", "LA", "RGB", "RGBA", "I;16")
_SHOWN_AS = {"1": "L", "P": "RGB"}


class ArrayRaster(Raster):
    """Pixels in memory as a raster."""

    mapped = True

    def __init__(
        self,
        pixels: NDArray[Any],
        path: Path | None = None,
        *,
        has_alpha: bool = False,
        pixel_size: float | None = None,
    ) -> None:
        """Keeps uint8 or uint16 pixels (H, W, C), of a side in metres where known; ``path`` is named in messages."""
        height, width, channels = pixels.shape
        name = path or Path("the image")
        facts: dict[str, Any] = {"has_alpha": has_alpha, "pixel_size": pixel_size}
        super().__init__(Header(name, height, width, channels, pixels.dtype, "array", (0, 0), **facts))
        self.pixels = pixels

    def stored(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Copies a window (h, w, C) of the pixels."""
        return np.array(self.pixels[top : top + height, left : left + width], order="C")


def open_image(
    image: Any,
    spec: DataSpec,
    *,
    luminance: bool = False,
    bands: Sequence[int] | None = None,
    limit: Limit | None = None,
) -> Raster:
    """Opens an image as a raster that fits a model.

    Args:
        image: Path of a file; Pillow image; array (H, W) or (H, W, C) of uint8 or uint16.
        spec: What the model was trained on.
        luminance: Whether colours become grey for a model of one channel.
        bands: Numbers, from 1, of the bands that are the model's channels; None: as in training.
        limit: What decoding may take; None: what is in force in this process.

    Raises:
        DataError: It cannot be read, would take more memory than there may be, or its channels or type are not those
            of the model.
    """
    if isinstance(image, str | Path):
        return fit_channels(open_raster(Path(image).expanduser(), limit=limit), spec, luminance=luminance, bands=bands)
    if isinstance(image, PillowImage.Image):
        pixels = _of_pillow(image)
        has_alpha = pixels.shape[2] in (2, 4)
        return fit_channels(ArrayRaster(pixels, has_alpha=has_alpha), spec, luminance=luminance, bands=bands)
    if isinstance(image, np.ndarray):
        array = ArrayRaster(_of_array(image))
        is_ready = bands is None and array.channels == spec.in_channels != spec.file_channels
        return _checked(array if is_ready else _picked(array, spec, bands), spec)
    raise DataError(
        f"the image is a {type(image).__name__}; expected the path of a file, a Pillow image, or a numpy array (H, W) "
        "or (H, W, C) of uint8 or uint16, not scaled"
    )


def fit_channels(
    raster: Raster, spec: DataSpec, *, luminance: bool = False, bands: Sequence[int] | None = None
) -> Raster:
    """Gives a raster the channels of the model: without alpha, grey repeated as RGB; anything else must fit as it is.

    Args:
        raster: The file.
        spec: What the model was trained on.
        luminance: Whether colours become grey for a model of one channel.
        bands: Numbers, from 1, of the bands that are the model's channels; None: as in training.

    Raises:
        DataError: Channels or type are not those of the model.
    """
    raster = _picked(raster, spec, bands)
    wanted, found = spec.in_channels, raster.channels
    if wanted in (1, 3) and found in (2, 4) and not raster.header.has_alpha:
        # Near infrared, or radar of another polarization: cut off as if it were alpha, the rest would be wrong colours.
        raise DataError(
            f"{raster.path}: {found} bands, none of which the file calls alpha, but the model was trained on {wanted}; "
            f"say which are its channels, in their order, numbered from 1, as in {_bands(wanted, found)}"
        )
    if wanted == 3 and found in (1, 2, 4):
        raster = OpaqueRaster(raster, "rgb")
    elif wanted == 1 and (found == 2 or (found in (3, 4) and luminance)):
        raster = OpaqueRaster(raster, "grey")
    elif wanted == 1 and found in (3, 4):
        raster = EqualChannelsRaster(raster, 1)
    return _checked(raster, spec)


def _picked(raster: Raster, spec: DataSpec, bands: Sequence[int] | None) -> Raster:
    """The bands that are asked for, else those of the training files, where the model was trained on some of them."""
    if bands is not None:
        return SelectedBands(raster, bands)
    if spec.bands is None:
        return raster
    if spec.file_channels in (None, raster.channels):
        return SelectedBands(raster, spec.bands)
    own = f"bands {list(spec.bands)} of {spec.file_channels}"
    raise DataError(
        f"{raster.path}: {raster.channels} bands, but the model was trained on {own}; say which are its channels, in "
        f"their order, numbered from 1, as in {_bands(spec.in_channels, raster.channels)}"
    )


def _bands(wanted: int, found: int) -> str:
    """So many of the bands of a file, as the command line takes it; some twice where there are too few."""
    return f"'bands=[{','.join(str(place % found + 1) for place in range(wanted))}]'"


def _checked(raster: Raster, spec: DataSpec) -> Raster:
    if raster.channels != spec.in_channels:
        raise DataError(
            f"{raster.path}: {raster.channels} channels, but the model was trained on {spec.in_channels}; give an "
            "image with those bands, in the same order"
        )
    # An image's own mean and deviation take care of its range.
    if spec.scaling == "fixed" and spec.dtype is not None and raster.dtype != spec.dtype:
        most = np.iinfo(spec.dtype).max
        raise DataError(
            f"{raster.path}: {raster.dtype} pixels, but the model was trained on {spec.dtype}; scale it to 0..{most} "
            "as the training images were"
        )
    return raster


def _of_array(image: NDArray[Any]) -> NDArray[Any]:
    pixels = image[..., None] if image.ndim == 2 else image
    if pixels.ndim != 3 or 0 in pixels.shape or pixels.dtype not in (np.uint8, np.uint16):
        raise DataError(
            f"the image is an array {image.shape} of {image.dtype}; expected (H, W) or (H, W, C) of uint8 or uint16, "
            "raw as it is in the file: the model scales it itself"
        )
    return pixels


def _of_pillow(image: PillowImage.Image) -> NDArray[Any]:
    mode = _SHOWN_AS.get(image.mode, image.mode)
    if mode not in _KEPT_MODES:
        raise DataError(f"the Pillow image has mode {image.mode}; expected L, RGB, RGBA or I;16: convert it")
    pixels = np.asarray(image if mode == image.mode else image.convert(mode))
    return pixels.reshape(*pixels.shape[:2], -1)
