"""Python's search for garbage, which costs a sixth of the time in which a config is composed and checked."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def garbage_kept() -> Iterator[None]:
    """Within it nothing is searched for garbage: hundred thousand nodes of configs and syntax trees come into being.

    It is for a single config. What is in circles is found by the first search after it.
    """
    with _searching(False):
        yield


@contextmanager
def garbage_searched() -> Iterator[None]:
    """Within it garbage is searched for as usual, also inside of :func:`garbage_kept`: for what then runs for hours."""
    with _searching(True):
        yield


def keep_garbage_at_exit() -> None:
    """The interpreter does not search what there is once more before it ends; where torch was used it does."""
    if "torch" not in sys.modules:
        gc.freeze()


@contextmanager
def _searching(on: bool) -> Iterator[None]:
    before = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        yield
    finally:
        (gc.enable if before else gc.disable)()
