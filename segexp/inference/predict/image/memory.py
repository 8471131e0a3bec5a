"""Estimates how much memory predicting one file takes, by its header alone."""

from segexp.inference.model import BYTES_BESIDE, BYTES_PER_LOGIT, Model
from segexp.inference.predict.image.image_file import ImageFile
from segexp.inference.predict.output.maps import output_layers
from segexp.inference.predict.output.settings import OutputSettings
from segexp.rasters import Raster
from segexp.rasters.formats.whole import WholeRaster

SMALLER = "; inference.window=256 takes less, and so does format=tiff"
ENCODED = 2
"""A picture is there twice while it is written: as it grew, and as what is encoded."""


def check_file_memory(model: Model, image: ImageFile, outputs: OutputSettings) -> None:
    """Refuses a file whose rows of windows, pixels and pictures would not fit; nothing is decoded for it.

    Raises:
        TooLargeError: Names what would take so much, and the key.
    """
    raster = image.raster
    height, width = model.shape_seen(raster)
    need = _windows(model, raster, height, width) + _pictures(model, image, outputs)
    if isinstance(raster, WholeRaster):
        need += raster.height * raster.width * _each(raster)
    words = f"predicting its {raster.width}x{raster.height} pixels"
    if (height, width) != (raster.height, raster.width):
        words += f", seen at {width}x{height},"
    model.limit.check(raster.path, need, words, SMALLER)


def _each(raster: Raster) -> int:
    return raster.channels * raster.dtype.itemsize


def _windows(model: Model, raster: Raster, height: int, width: int) -> int:
    """Logits of a row of windows, once as they grow and once as they are given away; of all rows without windows.

    Height and width are those at which the image is seen.
    """
    window = model.module.inference.window_for(height, width)
    logits = BYTES_PER_LOGIT * model.spec.out_channels
    if window is None:
        return height * width * (logits + BYTES_BESIDE + _each(raster) + 4 * model.in_channels)
    return min(window, height) * width * 2 * logits


def _pictures(model: Model, image: ImageFile, outputs: OutputSettings) -> int:
    """Pictures are kept until all rows are there; GeoTIFFs are written row by row."""
    if outputs.form_for(image) != "png":
        return 0
    size = {"uint8": 1, "float32": 4}
    each = sum(
        len(layer.bands) * size[layer.dtype] for layer in output_layers(model.spec, outputs.write, outputs.depth)
    )
    return ENCODED * each * image.raster.height * image.raster.width
