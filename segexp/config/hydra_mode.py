"""Hydra composes each config twice, the first time only to read ``hydra.mode`` in it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra._internal.hydra import Hydra


@contextmanager
def composed_once(argv: Sequence[str]) -> Iterator[None]:
    """In this context ``-m`` alone says whether Hydra sweeps: every command starts a tenth of a second sooner.

    Args:
        argv: The command line; one that sets hydra.mode itself is left to Hydra.
    """
    before: Any = Hydra.get_mode
    if not any(word.lstrip("+").startswith("hydra.mode") for word in argv):
        Hydra.get_mode = _by_flag  # type: ignore[method-assign] # put back below
    try:
        yield
    finally:
        Hydra.get_mode = before  # type: ignore[method-assign]


def _by_flag(*_: Any, **__: Any) -> None:
    """Hydra then goes by ``-m``, as where a config cannot be composed."""
