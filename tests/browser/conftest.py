"""A real browser for the tests of this folder; without one they are skipped, and say so (``make test-browser``)."""

from collections.abc import Iterator

import pytest

from tests.browser.chromium import Chromium, find_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    """A headless Chromium for all tests of a process; ``open`` forgets what the last page complained of."""
    program = find_chromium()
    if program is None:
        pytest.skip("no Chromium on the path: make test-browser installs one")
    with Chromium(program) as found:
        yield found
