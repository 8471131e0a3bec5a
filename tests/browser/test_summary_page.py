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
