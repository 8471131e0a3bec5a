"""Where ``resume`` points to, and the command line that goes on with a run as it was."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.config.stored.check import again
from segexp.errors import ConfigError
from segexp.runs.json_yaml import read_yaml
from segexp.runs.manifest_files import MANIFEST
from segexp.runs.near_runs import near_runs

LAST = Path("checkpoints") / "last.ckpt"


def checkpoint_of(resume: str | None) -> str | None:
    """The checkpoint that ``resume`` means: itself, or that of a run folder.

    Raises:
        ConfigError: It is a folder without one.
    """
    if resume is None:
        return None
    resume = os.path.expanduser(resume)  # noqa: PTH111 - that of pathlib raises for an unknown user
    if not Path(resume).is_dir():
        return resume
    for place in (Path(resume) / LAST, Path(resume) / LAST.name):
        if place.is_file():
            return str(place)
    if (Path(resume) / MANIFEST).is_file():
        line = command_line([hydra_override("sweep.resume", resume)])
        raise ConfigError(f"resume: {resume} holds a sweep; go on with all of it by {line}")
    near = "" if (Path(resume) / "run.json").is_file() else near_runs("resume", resume)
    raise ConfigError(f"resume: {resume} holds no {LAST}; give the folder of a run that finished an epoch{near}")


def require_checkpoint(resume: str | None) -> None:
    """Refuses a ``resume`` that names no file, before anything is read of it.

    Raises:
        ConfigError: There is no such file or folder, or it is a folder without a checkpoint.
    """
    checkpoint = checkpoint_of(resume)
    if checkpoint is not None and not os.path.isfile(checkpoint):  # noqa: PTH113 - of any text
        near = near_runs("resume", checkpoint)
        raise ConfigError(f"resume: no file {resume}; give a run folder or the path of a last.ckpt{near}")


def command(checkpoint: Path, *more: str) -> str:
    """The command that goes on from the ``last.ckpt`` of a run with its config; empty where there is none.

    Args:
        checkpoint: In its run folder.
        *more: Further words.
    """
    folder = checkpoint.parent.parent
    if not (folder / "config.yaml").is_file():
        return ""
    return command_line([hydra_override("from", str(folder)), hydra_override("resume", str(checkpoint)), *more])


def in_place(folder: Path, *more: str) -> str:
    """The command that goes on with a run in its own folder, as :func:`command` has it in a new one."""
    return command_line([hydra_override("resume", str(folder)), *more, *needed_words(folder)])


def how_to_go_on(folder: Path) -> str:
    """Says what of an interrupted run is saved, and the line that goes on with it in its folder."""
    line = in_place(folder)
    if not (folder / LAST).is_file():
        return f"interrupted before an epoch was finished; to begin again in its folder: {line}"
    return f"interrupted; the finished epochs are saved; to go on: {line}"


def needed_words(folder: Path) -> list[str]:
    """Words that a command needs beside the folder of a run of one's own: packages to trust, places elsewhere."""
    config = read_yaml(folder / "config.yaml")
    return again(config, folder / "config.yaml")


def with_command(message: str, checkpoint: Path) -> str:
    """A message that two runs differ, and the line that takes over all of the earlier one."""
    folder = checkpoint.parent.parent
    line = command(checkpoint, *needed_words(folder)) if (folder / "config.yaml").is_file() else ""
    return f"{message}; with all options of that run: {line}" if line else message


def anew_with(checkpoint: Path, key: str, value: Any) -> str:
    """The command that starts the run of a checkpoint anew with another value, in brackets; empty where none does."""
    folder = checkpoint.parent.parent
    if not isinstance(value, bool | int | float | str) or not (folder / "config.yaml").is_file():
        return ""
    words = [hydra_override("from", str(folder)), hydra_override(key, value), *needed_words(folder)]
    return f" ({command_line(words)})"


def told_apart(model: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    """A model by its class, and by its keys that ``other`` has not got or has otherwise: ``UNet (base 16)``."""
    name = str(model.get("_target_", "")).rpartition(".")[2]
    if model.get("_target_") != other.get("_target_"):
        return name
    keys = [f"{key} {value}" for key, value in model.items() if key not in other or other[key] != value]
    return f"{name} ({', '.join(keys)})" if keys else f"{name}, for other channels or classes"
