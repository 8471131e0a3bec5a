"""Pillow, with what is safe for files of strangers: few kinds, no guess, nothing filled in, no setting changed.

``Image.open`` tries dozens of plugins (one of them starts Ghostscript) and refuses by a bound of the whole program,
which may also tell Pillow to fill what is missing with grey. So the plugin of a kind is called by itself, on a file
that knows when it ends too early.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from segexp.errors import SegexpError, TooLargeError
from segexp.rasters.faults import check_regular, from_system, unreadable, unsupported
from segexp.rasters.silence import silence_warnings

KINDS = "PNG, JPEG, TIFF, GIF, BMP, WebP, PBM, PGM, PPM or .npy"
"""What is taken."""
_PLUGINS: dict[tuple[bytes, ...], Callable[..., ImageFile.ImageFile]] = {
    (b"\x89PNG\r\n\x1a\n",): PngImagePlugin.PngImageFile,
    (b"\xff\xd8\xff",): JpegImagePlugin.JpegImageFile,
    (b"GIF87a", b"GIF89a"): GifImagePlugin.GifImageFile,
    (b"BM",): BmpImagePlugin.BmpImageFile,
    (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"): PpmImagePlugin.PpmImageFile,
    (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+"): TiffImagePlugin.TiffImageFile,
}
_OTHERS = {
    b"\x00\x00\x00\x0cjP  ": "a JPEG 2000 image",
    b"\xff\x4f\xff\x51": "a JPEG 2000 image",
    b"8BPS": "a Photoshop file",
    b"%!PS": "a PostScript file",
    b"\xc5\xd0\xd3\xc6": "a PostScript file",
    b"\x00\x00\x01\x00": "an icon",
    b"DDS ": "a DDS texture",
    b"\x0a\x05\x01": "a PCX image",
    b"\xff\x0a": "a JPEG XL image",
    b"\x00\x00\x00\x0cJXL ": "a JPEG XL image",
    b"\x76\x2f\x31\x01": "an OpenEXR image",
    b"P7": "a PAM image",
    b"Pf": "a PFM image",
    b"PF": "a PFM image",
    b"SIMPLE": "a FITS image",
}
"""What is known and not taken, by how it begins."""


class _Strict(io.BufferedReader):
    """A file whose end is an error once ``pixels`` is set: a decoder that asks for more than there is lacks pixels."""

    pixels = False

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        if self.pixels and not found and size:
            raise OSError("image file is truncated")
        return found


@contextmanager
def open_pillow(path: Path) -> Iterator[ImageFile.ImageFile]:
    """Opens an image with Pillow; whatever goes wrong with it names the file.

    Raises:
        DataError: The file is missing, truncated, no image, or of a kind that is not taken.
        ResourceError: The machine refused.
    """
    check_regular(path)
    try:
        with _Strict(io.FileIO(path)) as file:
            plugin = _plugin(path, file)
            file.seek(0)
            with silence_warnings():
                image = plugin(file, str(path))
            with image:
                file.pixels = True
                yield image
    except SegexpError:
        raise
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise from_system(path, error) from error
    except Image.DecompressionBombError as error:
        most = f"PIL.Image.MAX_IMAGE_PIXELS={Image.MAX_IMAGE_PIXELS}"
        raise TooLargeError(f"{path}: {error}; this program has set {most}, which Pillow keeps here") from error
    except Exception as error:  # a damaged file may break a decoder anywhere
        raise unreadable(path, error) from error


def _plugin(path: Path, file: io.BufferedReader) -> Any:
    """The class that reads a file, by how it begins.

    Raises:
        DataError: There is none.
    """
    start = file.read(16)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return WebPImagePlugin.WebPImageFile
    found = next((plugin for starts, plugin in _PLUGINS.items() if start.startswith(starts)), None)
    if found is not None:
        return found
    other = next((words for begin, words in _OTHERS.items() if start.startswith(begin)), None)
    if start[4:12] == b"ftypavif":
        other = "an AVIF image"
    if other is not None:
        raise unsupported(path, other, KINDS, "convert it, for example to PNG or TIFF")
    raise unreadable(path, "no known format")
