"""The page of ``demo`` in a real browser: upload, result, slider, downloads, errors, and no other host."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from segexp import load
from tests.browser.chromium import Chromium, find_chromium
from tests.training.runs import Done, go

pytest.importorskip("gradio", reason="needs gradio: make test-demo")
PROGRAM = find_chromium()
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="needs Chromium")

PATIENCE = 60.0
"""Seconds for an answer of the page."""
SIDE = 48
PICTURES = ("overlay", "mask", "probabilities")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def trained(place: Path, *overrides: str) -> Done:
    before = Path.cwd()
    os.chdir(place)
    try:
        return go("bootstrap=0", "baselines=false", "metric=[]", "trainer.max_epochs=1", *overrides)
    finally:
        os.chdir(before)


@pytest.fixture(scope="module")
def binary(place: Path) -> Path:
    return trained(place, "datamodule.scene=buildings").path


@pytest.fixture(scope="module")
def photo(place: Path) -> Path:
    pixels = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE + 8, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(place / "photo.png")
    return place / "photo.png"


class Server:
    """The command as a user starts it."""

    def __init__(self, run: Path, *overrides: str) -> None:
        words = ["demo", f"run={run}", "port=0", "open=false", "device=cpu", *overrides]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "segexp", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines: list[str] = []
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if found := re.search(r"http://\S+", line):
                self.url = found[0]
                return
        raise AssertionError("".join(self.lines))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(30)
        finally:
            self.process.kill()


@pytest.fixture(scope="module")
def server(binary: Path) -> Iterator[Server]:
    started = Server(binary, "max_megabytes=0.5", "max_pixels=10000")
    yield started
    assert started.stop() == 0


@pytest.fixture
def browser(server: Server, tmp_path: Path) -> Iterator[Chromium]:
    assert PROGRAM is not None
    with Chromium(PROGRAM) as chromium:
        chromium.send("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path / "got"))
        chromium.open(server.url)
        until(lambda: chromium.run("!!document.querySelector('#image input[type=file]')"))
        yield chromium


def until(ready: Callable[[], Any]) -> Any:
    """The first value that counts as true."""
    end = time.monotonic() + PATIENCE
    while not (found := ready()):
        assert time.monotonic() < end, "the page did not get there"
        time.sleep(0.1)
    return found


def upload(browser: Chromium, path: Path) -> None:
    if browser.run("!document.querySelector('#image input[type=file]')"):
        browser.run(
            "document.querySelector('#image button[aria-label=Clear], #image button[aria-label=Remove]').click()"
        )
        until(lambda: browser.run("!!document.querySelector('#image input[type=file]')"))
    root = browser.send("DOM.getDocument")["root"]["nodeId"]
    node = browser.send("DOM.querySelector", nodeId=root, selector="#image input[type=file]")["nodeId"]
    browser.send("DOM.setFileInputFiles", nodeId=node, files=[str(path)])


def source(browser: Chromium, name: str) -> str:
    return str(browser.run(f"document.querySelector('#{name} img')?.src ?? ''"))


def text(browser: Chromium, name: str) -> str:
    return str(browser.run(f"document.querySelector('#{name}')?.innerText ?? ''")).strip()


def share(browser: Chromium) -> float:
    return float(re.findall(r"([\d.]+)%", text(browser, "legend"))[1])


def pixels(browser: Chromium, name: str) -> np.ndarray:
    """What the browser has drawn, RGB."""
    script = f"""(async () => {{
      const image = document.querySelector('#{name} img');
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
      return JSON.stringify([canvas.height, canvas.width, Array.from(data)]);
    }})()"""
    height, width, data = json.loads(browser.run(script))
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def download(browser: Chromium, name: str, folder: Path, ending: str) -> Path:
    browser.run(f"(document.querySelector('#{name} a, a#{name}') ?? document.querySelector('#{name}')).click()")
    # While it is on its way its name ends in .crdownload.
    return Path(until(lambda: next((str(path) for path in folder.glob(f"*{ending}")), "")))


def move_slider(browser: Chromium, value: float) -> None:
    browser.run(
        "(() => { const range = document.querySelector('#threshold input[type=range]');"
        f"Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(range, '{value:g}');"
        "range.dispatchEvent(new Event('input', {bubbles: true}));"
        "range.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )


def test_upload_result_slider_download(
    browser: Chromium, server: Server, binary: Path, photo: Path, tmp_path: Path
) -> None:
    model = load(binary)
    upload(browser, photo)
    until(lambda: source(browser, "overlay"))
    expected = model.predict(photo)
    np.testing.assert_array_equal(pixels(browser, "mask"), np.array(model.colours, np.uint8)[expected])
    assert share(browser) == pytest.approx(100 * (expected == 1).mean(), abs=0.006)
    assert re.search(r"network \d+\.\d\d s", text(browser, "facts"))
    assert source(browser, "probabilities")
    # A small image fills its place, and the number has room.
    widths = [browser.run(f"document.querySelector('#{name} img').offsetWidth") for name in PICTURES]
    assert min(widths) > 4 * SIDE
    assert len(browser.run("document.querySelector('#threshold input[type=number]').value")) <= 5

    middle = float(np.median(model.probabilities(photo)[1]).round(2))
    for threshold in (0.0, middle, 1.0):
        mask = load(binary, threshold=threshold).predict(photo)
        move_slider(browser, threshold)
        wanted = 100 * float((mask == 1).mean())
        until(lambda wanted=wanted: abs(share(browser) - wanted) < 0.006)
        drawn = np.array(model.colours, np.uint8)[mask]
        until(lambda drawn=drawn: np.array_equal(pixels(browser, "mask"), drawn))
    shown = np.asarray(Image.open(photo))
    until(lambda: np.array_equal(pixels(browser, "overlay"), shown))
    move_slider(browser, 0.0)
    until(lambda: share(browser) == 100)

    saved = Image.open(download(browser, "mask-file", tmp_path / "got", "_mask.png"))
    assert (saved.mode, saved.size) == ("P", (SIDE + 8, SIDE))
    assert (np.asarray(saved) == 1).all()
    values = tifffile.imread(download(browser, "probability-file", tmp_path / "got", "_probability.tif"))
    np.testing.assert_allclose(values, model.probabilities(photo)[1], atol=1e-6)
    assert {address.split("/")[2] for address in browser.requested if "://" in address} == {server.url.split("/")[2]}


def test_what_is_wrong_is_said_and_the_next_image_is_served(browser: Chromium, photo: Path, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("not an image", encoding="utf-8")
    Image.fromarray(np.zeros((101, 100, 3), np.uint8)).save(tmp_path / "large.png")
    tifffile.imwrite(
        tmp_path / "bands.tif", np.zeros((20, 20, 5), np.uint8), photometric="minisblack", planarconfig="contig"
    )
    for name, words in (
        ("notes.txt", "notes.txt: "),
        ("large.png", "10,100 pixels; this page takes up to 10,000"),
        ("bands.tif", "channels, but the model was trained on 3"),
    ):
        upload(browser, tmp_path / name)
        message = until(lambda words=words: words in text(browser, "message") and text(browser, "message"))
        assert "Traceback" not in message
        assert str(tmp_path) not in message
        assert browser.run("document.querySelector('#message [role=alert]').getBoundingClientRect().height") > 10
        assert not source(browser, "mask")
    upload(browser, photo)
    until(lambda: source(browser, "mask"))
    assert text(browser, "message") == ""


def test_a_file_that_is_too_large_is_refused(browser: Chromium, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / "heavy.png")
    upload(browser, tmp_path / "heavy.png")
    until(lambda: re.search(r"maximum|exceeds", str(browser.run("document.body.innerText")), re.IGNORECASE))
    assert not source(browser, "mask")


def test_many_classes_have_a_legend_and_no_slider(place: Path, photo: Path, tmp_path: Path) -> None:
    run = trained(place, "datamodule.scene=cells", "datamodule.normalize=image", "loss=ce").path
    deep = tmp_path / "deep.tif"
    tifffile.imwrite(deep, np.asarray(Image.open(photo)).astype(np.uint16) * 200, photometric="rgb")
    server, model = Server(run), load(run)
    assert PROGRAM is not None
    try:
        with Chromium(PROGRAM) as browser:
            browser.open(server.url, 390, 800, phone=True)
            until(lambda: browser.run("!!document.querySelector('#image input[type=file]')"))
            upload(browser, deep)
            until(lambda: source(browser, "mask"))
            drawn = np.array(model.colours, np.uint8)[model.predict(deep)]
            np.testing.assert_array_equal(pixels(browser, "mask"), drawn)
            assert all(name in text(browser, "legend") for name in model.classes)
            assert not browser.run("!!document.querySelector('#threshold input[type=range]')")
            assert browser.run("document.documentElement.scrollWidth") <= 390
    finally:
        assert server.stop() == 0
