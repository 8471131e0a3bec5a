"""Sound files of every format, small, from which the fuzzed ones are made; with what stands in them."""

import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from segexp.rasters import open_raster
from segexp.runs.manifest_files import CHANGES, MANIFEST
from tests.rasters.files import ALL, PALETTE, gdal, palette, pattern, pillow, tiff

RUN = Path(__file__).parent.parent / "fixtures" / "v0_1" / "finished"
"""A run of 0.1.0, with its checkpoint."""
Pixels = NDArray[Any]


@dataclass(frozen=True)
class Seed:
    """A sound file.

    Attributes:
        format: Its format, in the words of the tables.
        name: Of the file.
        content: Its bytes.
        sums: Parts (start, end) of it that checksums cover: changed there it is refused or read as it was.
    """

    format: str
    name: str
    content: bytes
    sums: tuple[tuple[int, int], ...] = ()


def written(name: str, write: Callable[[Path], object]) -> bytes:
    """The bytes of what a function writes to a path of this name."""
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / name)
        return (Path(folder) / name).read_bytes()


SIZE = {"height": 21, "width": 26}
RGB, GREY, DEEP = pattern(3, **SIZE), pattern(1, **SIZE), pattern(1, high=65536, dtype=np.uint16, **SIZE)
SMOOTH = np.add.outer(np.arange(40), np.arange(48))[..., None].repeat(3, 2).astype(np.uint8)


