"""report.html in a real browser: nothing missing or loaded, no error, fits desktop and phone; its viewer works."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.report.pictures.layers import save_layers
from segexp.report.run_page.page import write_report
from tests.browser.chromium import BrowserError, Chromium
from tests.report.made_up import VESSELS, measured, run, write_json, write_rows
from tests.report.test_hostile import evil_run

RANKS = ("worst", "middle", "best")
SIZES = pytest.mark.parametrize(("width", "phone"), [(1280, False), (375, True)])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Address of the report of a made-up run with everything in it."""
    folder = tmp_path_factory.mktemp("run") / "a run, with = and #"
    folder.mkdir()
    content = measured()
    content["task"]["colours"] = [list(colour) for colour in VESSELS.colours]
    content["confusion"] = [[900, 100], [50, 450]]
    bins = {"probability": [0.1, 0.9], "share": [0.2, 0.8], "pixels": [1000, 500]}
    content["reliability"] = {"vessel": bins}
    content["panels"] = [panel(folder, rank) for rank in RANKS]
    write_json(folder / "results.json", content)
    write_json(folder / "run.json", run() | {"overrides": ["model=cunet"] * 40})
    (folder / "config.yaml").write_text("a_key_with_a_long_value: " + "x" * 300 + "\n")
    names = ("threshold", "recall", "precision", "false_positive_rate", "dice", "iou")
    write_rows(
        folder / "thresholds.csv", [dict(zip(names, (t, 1 - t, t, 1 - t, 0.5, 0.4), strict=True)) for t in (0.9, 0.1)]
    )
    write_rows(folder / "metrics.csv", [{"epoch": n, "train/loss": 1 / (n + 1), "val/miou": 0.5} for n in range(3)])
    write_rows(folder / "per_image.csv", [{"image": rank, "row": "model", "iou/vessel": 0.5} for rank in RANKS])
    return write_report(folder).as_uri()


def panel(folder: Path, rank: str) -> dict[str, Any]:
    truth = np.zeros((40, 60), np.uint8)
    truth[10:30, 10:30] = 1
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3)).astype(np.uint8)
    place = f"panels/layers/{rank}"
    save_layers(
        folder / place, {"image": image, "truth": truth, "prediction": np.roll(truth, 5), "probability": truth * 200}
    )
    return {"layers": place, "image": f"eye {rank}", "size": [40, 60], "rank": rank, "figures": {"Dice vessel": 0.5}}


@SIZES
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_whole_and_alone(browser: Chromium, page: str, width: int, phone: bool, dark: bool) -> None:
    browser.open(page, width=width, phone=phone, dark=dark)
    assert browser.complaints == []
    assert browser.requested == [page]
    assert browser.run("[...document.images].filter(i => !i.complete || !i.naturalWidth).length") == 0
    assert browser.run("document.images.length") > 20
    assert browser.run("document.documentElement.scrollWidth") == width


@SIZES
def test_every_control_has_a_name_and_room_for_a_finger(browser: Chromium, page: str, width: int, phone: bool) -> None:
    browser.open(page, width=width, phone=phone)
    controls = "[...document.querySelectorAll('button,input')]"
    assert browser.run(f"{controls}.filter(b => !(b.textContent || b.ariaLabel || b.labels?.length)).length") == 0
    assert browser.run(f"{controls}.length") > 15
    assert browser.run("[...document.images].filter(i => !i.alt).length") == 0
    if phone:
        assert browser.run("Math.min(...[...document.querySelectorAll('.bar button')].map(b => b.offsetHeight))") >= 32


DRAWN = """new Promise(done => {
  const look = () => document.documentElement.classList.contains("drawn") ? done(true) : setTimeout(look, 10);
  look();
})"""
CHART = "[...document.querySelectorAll('figure.chart')].find(f => f.querySelector('h3').textContent === '{}')"


