"""The folder of a sweep that goes on is data, too: its jobs and words are checked before the first of them starts."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from segexp.config.experiment import Experiment
from segexp.config.migration import migrated_stored
from segexp.config.stored.arguments import check_choices
from segexp.config.stored.check import again, check_overrides, check_stored
from segexp.config.stored.trust import trust_arguments as typed_trust
from segexp.config.stored.trust import typed_keys
from segexp.errors import DataError, StoredError
from segexp.runs.json_yaml import read_json, read_yaml
from segexp.runs.manifest_files import MANIFEST
from segexp.runs.paths import refuse_links
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.plan import Job
from segexp.sweeps.seal import read_sealed

FLAGS_WITH_FOLDER = ("--config-dir", "-cd")


def check_folder(manifest: Manifest, argv: Sequence[str]) -> None:
    """Checks what is read of a sweep's folder before anything is written there.

    Args:
        manifest: Of the sweep that goes on.
        argv: The command; what it gives anew is not taken from the folder.

    Raises:
        StoredError: Links out of the folder, or keys of the sweep that are not taken from a file.
    """
    refuse_links(manifest.folder)
    first = JobFiles(manifest.folder, 0).path / "config.yaml"
    if first.is_file():
        section = {"sweep": _config(first).get("sweep") or {}}
        check_stored(section, first, typed=typed_keys(argv), sweeps=True, agreed=read_sealed(manifest.folder))


def check_jobs(places: Iterable[JobFiles], argv: Sequence[str]) -> None:
    """Checks the files of jobs that are going to run.

    Raises:
        StoredError: Paths, classes or lines of shell that are not taken from a file.
    """
    for place in places:
        path = place.path / "config.yaml"
        agreed = read_sealed(place.sweep)
        trusted, typed = agreed_packages(agreed), typed_keys(argv)
        check_stored(_config(path), path, trusted, typed=typed, sweeps=True, agreed=agreed)
        _check_start(place, trusted, typed, agreed)


def _config(path: Path) -> Any:
    try:
        return migrated_stored(read_yaml(path), path)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {str(error).splitlines()[0]}; start a new sweep") from error


def _check_start(place: JobFiles, trusted: Collection[str], typed: Collection[str], agreed: Collection[str]) -> None:
    """Checks how a job was started, its words and its study; :meth:`JobFiles.read` has seen the rest."""
    path = place.path / "job.json"
    content = read_json(path)
    check_overrides(content["overrides"], path, trusted, typed=typed, agreed=agreed)
    check_choices(content["choices"], path)
    storage = (content.get("trial") or {}).get("storage")
    if storage is not None and "sweep.storage" not in typed:
        check_stored({"sweep": {"storage": storage}}, path, sweeps=True, agreed=agreed)


def agreed_packages(arguments: Iterable[str]) -> frozenset[str]:
    """Packages of the words ``trust=`` among those that are agreed to."""
    return frozenset(typed_trust(list(arguments)))


def words_to_take(manifest: Manifest, arguments: Sequence[str], now: Sequence[str]) -> list[str]:
    """Stored words of a search, checked; a folder of options counts only if it is given now.

    Args:
        manifest: Of the search.
        arguments: That it began with, or keys that it kept.
        now: Words of the command.

    Raises:
        StoredError: A word is not taken from a file.
    """
    source = manifest.folder / MANIFEST
    kept, folders = split_off_folders(arguments)
    given = {*now, *read_sealed(manifest.folder)}
    if folders and not any(word.split("=")[0] in FLAGS_WITH_FOLDER for word in given):
        raise StoredError(
            f"{source}: search.words: the search began with --config-dir {folders[0]}, which is not taken from a file; "
            f"if it is right, add --config-dir {folders[0]}"
        )
    agreed = read_sealed(manifest.folder)
    check_overrides(kept, source, agreed_packages(agreed), typed=typed_keys(now), agreed=agreed)
    return kept


def split_off_folders(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words without ``--config-dir``, and the folders that it named."""
    kept: list[str] = []
    folders: list[str] = []
    takes = False
    for word in arguments:
        if takes or word.startswith(tuple(f"{flag}=" for flag in FLAGS_WITH_FOLDER)):
            folders.append(word.partition("=")[2] if not takes else word)
            takes = False
        elif word in FLAGS_WITH_FOLDER:
            takes = True
        else:
            kept.append(word)
    return kept, folders


def only_confirms(manifest: Manifest, jobs: Sequence[Job]) -> bool:
    """Tells whether the words of a command give no other grid, but only agree to what is not taken from the folder."""
    if len(jobs) != 1:
        return False
    given = {word.lstrip("+").partition("=")[0] for word in jobs[0].experiment.invocation.overrides}
    for entry in manifest:
        stored, now = JobFiles(manifest.folder, entry.number).read().experiment, jobs[0].experiment
        asked = {word.partition("=")[0] for word in words_to_resume([stored], manifest.folder)}
        if not given <= asked or any(stored.value(key) != now.value(key) for key in given):
            return False
    return True


def same_words(asked: Sequence[str], given: Sequence[str]) -> bool:
    """Tells whether a command has the words of a search: all, or some that it agrees to once more."""
    return sorted(asked) == sorted(given) or all(any(_same(word, other) for other in given) for word in asked)


def _same(word: str, other: str) -> bool:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    try:
        one, two = OverridesParser.create().parse_overrides([word, other])
    except HydraException:
        return word == other
    return bool((one.key_or_group, one.value()) == (two.key_or_group, two.value()))


def words_to_resume(experiments: Iterable[Experiment], folder: Path) -> list[str]:
    """The words that a command to go on needs beside the folder, so that :func:`check_jobs` lets it."""
    source = folder / "jobs" / "000" / "config.yaml"
    found = [word for experiment in experiments for word in again(experiment.plain(), source, sweeps=True)]
    return list(dict.fromkeys(found))
