"""Input from a server on this machine, which gives parts of files, and from buckets in memory."""

import errno
import functools
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image

from segexp.cli.app import run
from segexp.errors import DataError
from segexp.inference.predict.inputs import find_inputs
from segexp.inference.predict.remote import image as remote_image
from segexp.inference.predict.remote.address import describe_network_error
from segexp.inference.predict.remote.listing import last_change
from segexp.rasters.tiff.gdal_raster import GdalRaster
from tests.inference.conftest import Finished
from tests.inference.predict.made import TRANSFORM, geotiff, noise
from tests.inference.predict.test_command import summary


class Handler(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, with ranges; some names are trouble."""

    protocol_version = "HTTP/1.1"
    sent: ClassVar[dict[str, int]] = {}
    slow = 20.0

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        if name == "secret.tif":
            self.send_error(403)
        elif name == "slow.png":
            time.sleep(self.slow)
        elif name == "broken.png":
            self.give(b"half", 400)
            self.close_connection = True
        elif self.path.endswith("/") or not Path(self.directory, self.path.lstrip("/")).is_file():
            (super().do_GET if self.command == "GET" else super().do_HEAD)()
        else:
            self.give_range(Path(self.directory, self.path.lstrip("/")).read_bytes())

    do_HEAD = do_GET

    def give_range(self, content: bytes) -> None:
        asked = self.headers.get("Range")
        if asked is None:
            self.give(content, len(content))
            return
        first, _, last = asked.removeprefix("bytes=").partition("-")
        end = min(int(last) + 1 if last else len(content), len(content))
        part = content[int(first) : end]
        self.give(part, len(part), ("Content-Range", f"bytes {first}-{end - 1}/{len(content)}"))

    def give(self, content: bytes, size: int, *more: tuple[str, str]) -> None:
        self.send_response(206 if more else 200)
        for key, value in (*more, ("Content-Length", str(size)), ("Accept-Ranges", "bytes")):
            self.send_header(key, value)
        self.send_header("Last-Modified", "Wed, 01 Jan 2025 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            name = self.path.rpartition("/")[2]
            self.sent[name] = self.sent.get(name, 0) + len(content)
            self.wfile.write(content)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of a server of the folder ``served``."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Path("served").mkdir()
    Handler.sent.clear()
    handler = functools.partial(Handler, directory=str(Path("served").absolute()))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        found.daemon_threads = True
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_address[1]}"
        found.shutdown()


@pytest.fixture
def bucket() -> Iterator[Any]:
    """A bucket of fsspec in memory."""
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/", recursive=True)


def predict(finished: Finished, *words: str) -> int:
    return run(["predict", f"run={finished.path}", "output=out", *words])


def test_a_tiled_raster_is_streamed_and_the_rest_is_copied(
    finished: Finished, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as of the files themselves, and no more than some tiles of the large one."""
    monkeypatch.setattr(remote_image, "SMALL", 50_000)
    monkeypatch.setattr(remote_image, "BLOCK", 8192)
    pixels = noise(300, 400)
    pixels[:40] = 0
    geotiff(Path("served/tiled.tif"), pixels, nodata=0, blockxsize=64, blockysize=64)
    geotiff(Path("served/strips.tif"), noise(200, 210), tiled=False, blockysize=1)
    Image.fromarray(noise(40, 56)).save("served/photo.png")
    names = ("tiled.tif", "strips.tif", "photo.png")
    remote = ",".join(f"{server}/{name}" for name in names)
    keys = ("write=[mask,probability,overlay,polygons]", "inference.window=64", "threshold=0.3")
    opened: list[str] = []
    first = remote_image.StreamedRaster.__init__

    def noted(self: Any, header: Any, place: str, tile: tuple[int, int]) -> None:
        opened.append(place)
        first(self, header, place, tile)

    monkeypatch.setattr(remote_image.StreamedRaster, "__init__", noted)
    assert predict(finished, f"input=[{remote}]", *keys) == 0
    assert opened == [f"/vsicurl/{server}/tiled.tif"]
    assert run(["predict", f"run={finished.path}", "output=here", "input=served", *keys]) == 0
    for path in sorted(Path("here").glob("*_*")):
        assert Path("out", path.name).read_bytes() == path.read_bytes(), path.name
    assert len(list(Path("here").glob("*_*"))) == 12
    with rasterio.open("out/tiled_mask.tif") as mask:
        assert mask.transform == TRANSFORM
        assert (mask.read(1)[:40] == 255).all()
    assert summary()["photo.png"]["file"] == f"{server}/photo.png"
    # Complete, and older than the predictions: nothing but the time is asked for.
    Handler.sent.clear()
    assert predict(finished, f"input=[{remote}]", *keys) == 0
    assert Handler.sent == {}


def test_a_streamed_raster_is_seen_at_another_size(
    finished: Finished, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_image, "SMALL", 50_000)
    monkeypatch.setattr(remote_image, "BLOCK", 8192)
    geotiff(Path("served/tiled.tif"), noise(300, 400), blockxsize=64, blockysize=64)
    keys = ("write=[mask,probability]", "inference.window=64", "scale=0.5")
    assert predict(finished, f"input={server}/tiled.tif", *keys) == 0
    assert run(["predict", f"run={finished.path}", "output=here", "input=served", *keys]) == 0
    for name in ("tiled_scale0.5_mask.tif", "tiled_scale0.5_probability.tif"):
        assert Path("out", name).read_bytes() == Path("here", name).read_bytes()
    with rasterio.open("out/tiled_scale0.5_mask.tif") as mask:
        assert (mask.transform, mask.shape) == (TRANSFORM, (300, 400))


def test_only_what_is_looked_at_is_fetched(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_image, "SMALL", 50_000)
    monkeypatch.setattr(remote_image, "BLOCK", 8192)
    geotiff(Path("served/large.tif"), noise(1200, 1500), blockxsize=256, blockysize=256, compress=None)
    whole = Path("served/large.tif").stat().st_size
    (file,) = find_inputs(f"{server}/large.tif", Path("out"))
    with file.opened(5.0) as image:
        found = image.raster.window(700, 300, 20, 30)
    np.testing.assert_array_equal(found, noise(1200, 1500)[700:720, 300:330])
    assert Handler.sent["large.tif"] < whole / 4


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(
    finished: Finished, server: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "slow", 3.0)
    Image.fromarray(noise(40, 56)).save("served/photo.png")
    Path("served/text.png").write_bytes(b"this is no picture")
    names = ("gone.tif", "secret.tif", "slow.png", "broken.png", "text.png", "photo.png")
    assert predict(finished, f"input=[{','.join(f'{server}/{name}' for name in names)}]", "timeout=0.5") == 1
    rows = summary()
    assert [rows[name]["state"] for name in names] == ["failed"] * 5 + ["done"]
    for name, words in (
        ("gone.tif", "not found (HTTP 404)"),
        ("secret.tif", "no permission to read it (HTTP 403)"),
        ("slow.png", "no answer within 0.5 s; the key timeout allows more"),
        ("broken.png", "cannot be read over the network"),
        ("text.png", "cannot be read as an image (18 bytes; no known format)"),
    ):
        assert rows[name]["error"].startswith(f"{server}/{name}: {words}")
    assert "1 done, 5 failed" in capsys.readouterr().err
    assert predict(finished, "input=http://127.0.0.1:9/a.png") == 1
    assert "http://127.0.0.1:9/a.png: cannot be read over the network" in capsys.readouterr().out


def test_folders_and_patterns_of_a_bucket(finished: Finished, bucket: Any) -> None:
    Image.fromarray(noise(40, 56)).save("photo.png")
    for name in ("b/one.png", "b/sub/two.png", "b/sub/.hidden.png", "b/notes.txt"):
        bucket.pipe(f"/{name}", Path("photo.png").read_bytes())

    def found(place: str) -> list[tuple[str, str]]:
        return [(file.address, str(file.stem)) for file in find_inputs(place, Path("out"))]

    one, two = ("memory:///b/one.png", "one"), ("memory:///b/sub/two.png", "sub/two")
    found_folder = found("memory://b")
    assert [stem for _, stem in found_folder] == ["one", "sub/two"]
    assert [address.replace(":///", "://") for address, _ in found_folder] == [
        "memory://b/one.png",
        "memory://b/sub/two.png",
    ]
    assert found("memory://b/") == found_folder
    assert [stem for _, stem in found("memory://b/*.png")] == ["one"]
    assert [stem for _, stem in found("memory://b/**/two.*")] == ["sub/two"]
    assert found("memory://b/one.png") == [("memory://b/one.png", "one")]
    assert {one[1], two[1]} == {stem for _, stem in found_folder}
    for place, words in (("memory://b/*.gif", "matches no file"), ("memory://b/sub/sub/", "holds no image|not found")):
        with pytest.raises(DataError, match=words):
            found(place)
    assert time.time() - float(last_change("memory://b/one.png", 1.0) or 0) < 60
    assert predict(finished, "input=memory://b") == 0
    assert Path("out/sub/two_mask.png").read_bytes() == Path("out/one_mask.png").read_bytes()


def test_a_page_that_lists_its_files(server: str) -> None:
    for name in ("served/in/a b.png", "served/in/sub/c.tif", "served/in/notes.txt"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")
    places = find_inputs(f"{server}/in/", Path("out"))
    assert [(file.address.removeprefix(server), str(file.stem)) for file in places] == [
        ("/in/a%20b.png", "a b"), ("/in/sub/c.tif", "sub/c"),
    ]  # fmt: skip
    assert [str(file.stem) for file in find_inputs(f"{server}/in/*.png", Path("out"))] == ["a b"]
    assert [str(file.stem) for file in find_inputs(f"{server}/in/c.tif?sig=a/b.png", Path("out"))] == ["c"]


def test_mistakes_of_the_user(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    Image.fromarray(noise(40, 56)).save("photo.png")
    for words, told in (
        (
            ("input=s3://bucket/a.png",),
            "input: s3://bucket/a.png: needs s3fs, which is not installed: pip install 'segexp[remote]'",
        ),
        (("input=what://a.png",), "no files can be read from what:// addresses"),
        (("input=photo.png", "output=s3://bucket/out"), "output: s3://bucket/out is a remote address"),
    ):
        assert predict(finished, *words) == 2
        assert told in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["photo.png"]


def test_wrapped_errors_in_words() -> None:
    def wrapped(cause: BaseException) -> BaseException:
        error = FileNotFoundError("https://a/b")
        error.__cause__ = cause
        return error

    assert describe_network_error(wrapped(TimeoutError()), 2) == "no answer within 2 s; the key timeout allows more"
    assert describe_network_error(wrapped(PermissionError("denied")), 2).startswith("no permission to read it")
    assert describe_network_error(FileNotFoundError("b"), 2) == "not found"
    told = describe_network_error(OSError(errno.ENOSPC, "No space left on device"), 2)
    assert told.startswith("its copy does not fit into ") and "TMPDIR" in told
    assert (
        describe_network_error(wrapped(OSError("reset\nby peer")), 2)
        == "cannot be read over the network (reset by peer)"
    )


def test_each_tile_is_fetched_once_by_overlapping_windows(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the cache of GDAL is too small for it, and at borders that cut tiles."""
    monkeypatch.setattr(remote_image, "SMALL", 50_000)
    monkeypatch.setattr(remote_image, "BLOCK", 8192)
    pixels = noise(200, 330)
    geotiff(Path("served/large.tif"), pixels, blockxsize=32, blockysize=48)
    fetched: list[tuple[int, ...]] = []
    first = GdalRaster.stored

    def noted(self: GdalRaster, *place: int) -> Any:
        fetched.append(place)
        return first(self, *place)

    (file,) = find_inputs(f"{server}/large.tif", Path("out"))
    with file.opened(5.0) as image:
        monkeypatch.setattr(GdalRaster, "stored", noted)
        for top in (*range(0, 136, 20), 136):
            for left in (*range(0, 266, 20), 266):
                found = image.raster.window(top, left, 64, 64)
                np.testing.assert_array_equal(found, pixels[top : top + 64, left : left + 64])
    assert sum(height * width for _, _, height, width in fetched) == 200 * 330


def test_a_tiff_that_is_not_taken_is_not_fetched(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be larger than the disk."""
    monkeypatch.setattr(remote_image, "SMALL", 50_000)
    monkeypatch.setattr(remote_image, "BLOCK", 8192)
    tifffile.imwrite("served/stack.tif", np.zeros((2, 400, 400), np.uint8), tile=(64, 64), photometric="minisblack")
    (file,) = find_inputs(f"{server}/stack.tif", Path("out"))
    with (
        pytest.raises(DataError, match=f"^{server}/stack.tif: .*2 pages of the same size"),
        file.opened(5.0),
    ):
        pass
    assert 0 < Handler.sent["stack.tif"] < 50_000


def test_a_file_that_vanishes_while_it_is_streamed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_image, "SMALL", 50_000)
    monkeypatch.setattr(remote_image, "BLOCK", 8192)
    geotiff(Path("served/going.tif"), noise(600, 800), blockxsize=64, blockysize=64, compress=None)
    (file,) = find_inputs(f"{server}/going.tif", Path("out"))
    with (
        pytest.raises(DataError, match=rf"^{server}/going\.tif: cannot be read over the network \(") as found,
        file.opened(5.0) as image,
    ):
        Path("served/going.tif").unlink()
        image.raster.window(500, 600, 100, 200)
    assert "previous exception" not in str(found.value)