def _exif(path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(SMOOTH).save(path, exif=exif)


def _translucent(path: Path) -> None:
    image = Image.fromarray(pattern(1, len(PALETTE), **SIZE)[..., 0], mode="L")
    image.putpalette(PALETTE.ravel().tolist())
    image.save(path, transparency=2, pnginfo=None)


def _animated(path: Path) -> None:
    frames = [Image.fromarray(pattern(1, high=high, **SIZE)[..., 0]) for high in (100, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def _pages(path: Path) -> None:
    with tifffile.TiffWriter(path) as file:
        file.write(RGB, photometric="rgb")
        file.write(RGB[::2, ::2], photometric="rgb", subfiletype=1)


def _ground(path: Path) -> None:
    from rasterio.transform import Affine

    gdal(pattern(3, **SIZE), crs="EPSG:32632", transform=Affine(0.3, 0, 5e5, 0, -0.3, 5e6), nodata=7)(path)


def _jp2(path: Path) -> None:
    import imagecodecs

    path.write_bytes(imagecodecs.jpeg2k_encode(SMOOTH))


def _stack(path: Path) -> None:
    np.save(path, pattern(3, height=40, width=8).reshape(5, 8, 8, 3))


def _codec(compression: str, pixels: Pixels = SMOOTH, **options: Any) -> Callable[[Path], object]:
    return tiff(pixels, compression=compression, **options)


MORE: dict[str, Callable[[Path], object]] = {
    "progressive.jpg": pillow(SMOOTH, progressive=True), "base.jpg": pillow(SMOOTH, quality=80),
    "grey.jpg": pillow(SMOOTH[..., :1]), "inks.jpg": pillow(SMOOTH, "CMYK"), "turned.jpg": _exif,
    "restarts.jpg": pillow(SMOOTH, restart_marker_blocks=2),
    "lossy.webp": pillow(SMOOTH), "lossless.webp": pillow(RGB, lossless=True), "alpha.webp": pillow(pattern(4, **SIZE)),
    "moving.webp": _animated, "moving.gif": _animated, "moving.png": _animated,
    "translucent.png": _translucent, "exif.png": _exif, "alpha.bmp": pillow(pattern(4, **SIZE)),
    "bytes.bmp": palette, "grey.jp2": _jp2, "stack.npy": _stack,
    "double.npy": lambda path: np.save(path, np.ones((4, 5))),
    "jpeg_tiles.tif": gdal(SMOOTH, compress="jpeg", tiled=True, blockxsize=16, blockysize=16),
    "ycbcr.tif": gdal(SMOOTH, compress="jpeg", photometric="ycbcr"),
    "webp.tif": gdal(SMOOTH, compress="webp"), "lerc.tif": gdal(SMOOTH, compress="lerc"),
    "deflate_tiles_deep.tif": gdal(DEEP, compress="deflate", predictor=2, tiled=True, blockxsize=16, blockysize=16),
    "lzw_deep.tif": gdal(DEEP, compress="lzw", predictor=2), "big_lzw.tif": gdal(RGB, compress="lzw", bigtiff="yes"),
    "float.tif": tiff(pattern(1, **SIZE).astype(np.float32)),
    "float_predictor.tif": _codec("zlib", pattern(1, **SIZE).astype(np.float32), predictor=3),
    "big_tiles.tif": tiff(RGB, bigtiff=True, tile=(16, 16), compression="zlib"),
    "big_endian_tiles.tif": tiff(RGB, byteorder=">", tile=(16, 16), compression="zlib", predictor=True),
    "packbits_strips.tif": _codec("packbits", rowsperstrip=7),
    "lzma_apart.tif": gdal(RGB, compress="lzma", interleave="band"),
    "lzma_summed.tif": _codec("lzma", RGB), "zstd_strips.tif": gdal(RGB, compress="zstd"),
    "pages.tif": _pages, "ground.tif": _ground,
    "jp2.tif": _codec("jpeg2000"), "jxl.tif": _codec("jpegxl"), "png.tif": _codec("png"),
    "fax3.tif": gdal(pattern(1, 2, **SIZE), nbits=1, compress="ccittfax3"),
    "rle.tif": gdal(pattern(1, 2, **SIZE), nbits=1, compress="ccittrle"),
}  # fmt: skip
FORMATS = {
    "png": "PNG", "jpg": "JPEG", "webp": "WebP", "tif": "TIFF", "gif": "GIF", "bmp": "BMP", "ppm": "PNM", "pgm": "PNM",
    "pbm": "PNM", "jp2": "JP2", "npy": "npy",
}  # fmt: skip
_SUMMED = ("DEFLATE", "ADOBE_DEFLATE", "LZMA")


def images() -> Iterator[Seed]:
    """Images; what cannot be written here, for lack of a package, is left out."""
    for name, write in {**ALL, **MORE}.items():
        try:
            content = written(name, write)
        except (ImportError, OSError, ValueError, RuntimeError, KeyError):
            continue
        form = "npy stack" if name == "stack.npy" else FORMATS[name.rpartition(".")[2]]
        yield Seed(form, name, content, _sums(form, content))


def _sums(form: str, content: bytes) -> tuple[tuple[int, int], ...]:
    """A PNG all of it, a TIFF the strips and tiles of compressions that end with a checksum."""
    if form == "PNG":
        return ((0, len(content)),)
    if form != "TIFF":
        return ()
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages.first
        if page.compression.name not in _SUMMED or (page.compression.name == "LZMA" and _without_sum(content, page)):
            return ()
        return tuple((at, at + size) for at, size in zip(page.dataoffsets, page.databytecounts, strict=True))


def _without_sum(content: bytes, page: Any) -> bool:
    """Whether a strip of LZMA has no checksum over its pixels, as GDAL writes them: the type stands in its header."""
    return content[page.dataoffsets[0] + 7] & 15 == 0


def idx() -> Iterator[Seed]:
    """Numbers of MNIST's format, plain and packed."""
    numbers = pattern(1, height=30, width=8).reshape(5, 6, 8)
    plain = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in numbers.shape) + numbers.tobytes()
    yield Seed("idx", "images-idx3-ubyte", plain)
    packed = gzip.compress(plain, mtime=0)
    yield Seed("idx.gz", "images-idx3-ubyte.gz", packed, ((0, len(packed)),))


def stored() -> Iterator[Seed]:
    """Files of runs, sweeps and weights."""
    checkpoint = (RUN / "checkpoints" / "best.ckpt").read_bytes()
    whole = ((0, len(checkpoint)),)
    yield Seed("checkpoint", "best.ckpt", checkpoint, whole)
    yield Seed("checkpoint", "last.ckpt", (RUN.parent / "own" / "checkpoints" / "best.ckpt").read_bytes())
    yield Seed("weights", "weights.pt", written("weights.pt", _state_dict))
    yield Seed("safetensors", "model.safetensors", _exported(checkpoint))
    for name in (
        "run.json",
        "results.json",
        "split.json",
        "config.yaml",
        "metrics.csv",
        "per_image.csv",
        "thresholds.csv",
    ):
        yield Seed(name, name, (RUN / name).read_bytes())
    yield Seed("manifest", MANIFEST, json.dumps(manifest()).encode())
    changed = [{**job, "state": "finished", "attempts": 2} for job in manifest()["jobs"]]
    yield Seed("manifest changes", CHANGES, "".join(json.dumps(job) + "\n" for job in changed).encode())
    yield Seed("table", "table.csv", b"image,patient,split\na,1,train\nb,2,val\nc,3,test\n")
    yield Seed("boxes", "boxes.csv", b"image,x0,y0,x1,y1\na.png,1,2,3,4\nb.png,0,0,5.5,6\n")
    yield Seed("world file", "a.pgw", b"0.3\n0\n0\n-0.3\n500000.15\n4999999.85\n")


def _state_dict(path: Path) -> None:
    import torch

    torch.save({"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.zeros(2)}, path)


def _exported(checkpoint: bytes) -> bytes:
    """The checkpoint as ``export format=safetensors`` writes it."""
    import torch
    from safetensors.torch import save

    content = torch.load(io.BytesIO(checkpoint), map_location="cpu", weights_only=True)
    weights = {
        name.removeprefix("model."): value.contiguous().clone()
        for name, value in content["state_dict"].items()
        if name.startswith("model.")
    }
    return save(weights, {"record": json.dumps(content["segexp"])})


def manifest() -> dict[str, Any]:
    """A manifest of four jobs."""
    job = {
        "key": "a", "label": "unet", "overrides": ["model=unet"], "choices": {"model": "unet"}, "folder": "0",
        "attempts": 1, "started": "2026-11-30T10:00:00", "ended": None, "seconds": 1.5, "memory_mb": 300, "gpu": None,
        "error": "boom\nsecond line", "trial": None,
    }  # fmt: skip
    states = ("finished", "failed", "running", "waiting")
    jobs = [{"number": number, **job, "folder": str(number), "state": state} for number, state in enumerate(states)]
    return {"command": "segexp -m model=unet", "started": "2026-11-30T10:00:00", "jobs": jobs}


def all_seeds() -> list[Seed]:
    """Seeds of every format."""
    return [*images(), *idx(), *stored()]


def pixels_of(path: Path, *, raw: bool) -> Pixels:
    """What is read of an image."""
    return open_raster(path, raw=raw).read()
