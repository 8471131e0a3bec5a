"""The words ``from=<run folder>`` and ``resume=<run folder>`` of a command line, and the folder that they name."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from segexp.config.overrides.quoting import unquoted
from segexp.errors import ConfigError

KEY = "from="
TAKE_OVER = "take_over="
"""Of a command that goes on with a run: ``host:number`` of the process that the run folder is taken from."""
_RESUME = re.compile(r"\+{0,2}resume=")
_SEVERAL = re.compile(r"-m$|--multirun$|\+*hydra\.mode=|\+*sweep([.=])")
"""Words of commands that run several jobs."""


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
    path = Path(os.path.expanduser(word.removeprefix(KEY)))  # noqa: PTH111 - that of pathlib raises for an unknown user
    return path.parent if path.name == "config.yaml" and path.is_file() else path


def resumed_run(argv: Sequence[str]) -> Path | None:
    """The run folder that ``resume=`` names, whose config is then that of the command; None where it names a file.

    With ``from=`` the config is that of the run named there, and of a sweep that of each job.
    """
    found = [word.partition("=")[2] for word in argv if _RESUME.match(word)]
    if len(found) != 1 or given(argv) is not None or any(_SEVERAL.match(word) for word in argv):
        return None
    folder = Path(os.path.expanduser(unquoted(found[0])))  # noqa: PTH111 - that of pathlib raises for an unknown user
    # The files of a job of a sweep lie elsewhere than its run.
    return folder if (folder / "config.yaml").is_file() and not (folder / "job.json").exists() else None


def taken_over(argv: Sequence[str]) -> str | None:
    """The owner that ``take_over=`` names; None without that word."""
    found = [word.removeprefix(TAKE_OVER) for word in argv if word.startswith(TAKE_OVER)]
    return unquoted(found[-1]) if found else None


def without_own(argv: Sequence[str]) -> list[str]:
    """The words that Hydra takes."""
    return [word for word in argv if not word.startswith((KEY, TAKE_OVER))]
