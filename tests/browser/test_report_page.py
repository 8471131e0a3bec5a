"""report.html in a real browser: nothing missing or loaded, no error, fits desktop and phone; its viewer works."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.report.pictures.layers import save_layers
from segexp.report.run_page.page import write_report
from tests.browser.chromium import BrowserError, Chromium
from tests.report.made_up import VESSELS, measured, run, write_json, write_rows

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
