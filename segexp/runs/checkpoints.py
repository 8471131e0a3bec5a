"""Finds the checkpoints that a command names: run folders, checkpoint files, globs, lists of them. No torch."""

import glob
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segexp.config.overrides.quoting import printed
from segexp.errors import DataError
from segexp.runs.json_yaml import read_json
from segexp.runs.near_runs import near_runs

RunPath = str | Path


@dataclass(frozen=True)
class Source:
    """A checkpoint and the run folder it belongs to.

    Attributes:
        checkpoint: The file of its weights.
        folder: Its run folder; None: a checkpoint that lies elsewhere.
    """

    checkpoint: Path
    folder: Path | None

    @property
    def name(self) -> str:
        """Name and date of the run for tables and logs, else the path of the file."""
        return str(self.checkpoint) if self.folder is None else "/".join(self.folder.resolve().parts[-2:])

    @property
    def model(self) -> str:
        """The name under which the run was trained, such as ``unet``; empty where the folder does not tell."""
        record = _json(self.folder / "run.json") if self.folder is not None else {}
        model = record.get("model")
        return str(model.get("name") or "") if isinstance(model, dict) else ""

    @property
    def results(self) -> dict[str, Any]:
        """Content of the run's results.json if it speaks of this checkpoint, else empty."""
        content = _json(self.folder / "results.json") if self.folder is not None else {}
        checkpoint = content.get("checkpoint")
        tested = checkpoint.get("path") if isinstance(checkpoint, dict) else None
        if self.folder is None or not isinstance(tested, str) or "\0" in tested:
            return {}
        return content if (self.folder / tested).resolve() == self.checkpoint.resolve() else {}


def find_sources(runs: RunPath | Sequence[RunPath], checkpoint: str = "best") -> list[Source]:
    """Finds the checkpoints that some paths name, each once.

    Args:
        runs: Run folder, checkpoint file or glob of such, or a list of them.
        checkpoint: ``best`` (where nothing was chosen: the last one), ``last``, or a path inside (or outside) the run
            folder.

    Raises:
        DataError: There is no such run, or it has no such checkpoint.
    """
    places = [runs] if isinstance(runs, str | Path) else list(runs)
    if not places:
        raise DataError("run: no run folder was given; write for example run=outputs/<name>/<date>_<time>_<id>")
    found = [_source(path, checkpoint) for place in places for path in _expanded(place)]
    return list({source.checkpoint.resolve(): source for source in found}.values())


def refuse_missing(runs: RunPath | Sequence[RunPath]) -> None:
    """Looks whether the run folders and files are there at all, before anything heavy is imported.

    Raises:
        DataError: One is not there.
    """
    for place in [runs] if isinstance(runs, str | Path) else runs:
        for path in _expanded(place) if not glob.has_magic(str(place)) else ():
            if not path.exists():
                raise _no_folder(path)


def tested_checkpoint(folder: Path) -> Path:
    """Gives the checkpoint in a run folder that was tested: the one that results.json names, else ``best.ckpt``."""
    checkpoint = _json(folder / "results.json").get("checkpoint")
    named = checkpoint.get("path") if isinstance(checkpoint, dict) else None
    if isinstance(named, str) and "\0" not in named:
        path = folder / named
        if path.resolve().is_relative_to(folder.resolve()) and path.is_file():
            return path
    return folder / "checkpoints" / "best.ckpt"


def _expanded(place: RunPath) -> list[Path]:
    """One path, or what a glob matches; folders that hold no checkpoints (``logs/``) are passed over in a glob."""
    path = Path(os.path.expanduser(place))  # noqa: PTH111 - that of pathlib raises for an unknown user
    if path.exists() or not glob.has_magic(str(path)):
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - absolute ones too
    runs = [match for match in matches if _is_run(match) or match.suffix == ".ckpt"]
    if not runs:
        raise DataError(f"run: {place} matches no run folder; a run folder holds checkpoints/ and config.yaml")
    return runs


def _source(path: Path, checkpoint: str) -> Source:
    if path.is_file():
        above = path.resolve().parent.parent
        return Source(path, above if _is_run(above) else None)
    if not path.is_dir():
        raise _no_folder(path)
    if not _is_run(path):
        raise DataError(f"run: {path} is no run folder: it holds no checkpoints/.{_runs_below(path)}")
    return Source(_in_run(path, checkpoint), path)


def _no_folder(path: Path) -> DataError:
    usual = "give a run folder, such as outputs/<name>/<date>_<time>_<id>"
    return DataError(f"run: no folder {path}; {usual}{near_runs('run', path)}")


def _in_run(folder: Path, checkpoint: str) -> Path:
    if checkpoint in ("best", "last"):
        path = folder / "checkpoints" / f"{checkpoint}.ckpt"
    else:
        path = next((p for p in (folder / checkpoint, Path(checkpoint).expanduser()) if p.is_file()), Path(checkpoint))
    if checkpoint == "best" and not path.is_file() and _chose_nothing(folder):
        path = path.with_name("last.ckpt")
    if not path.is_file():
        there = sorted(p.name for p in (folder / "checkpoints").glob("*.ckpt"))
        advice = "; add checkpoint=last" if checkpoint == "best" and "last.ckpt" in there else ""
        raise DataError(f"checkpoint: no file {path}; {folder} has {', '.join(there) or 'no checkpoint'}{advice}")
    return path


def _chose_nothing(folder: Path) -> bool:
    """Whether validations of a part of the images chose no checkpoint, so that the last one was tested."""
    tested = _json(folder / "results.json").get("checkpoint")
    return isinstance(tested, dict) and tested.get("chosen") is False


def _is_run(path: Path) -> bool:
    return (path / "checkpoints").is_dir()


def _runs_below(path: Path) -> str:
    below = [place.parent for place in sorted(path.glob("**/checkpoints"))][:1]
    if not below:
        return " Give a folder such as outputs/<name>/<date>_<time>_<id>"
    depth = "/*" * len(below[0].relative_to(path).parts)
    return f" There are runs below it: {below[0]}, or all of them: {printed('run', f'{path}{depth}')}"


def _json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = read_json(path)
    except ValueError as error:
        raise DataError(f"{path} is no valid JSON: {error}. Was it edited or cut short?") from error
    return content if isinstance(content, dict) else {}
