"""What differs between the grid of a sweep folder and the one asked for now."""

from collections.abc import Iterator, Mapping, Sequence

from segexp.config.experiment import Experiment
from segexp.config.nested import flatten
from segexp.config.schema import TrainConfig
from segexp.config.sections import with_defaults
from segexp.errors import ConfigError
from segexp.sweeps.layout import JobFiles, resume_command
from segexp.sweeps.manifest import Entry, Manifest
from segexp.sweeps.plan import NO_RESULT, Job, config_key

SHOWN = 10
"""Lines of each kind."""


def refuse_other_grid(manifest: Manifest, jobs: Sequence[Job]) -> None:
    """Raises unless both hold the same experiments, in whatever order.

    Raises:
        ConfigError: They differ; the text says in what.
    """
    now = {job.key: job for job in jobs}
    before = {entry.key: entry for entry in manifest}
    if before.keys() != now.keys():
        full = {_full_key(job.experiment): job.key for job in jobs}
        before = {_key_today(manifest, entry, full): entry for entry in manifest}
    if before.keys() == now.keys():
        return
    gone = [entry for key, entry in before.items() if key not in now]
    new = [job for key, job in now.items() if key not in before]
    lines = list(_changes(manifest, gone[0].number, new[0].experiment)) if len(gone) == len(new) == len(before) else []
    if not lines:
        lines = _shown("only in the folder", [entry.label for entry in gone])
        lines += _shown("only in the command", [job.label for job in new])
    raise ConfigError(
        "\n".join(
            [
                f"sweep.resume: the jobs of {manifest.folder} are others than those of the command",
                *lines,
                f"  to go on with those of the folder: {resume_command(manifest.folder, manifest.again)}",
            ]
        )
    )


def _key_today(manifest: Manifest, entry: Entry, full: Mapping[str, str]) -> str:
    """The key that a job of the folder, whose config may be of an earlier version, has among those of the command.

    Args:
        manifest: Of the folder.
        entry: The job.
        full: Keys of the command's jobs by :func:`_full_key`.
    """
    return full.get(_full_key(JobFiles(manifest.folder, entry.number).read().experiment), entry.key)


def _full_key(experiment: Experiment) -> str:
    """The key of a job with all that its config leaves to the defaults."""
    return config_key(Experiment.from_plain(with_defaults(TrainConfig, experiment.plain())))


def _shown(title: str, labels: Sequence[str]) -> list[str]:
    more = [f"  {title}: ... {len(labels) - SHOWN} more"] if len(labels) > SHOWN else []
    return [f"  {title}: {label or 'no overrides'}" for label in labels[:SHOWN]] + more


def _changes(manifest: Manifest, number: int, now: Experiment) -> Iterator[str]:
    """Keys in which every job differs, as seen in the first."""
    earlier = JobFiles(manifest.folder, number).read().experiment
    before, after = dict(flatten(earlier.plain())), dict(flatten(now.plain()))
    for key in sorted(set(before) | set(after)):
        if key.split(".", 1)[0] not in NO_RESULT and before.get(key) != after.get(key):
            yield f"  {key}: {before.get(key)!r} in the folder, {after.get(key)!r} in the command"
