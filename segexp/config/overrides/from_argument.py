"""The word ``from=<run folder>`` of a command line, and the folder that it names."""

from collections.abc import Sequence
from pathlib import Path

from segexp.errors import ConfigError

KEY = "from="


def given(argv: Sequence[str]) -> str | None:
    """The word ``from=...`` of a command line.

    Raises:
        ConfigError: There are several.
    """
    found = [argument for argument in argv if argument.startswith(KEY)]
    if len(found) > 1:
        raise ConfigError(f"{' '.join(found)}: give one run folder")
    return found[0] if found else None


def folder_of(argv: Sequence[str]) -> Path | None:
    """The folder that ``from=`` of a command line names, whatever is in it; None without that word."""
    word = given(argv)
    return None if word is None else run_folder(word)


def run_folder(word: str) -> Path:
    """The run folder of ``from=``, which may also name the config.yaml in it."""
    path = Path(word.removeprefix(KEY)).expanduser()
    return path.parent if path.name == "config.yaml" and path.is_file() else path
