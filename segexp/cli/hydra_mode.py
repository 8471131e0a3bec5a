"""Hydra composes each config twice, the first time only to read ``hydra.mode`` in it."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra._internal.hydra import Hydra

from segexp.config.paths import conf_dir

_MULTIRUN = re.compile(r"^\s*(?:hydra\.)?mode\s*:\s*['\"]?multirun", re.IGNORECASE | re.MULTILINE)


@contextmanager
def composed_once(argv: Sequence[str], own_folders: Sequence[str] = ()) -> Iterator[None]:
    """In this context ``-m`` alone says whether Hydra sweeps: every command starts a tenth of a second sooner.

    Args:
        argv: The command line; what sets hydra.mode itself, in a word or maybe in a file, is left to Hydra.
        own_folders: Of options of the user's, which may be large and are not searched.
    """
    before: Any = Hydra.get_mode
    if not (own_folders or _sets_mode(argv)):
        Hydra.get_mode = _by_flag  # type: ignore[method-assign] # put back below
    try:
        yield
    finally:
        Hydra.get_mode = before  # type: ignore[method-assign]


def _sets_mode(argv: Sequence[str]) -> bool:
    if any(word.lstrip("+").startswith("hydra.mode") for word in argv):
        return True
    return any(_MULTIRUN.search(path.read_text(encoding="utf-8")) for path in conf_dir().rglob("*.yaml"))


def _by_flag(*_: Any, **__: Any) -> None:
    """Hydra then goes by ``-m``, as where a config cannot be composed."""
