"""The split of a run belongs to it: where it goes on, or is tested again, images are in the parts they were in."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from segexp.config.batch_size import with_batch_size
from segexp.config.experiment import Experiment
from segexp.config.migration import migrated_stored
from segexp.config.overrides.from_argument import folder_of
from segexp.config.overrides.quoting import printed
from segexp.config.schema import ObjectConfig
from segexp.data.checks.sizes import name_some
from segexp.data.splits.rules import PHASES, Split
from segexp.errors import ConfigError, StoredError
from segexp.runs.archive import check_archive
from segexp.runs.json_yaml import read_json, read_yaml
from segexp.runs.text import printable
from segexp.training.resuming.source import checkpoint_of

OPEN = ("auto", None)
"""Values of keys of a data set that are left to the data."""


def kept_of(checkpoint: Path) -> Mapping[str, Any]:
    """Reads segexp's own part of a checkpoint; empty where there is none, which is said where it is used."""
    try:
        check_archive(checkpoint, whole=False)
        # Weights stay on the disk.
        content = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["segexp"]
    except Exception:  # torch.load raises nearly anything for a file that is no checkpoint
        return {}
    return content if isinstance(content, Mapping) else {}


def split_of(checkpoint: Path) -> Split | None:
    """Names of the images of each part, as the checkpoint has them, or split.json of its run; None: neither.

    Raises:
        ConfigError: split.json is damaged.
    """
    stored = kept_of(checkpoint).get("split")
    path = checkpoint.resolve().parent.parent / "split.json"
    if stored is None and path.is_file():
        try:
            stored = read_json(path)
        except ValueError as error:
            raise ConfigError(f"{path}: is no valid JSON: {error}; it tells which images the run trains on") from error
    return _split(stored, path) if stored is not None else None


def _split(content: Any, path: Path) -> Split:
    parts = content if isinstance(content, Mapping) else {}
    for phase in PHASES:
        names = parts.get(phase)
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ConfigError(f"{path}: has no list of image names under {phase!r}; was it edited?")
    return {phase: list(parts[phase]) for phase in PHASES}


def dealt_anew(experiment: Experiment, now: Split) -> list[str]:
    """A note where a run that starts ``from`` another has other images in its parts, since files came or went.

    Args:
        experiment: The new run, with what the data settled.
        now: Names of the images of each part of the new run.
    """
    folder = folder_of(experiment.invocation.command)
    if experiment.resumes or folder is None or not _same_data(folder, experiment.datamodule):
        return []
    try:
        before = _split(read_json(folder / "split.json"), folder / "split.json")
    except (OSError, ValueError, ConfigError):
        return []
    was, part = ({name: phase for phase in PHASES for name in split[phase]} for split in (before, now))
    new, gone = sorted(part.keys() - was.keys()), sorted(was.keys() - part.keys())
    moved = sorted(name for name in part.keys() & was.keys() if part[name] != was[name])
    if not moved or not (new or gone):
        return []
    since = " and ".join(
        f"{len(names)} {what} ({printable(name_some(names))})"
        for names, what in ((new, "came"), (gone, "went"))
        if names
    )
    text = f"the split is not that of {folder}, for since then {since}: {len(moved)} are in another part"
    if gone:
        return [f"{text} ({name_some(moved)}); the two are not trained and tested on the same images"]
    keep = printed("datamodule.split_file", str(folder / "split.json"))
    return [
        f"{text} ({name_some(moved)}); the two are not trained and tested on the same images; "
        f"to keep its parts, add: {keep}"
    ]


_DATA = ("_target_", "root", "images", "masks", "split", "split_seed", "split_file", "fold", "folds", "val_fraction",
         "test_fraction", "split_by", "stratum")  # fmt: skip
"""What decides, beside the files, which image is in which part."""


def _same_data(folder: Path, data: ObjectConfig) -> bool:
    """Whether the stored data set is that of the new run: with another one other images are no surprise."""
    path = folder / "config.yaml"
    try:
        earlier = migrated_stored(read_yaml(path), path)["datamodule"]
        return all(earlier.get(key) == data.get(key) for key in _DATA)
    except (OSError, ValueError, AttributeError, KeyError, TypeError, StoredError):
        return False


def taken_up(experiment: Experiment) -> Experiment:
    """A run that goes on as it is taken up: ``resume`` is the checkpoint's path, the data set has what was settled.

    A command that is typed once more leaves patterns, classes and crops to the data once more, which may have changed.

    Raises:
        ConfigError: ``resume`` is a folder without a checkpoint.
    """
    resume, data = checkpoint_of(experiment.resume), experiment.datamodule
    if resume is None:
        return experiment
    experiment = replace(experiment, resume=resume)
    stored = kept_of(Path(resume)).get("config")
    earlier = stored.get("datamodule") if isinstance(stored, Mapping) else None
    if not isinstance(earlier, Mapping) or earlier.get("_target_") != data.get("_target_"):
        return experiment
    data = _with_stored_batch_size(data, earlier)
    settled = {k: earlier[k] for k, value in data.items() if value in OPEN and k in earlier and _is_data(earlier[k])}
    return replace(experiment, datamodule={**data, **settled})


def _with_stored_batch_size(data: ObjectConfig, earlier: Mapping[str, Any]) -> ObjectConfig:
    """The block with the batch size that was found when the run began, where it is left to be found."""
    loader = earlier.get("loader")
    found = loader.get("batch_size") if isinstance(loader, Mapping) else None
    return with_batch_size(data, found) if isinstance(found, int) else data


def _is_data(value: Any) -> bool:
    """Whether a stored value builds nothing and refers to nothing: the config that it goes into is checked already."""
    if isinstance(value, Mapping):
        return not any(str(key).startswith("_") for key in value) and all(map(_is_data, value.values()))
    return all(map(_is_data, value)) if isinstance(value, list) else "${" not in str(value)