def test_charts_tell_values_and_switch_series(browser: Chromium, page: str) -> None:
    browser.open(page)
    assert browser.run(DRAWN)
    assert browser.run("document.querySelectorAll('figure.chart svg').length") == 9
    named = "[...document.querySelectorAll('figure.chart [role=graphics-document]')].map(d => d.ariaLabel)"
    assert "ROC: model, area 0.9500, guessing, chosen threshold" in browser.run(named)
    chart = CHART.format("Over thresholds")
    browser.run(f"{chart}.scrollIntoView()")
    left, top = browser.run(f"(b => [b.left, b.top])({chart}.querySelector('svg').getBoundingClientRect())")
    browser.mouse("mouseMoved", left + 60, top + 60)
    tip = "document.querySelector('.chart-tip').textContent"
    assert re.fullmatch(r"(Dice|IoU|precision|recall): 0\.\d+, 0\.\d+", browser.run(tip))
    lines = f"{chart}.querySelectorAll('.mark-line path').length"
    assert browser.run(lines) == 4
    button = f"{chart}.querySelector('.legend button')"
    browser.run(f"{button}.focus()")
    browser.send("Input.dispatchKeyEvent", type="keyDown", key="Enter", text="\r", windowsVirtualKeyCode=13)
    assert browser.run(f"{button}.getAttribute('aria-pressed')") == "false"
    assert browser.run(lines) == 3
    browser.run(f"{button}.click()")
    assert browser.run(lines) == 4
    assert browser.complaints == []


def test_charts_zoom_with_ctrl_alone_and_come_back(browser: Chromium, page: str) -> None:
    browser.open(page)
    browser.run(DRAWN)
    chart = CHART.format("ROC")
    browser.run(f"{chart}.scrollIntoView()")
    left, top = browser.run(f"(b => [b.left, b.top])({chart}.querySelector('svg').getBoundingClientRect())")
    domain = f"{chart}.view.scale('x').domain()"
    whole = browser.run(domain)
    wheel = "new WheelEvent('wheel', {deltaY: -300, bubbles: true, cancelable: true})"
    # True: nobody has taken it, and the page scrolls.
    assert browser.run(f"{chart}.querySelector('.mark-line path').dispatchEvent({wheel})") is True
    assert browser.run(domain) == whole
    browser.mouse("mouseWheel", left + 150, top + 100, deltaX=0, deltaY=-300, modifiers=2)
    browser.run("new Promise(done => setTimeout(done, 100))")
    low, high = browser.run(domain)
    assert whole[0] < low < high < whole[1]
    for count in (1, 2):
        for kind in ("mousePressed", "mouseReleased"):
            browser.mouse(kind, left + 150, top + 100, button="left", clickCount=count)
    browser.run("new Promise(done => setTimeout(done, 100))")
    assert browser.run(domain) == whole


def test_texts_of_a_folder_stay_texts(browser: Chromium, tmp_path: Path) -> None:
    browser.open(write_report(evil_run(tmp_path / "evil")).as_uri())
    assert browser.run(DRAWN)
    assert browser.complaints == []
    assert len(browser.requested) == 1
    assert browser.run("document.querySelectorAll('img[src=x], svg[onload]').length") == 0
    names = browser.run("[...document.querySelectorAll('.legend button')].map(b => b.textContent)")
    assert any("<script>alert(1)</script>" in name for name in names)
    assert "alert(1)" in browser.run("document.querySelector('figure.chart svg').textContent")


