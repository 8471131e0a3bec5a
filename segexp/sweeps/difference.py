"""What differs between the grid of a sweep folder and the one asked for now."""

from collections.abc import Iterator, Sequence

from segexp.config.experiment import Experiment
from segexp.config.nested import flatten
from segexp.errors import ConfigError
from segexp.sweeps.layout import JobFiles, resume_command
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.plan import NO_RESULT, Job

SHOWN = 10
"""Lines of each kind."""


def refuse_other_grid(manifest: Manifest, jobs: Sequence[Job]) -> None:
    """Raises unless both hold the same experiments, in whatever order.

    Raises:
        ConfigError: They differ; the text says in what.
    """
    before = {entry.key: entry for entry in manifest}
    now = {job.key: job for job in jobs}
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
