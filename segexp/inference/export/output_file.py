"""Chooses the path of an exported file, and lets it be there only when it is good."""

import glob
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segexp.errors import ConfigError
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel
from segexp.runs.paths import require_inside

PART = "part_"


def output_path(model: Model | TaskModel, output: str | None, checkpoint: str, suffix: str) -> Path:
    """Chooses the file to write: as given, or in ``exports`` of the run folder, named after run and checkpoint.

    Raises:
        ConfigError: It has another ending than the format, or there is no one run folder.
    """
    if output is not None:
        path = Path(output).expanduser()
        if path.suffix != suffix:
            raise ConfigError(f"output: found {output}, expected a file that ends in {suffix}")
        return path
    folder = model.sources[0].folder
    if folder is None or len(model.sources) > 1:
        what = "several runs" if len(model.sources) > 1 else "a checkpoint that is in no run folder"
        raise ConfigError(f"output: needed for {what}; write for example output=model{suffix}")
    ending = "" if checkpoint == "best" else f"_{Path(checkpoint).stem}"
    name = f"{model.config.name or folder.parent.name}{ending}{suffix}"
    place = require_inside(folder, "exports", str(folder))
    return require_inside(place, name, str(place))


@contextmanager
def write_if_good(path: Path) -> Iterator[Path]:
    """Gives a path to write to; its file, and those beside it of the same stem, take their names if all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(PART + path.name)
    # What is left of another attempt; through a link in a folder of somebody else it would be written elsewhere.
    _remove(part)
    try:
        yield part
        for written in _beside(part):
            written.replace(written.with_name(written.name.removeprefix(PART)))
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    for left in _beside(part):
        left.unlink()


def _beside(part: Path) -> list[Path]:
    return list(part.parent.glob(f"{glob.escape(part.stem)}.*"))


def format_megabytes(path: Path) -> str:
    """Formats the size of a file in MB."""
    return f"{path.stat().st_size / 1e6:.2f} MB"
