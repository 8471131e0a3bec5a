"""The folder of a sweep that goes on is data, too: its jobs and words are checked before the first of them starts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from segexp.config.stored import again, check_choices, check_overrides, check_stored
from segexp.config.trust import typed_keys
from segexp.errors import StoredError
from segexp.run.inside import inside, refuse_links
from segexp.sweeps.manifest import MANIFEST, Manifest
from segexp.sweeps.places import JobPlace
from segexp.sweeps.plan import Job

FLAGS_WITH_FOLDER = ("--config-dir", "-cd")


def check_sweep(manifest: Manifest, argv: Sequence[str]) -> None:
    """Checks every file of a sweep that a job, or its search, reads.

    Args:
        manifest: Of the sweep that goes on.
        argv: The command; what it gives anew is not taken from the folder.

    Raises:
        StoredError: Links, paths, classes or lines of shell that are not taken from a file.
    """
    refuse_links(manifest.folder)
    typed = typed_keys(argv)
    for entry in manifest:
        place = JobPlace(manifest.folder, entry.number)
        inside(manifest.folder, entry.folder, f"{manifest.folder / MANIFEST}: jobs.{entry.number}.folder")
        if not (place.path / "config.yaml").is_file():
            # Its reading says so.
            continue
        check_stored(_config(place.path / "config.yaml"), place.path / "config.yaml", typed=typed, sweeps=True)
        _check_start(place, typed)


def _config(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise StoredError(f"{path}: is no config of segexp: {str(error).splitlines()[0]}; start a new sweep") from error


def _check_start(place: JobPlace, typed: Iterable[str]) -> None:
    """How a job was started: where it writes, its words, and the study that it reports to."""
    path = place.path / "job.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    inside(place.sweep, content["folder"], f"{path}: folder")
    check_overrides(content["overrides"], path, typed=frozenset(typed))
    check_choices(content["choices"], path)
    trial = content.get("trial") or {}
    if trial.get("storage") is not None and "sweep.storage" not in typed:
        raise StoredError(
            f"{path}: trial.storage: found {trial['storage']!r}, a place elsewhere, which is not taken from a file; if "
            f"it is right, give it in the command: sweep.storage={trial['storage']} (docs/trust.md)"
        )


def words_to_take(manifest: Manifest, words: Sequence[str], now: Sequence[str]) -> list[str]:
    """Stored words of a search, checked; a folder of options counts only if it is given now.

    Args:
        manifest: Of the search.
        words: That it began with, or keys that it kept.
        now: Words of the command.

    Raises:
        StoredError: A word is not taken from a file.
    """
    source = manifest.folder / MANIFEST
    kept, folders = without_folders(words)
    if folders and not any(word.split("=")[0] in FLAGS_WITH_FOLDER for word in now):
        raise StoredError(
            f"{source}: search.words: the search began with --config-dir {folders[0]}, which is not taken from a file; "
            f"if it is right, add --config-dir {folders[0]}"
        )
    check_overrides(kept, source, typed=typed_keys(now))
    return kept


def without_folders(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words without ``--config-dir``, and the folders that it named."""
    kept: list[str] = []
    folders: list[str] = []
    takes = False
    for word in words:
        if takes or word.startswith(tuple(f"{flag}=" for flag in FLAGS_WITH_FOLDER)):
            folders.append(word.partition("=")[2] if not takes else word)
            takes = False
        elif word in FLAGS_WITH_FOLDER:
            takes = True
        else:
            kept.append(word)
    return kept, folders


def confirms(manifest: Manifest, jobs: Sequence[Job]) -> bool:
    """Whether the words of a command give no other grid, but only agree to what is not taken from the folder."""
    if len(jobs) != 1:
        return False
    given = {word.lstrip("+").partition("=")[0] for word in jobs[0].invocation.overrides}
    for entry in manifest:
        config = JobPlace(manifest.folder, entry.number).read().config
        asked = {word.partition("=")[0] for word in words_again([config], manifest.folder)}
        if not given <= asked or any(_at(config, key) != _at(jobs[0].config, key) for key in given):
            return False
    return True


def _at(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config[name]
    return config


def same_words(asked: Sequence[str], told: Sequence[str]) -> bool:
    """Whether a command has the words of a search: all, or some that it agrees to once more."""
    return sorted(asked) == sorted(told) or all(any(_same(word, other) for other in told) for word in asked)


def _same(word: str, other: str) -> bool:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        one, two = OverridesParser.create().parse_overrides([word, other])
    except HydraException:
        return word == other
    return bool((one.key_or_group, one.value()) == (two.key_or_group, two.value()))


def words_again(configs: Iterable[Mapping[str, Any]], folder: Path) -> list[str]:
    """The words that a command to go on needs beside the folder, so that :func:`check_sweep` lets it."""
    source = folder / "jobs" / "000" / "config.yaml"
    found = [word for config in configs for word in again(config, source, sweeps=True)]
    return list(dict.fromkeys(found))
