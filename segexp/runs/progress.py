"""A bar on the terminal for what takes longer than a moment; nothing in files and pipes."""

from collections.abc import Iterable
from typing import TypeVar

T = TypeVar("T")

DELAY = 2.0
"""Seconds before a bar appears."""


def shown(things: Iterable[T], total: int, what: str, delay: float = DELAY) -> Iterable[T]:
    """The things as they come, with a bar on standard error where that is a terminal.

    Args:
        things: What is done, one by one.
        total: How many there will be.
        what: Said beside the bar.
        delay: Seconds before it appears.
    """
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(things, total=total, desc=what, leave=False, delay=delay, disable=None)
    return bar
