"""summary.html in a real browser: it fits desktop and phone whatever its rows are called, and leads to its runs."""

from pathlib import Path
from typing import Any

import pytest

from segexp.report.rebuild import write_reports
from tests.browser.chromium import Chromium
from tests.browser.test_report_page import DRAWN
from tests.report.comparison_page.made import make_run
from tests.report.made_up import write_json


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three configurations with long names."""
    folder = tmp_path_factory.mktemp("pages") / "a sweep"
    for number in range(3):
        config: dict[str, Any] = {"model": {f"a_rather_long_key_{key}": number + key for key in range(9)}, "seed": 0}
        given = [f"model.{key}={value}" for key, value in config["model"].items()]
        images = {f"eye {image}": 0.5 + 0.1 * number for image in range(4)}
        make_run(folder / f"{number:03d}_long", images, config=config, overrides=given)
    write_json(folder / "manifest.json", {"jobs": []})
    write_reports(folder)
    return folder


@pytest.mark.parametrize(("width", "phone"), [(1280, False), (375, True)])
def test_figures_are_in_sight_beside_long_names(browser: Chromium, sweep: Path, width: int, phone: bool) -> None:
    page = (sweep / "summary.html").as_uri()
    browser.open(page, width=width, phone=phone)
    assert browser.complaints == []
    assert browser.requested == [page]
    assert browser.run("document.documentElement.scrollWidth") == width
    name, figure = (
        browser.run(f"(({{left, right}}) => [left, right])(document.querySelector('{part}').getBoundingClientRect())")
        for part in ("tbody th", "tbody td.number")
    )
    assert 0 < name[0] < name[1] <= figure[0] < figure[1] < width


def test_to_a_run_and_back(browser: Chromium, sweep: Path) -> None:
    browser.open((sweep / "summary.html").as_uri())
    address = browser.run("document.querySelector('#runs tbody a').href")
    assert address.endswith("/report.html")
    browser.open(address)
    browser.open(browser.run("document.querySelector('.above a').href"))
    assert browser.run("document.querySelector('#runs tbody a').href") == address


def test_charts_tell_of_every_mark(browser: Chromium, sweep: Path) -> None:
    """Names, lines and axes under the pointer: a text, or none, and never an error."""
    browser.open((sweep / "summary.html").as_uri())
    browser.run(DRAWN)
    assert browser.run("document.querySelectorAll('figure.chart svg').length") == 2
    over = "m => m.dispatchEvent(new PointerEvent('pointermove', {bubbles: true, clientX: 9, clientY: 9}))"
    marks = "document.querySelectorAll('figure.chart svg g[class^=mark-] > *')"
    assert browser.run(f"{marks}.length") > 20
    told = f"[...{marks}].map(m => (({over})(m), document.querySelector('.chart-tip').textContent))"
    texts = set(browser.run(told))
    assert browser.complaints == []
    assert any("worse" in text or "better" in text for text in texts), texts


CONTRAST = """(() => {
  const pen = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = text => {
    pen.clearRect(0, 0, 1, 1); pen.fillStyle = text; pen.fillRect(0, 0, 1, 1);
    const found = pen.getImageData(0, 0, 1, 1).data; return [found[0], found[1], found[2], found[3] / 255];
  };
  const over = (top, below) => [0, 1, 2].map(i => below[i] * (1 - top[3]) + top[i] * top[3]);
  const light = c => {
    const [r, g, b] = c.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
  };
  const behind = e => e ? over(rgba(getComputedStyle(e).backgroundColor), behind(e.parentElement)) : [255, 255, 255];
  const shown = e => e.offsetParent && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  return Math.min(...[...document.querySelectorAll("main *")].filter(shown).map(e => {
    const below = behind(e), pair = [light(below), light(over(rgba(getComputedStyle(e).color), below))].sort();
    return pair[1] / pair[0];
  }));
})()"""


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_and_tables_are_named(browser: Chromium, sweep: Path, dark: bool) -> None:
    browser.open((sweep / "summary.html").as_uri(), dark=dark)
    assert browser.run(CONTRAST) >= 4.5
    assert browser.run("[...document.querySelectorAll('table')].filter(t => !t.ariaLabel).length") == 0
    assert browser.run("[...document.querySelectorAll('th')].filter(t => !t.scope).length") == 0


def test_tables_are_seen_whole_on_screen_and_on_paper(browser: Chromium, sweep: Path) -> None:
    browser.open((sweep / "summary.html").as_uri(), width=1280)
    cut = "[...document.querySelectorAll('section:not([id^=all]) .scroll')].filter(s => s.scrollWidth > s.clientWidth)"
    assert browser.run(f"{cut}.length") == 0
    # A4 across, within its margins.
    browser.open((sweep / "summary.html").as_uri(), width=1030)
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    assert browser.run("document.documentElement.scrollWidth") == 1030
