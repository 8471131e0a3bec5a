"""The built docs site in a real browser, from disk: nothing is asked of elsewhere, it fits, its search answers."""

import time
from pathlib import Path

import pytest

from tests.browser.chromium import Chromium

SITE = Path(__file__).resolve().parents[2] / "site"
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
ANSWER = "document.querySelector('.md-search-result__meta').textContent"
FOUND = "[...document.querySelectorAll('.md-search-result__item h1')].map(each => each.textContent)"


@pytest.fixture
def pages() -> list[Path]:
    found = sorted(SITE.rglob("*.html"))
    if not found:
        pytest.skip("no site: make docs builds it")
    return found


@pytest.mark.parametrize(("width", "phone"), [(1280, False), (375, True)])
def test_every_page_fits_and_asks_nothing_of_elsewhere(
    browser: Chromium, pages: list[Path], width: int, phone: bool
) -> None:
    for page in pages:
        browser.open(page.as_uri(), width, phone=phone)
        assert browser.run(TOO_WIDE) <= 0, page
        assert browser.complaints == [], page
        assert all(address.startswith("file:") for address in browser.requested), page


def test_search_finds_the_page_of_the_concepts(browser: Chromium, pages: list[Path]) -> None:
    browser.open((SITE / "index.html").as_uri())
    browser.run("document.querySelector('.md-search__input').focus()")
    for letter in "threshold":
        browser.key(letter)
    end = time.monotonic() + 60
    while "matching documents" not in browser.run(ANSWER) or not browser.run(FOUND):
        assert time.monotonic() < end, browser.run(ANSWER)
        time.sleep(0.1)
    assert browser.run(FOUND)[0] == "What the numbers mean"
