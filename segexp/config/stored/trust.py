"""Which packages a command trusts beside those that segexp is made of: by ``trust=``, SEGEXP_TRUST, or by naming them.

What a stored file may name without any of these stands in :mod:`segexp.config.stored.check`.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from segexp.config.stored.slots import TRANSFORMS
from segexp.errors import ConfigError

KEY = "trust"
VARIABLE = "SEGEXP_TRUST"
"""Environment variable with packages, separated by commas."""

_PACKAGE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_TARGET = re.compile(r"_target_['\"]?\s*[:=]\s*['\"]?([A-Za-z_]\w*)")


def trusted_packages(argv: Sequence[str]) -> frozenset[str]:
    """Packages that a command line trusts: ``trust=``, the variable, and those of every ``_target_`` that it names.

    It names a ``_target_`` in a word, or in a YAML below a typed ``--config-dir``.

    Args:
        argv: Words of the command line.

    Raises:
        ConfigError: ``trust=`` or the variable holds what is no package.
    """
    # A class of torch that is named makes not all of torch trusted.
    known = {package.split(".")[0] for package in TRANSFORMS.packages}
    named = {found for word in argv if not _is_trust(word) for found in _TARGET.findall(word)}
    own = {found for folder in _config_dirs(argv) for found in _in_folder(Path(folder))}
    return frozenset((named | own) - known) | packages(trust_arguments(argv))


@contextmanager
def trusting(argv: Sequence[str]) -> Iterator[None]:
    """In this context a command line's trust holds, here and in every process that is started: by SEGEXP_TRUST.

    Raises:
        ConfigError: As :func:`trusted_packages`.
    """
    before = os.environ.get(VARIABLE)
    if found := trusted_packages(argv):
        os.environ[VARIABLE] = ",".join(sorted(found))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = before


def shared_trust() -> dict[str, str]:
    """The variable as it is here, for processes on other machines."""
    return {VARIABLE: os.environ[VARIABLE]} if VARIABLE in os.environ else {}


def packages(names: str | Iterable[str]) -> frozenset[str]:
    """These packages and those of the variable SEGEXP_TRUST.

    Raises:
        ConfigError: One is no dotted name of a package.
    """
    given = [names] if isinstance(names, str) else list(names)
    variable = [name.strip() for name in os.environ.get(VARIABLE, "").split(",") if name.strip()]
    for key, found in ((KEY, given), (VARIABLE, variable)):
        for name in found:
            if not isinstance(name, str) or _PACKAGE.fullmatch(name) is None:
                raise ConfigError(f"{key}: found {name!r}, expected names of packages, such as 'trust=[my_package]'")
    return frozenset([*given, *variable])


def trust_arguments(argv: Sequence[str]) -> list[str]:
    """Values of ``trust=`` on a command line."""
    values = [word.partition("=")[2] for word in argv if _is_trust(word)]
    return [name.strip(" '\"") for value in values for name in value.strip(" '\"[]").split(",") if name.strip(" '\"")]


def without_trust(arguments: Iterable[str]) -> list[str]:
    """Words without ``trust=``: whom a command trusted is its own matter, and no part of what a run is."""
    return [word for word in arguments if not _is_trust(word)]


def typed_keys(argv: Sequence[str]) -> frozenset[str]:
    """Keys, and groups, that a command line gives values of its own."""
    arguments = [word for word in argv if not word.startswith("-")]
    return frozenset(word.lstrip("+~").split("=", 1)[0].split("@")[0].replace("/", ".") for word in arguments)


def _is_trust(word: str) -> bool:
    return re.match(rf"\+*{KEY}=", word) is not None


def _config_dirs(argv: Sequence[str]) -> list[str]:
    """As :func:`segexp.cli.arguments.config_dirs`, which knows all commands and what they import."""
    after = [folder for flag, folder in pairwise(argv) if flag in ("--config-dir", "-cd")]
    return [*after, *(word.partition("=")[2] for word in argv if word.startswith("--config-dir="))]


def _in_folder(folder: Path) -> set[str]:
    """Packages of the classes that options in a folder name; what lies deeper than groups of groups is none."""
    files = [path for below in ("", "*/", "*/*/") for path in folder.glob(f"{below}*.yaml") if path.is_file()]
    return {found for path in files for found in _TARGET.findall(path.read_text(encoding="utf-8", errors="replace"))}