def test_without_scripts_it_says_where_the_figures_are(browser: Chromium, page: str) -> None:
    browser.send("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(page)
        root = browser.send("DOM.getDocument", depth=-1)["root"]["nodeId"]
        found = browser.send("DOM.querySelector", nodeId=root, selector="noscript p")["nodeId"]
        assert "curves.png" in browser.send("DOM.getOuterHTML", nodeId=found)["outerHTML"]
    finally:
        browser.send("Emulation.setScriptExecutionDisabled", value=False)


def test_the_viewer_shows_layers_and_steps_by_keys(browser: Chromium, page: str) -> None:
    browser.open(page)
    shown = "[...document.querySelectorAll('.stage img')].map(i => i.dataset.key).join()"
    assert browser.run(shown) == "image,truth,prediction,errors"
    browser.run("document.querySelector('#viewer').focus()")
    browser.key("ArrowRight")
    assert browser.run("document.querySelector('#number').textContent") == "2 of 3"
    assert "eye middle" in browser.run("document.querySelector('#caption').textContent")
    browser.key("s")
    assert browser.run(shown) == "image,errors"
    browser.key("t")
    browser.key("o")
    assert browser.run(shown) == "image,truth-outline,errors"
    opacity = "const o = document.querySelector('#opacity'); o.value = 30; o.dispatchEvent(new Event('input'));"
    browser.run(f"(() => {{ {opacity} }})()")
    assert browser.run("document.querySelectorAll('.stage img')[1].style.opacity") == "0.3"
    assert browser.run("document.querySelector('.stage img').style.opacity") == ""
    browser.key("ArrowLeft")
    browser.key("ArrowLeft")
    assert browser.run("document.querySelector('#number').textContent") == "3 of 3"
    assert browser.complaints == []


def test_zoom_keeps_the_point_under_the_wheel_and_drag_moves(browser: Chromium, page: str) -> None:
    browser.open(page, height=2000)
    browser.run("document.querySelector('#viewer').scrollIntoView()")
    zoom = "document.querySelector('#zoom').textContent"
    box = "document.querySelector('.stage').getBoundingClientRect()"
    left, top, width = browser.run(f"(() => {{ const b = {box}; return [b.left, b.top, b.width] }})()")
    at = (left + width / 4, top + 40)
    wheel = "new WheelEvent('wheel', {deltaY: -300, bubbles: true, cancelable: true})"
    # True: nobody has taken it, since nobody has clicked the viewer, and the page scrolls.
    assert browser.run(f"document.querySelector('.stage').dispatchEvent({wheel})") is True
    assert browser.run(zoom) == "100 %"
    browser.run("document.querySelector('#viewer').focus()")
    sheet = "(() => { const b = document.querySelector('.sheet').getBoundingClientRect(); return [b.left, b.width] })()"
    before = browser.run(sheet)
    browser.mouse("mouseWheel", *at, deltaX=0, deltaY=-300)
    after = browser.run(sheet)
    assert after[1] == pytest.approx(before[1] * np.e, rel=0.02)
    point = (at[0] - before[0]) / before[1]
    assert after[0] + point * after[1] == pytest.approx(at[0], abs=1.5)
    browser.mouse("mousePressed", *at, button="left", clickCount=1)
    browser.mouse("mouseMoved", at[0] - 20, at[1], button="left", buttons=1)
    browser.mouse("mouseReleased", at[0] - 20, at[1], button="left", clickCount=1)
    assert browser.run(sheet)[0] == pytest.approx(after[0] - 20, abs=1.5)
    browser.key("0")
    assert browser.run(zoom) == "100 %"


def test_on_paper_the_parts_stand_there_and_the_viewer_does_not(browser: Chromium, page: str, tmp_path: Path) -> None:
    browser.open(page)
    visible = "(q => getComputedStyle(document.querySelector(q)).display !== 'none')"
    assert browser.run(f"{visible}('.viewer')") is True
    assert browser.run(f"{visible}('.specimens')") is False
    browser.send("Emulation.setEmulatedMedia", media="print")
    assert browser.run(f"{visible}('.viewer')") is False
    assert browser.run(f"{visible}('.specimens')") is True
    assert browser.pdf(tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    # printed as soon as it was loaded, all charts are there
    assert (
        browser.run("[...document.querySelectorAll('figure.chart')].filter(f => !f.querySelector('svg')).length") == 0
    )


def test_the_browser_notices_what_is_wrong(browser: Chromium, tmp_path: Path) -> None:
    """Or the checks above could not fail."""
    wrong = tmp_path / "wrong.html"
    wrong.write_text("<img src='gone.png'><script>console.error('bad'); nothing.there</script>")
    browser.open(wrong.as_uri())
    told = " ".join(browser.complaints)
    assert "bad" in told
    assert "nothing is not defined" in told
    assert "ERR_FILE_NOT_FOUND" in told
    assert len(browser.requested) == 2
    with pytest.raises(BrowserError, match="no such thing"):
        browser.run("(() => { throw new Error('no such thing') })()")
