"""The jobs of a sweep, composed and checked whole before anything is written."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.invocation import Invocation

NO_RESULT = ("output_dir", "sweep", "debug")
"""Keys that have no part in what a job gives, so that its key does not depend on them."""


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        number: Place in the grid, from 0; a number belongs to one config for ever.
        key: Hash of the resolved config.
        label: The overrides in which the jobs of the sweep differ.
        experiment: What it runs, and how it was started.
    """

    number: int
    key: str
    label: str
    experiment: Experiment

    @property
    def folder(self) -> str:
        """Name of the run folder in the sweep folder: number and values, without characters that Hydra would read."""
        arguments = [_word(override) for override in self.label.split(" ") if "=" in override]
        return "_".join([f"{self.number:03d}", *arguments])[:100].rstrip("_.-")


class Plan:
    """Gathers what Hydra composes, job by job."""

    def __init__(self) -> None:
        self._found: list[Experiment] = []
        self._problems: dict[str, list[str]] = {}

    def __len__(self) -> int:
        return len(self._found) + sum(map(len, self._problems.values()))

    def add(self, check: Callable[[], Experiment], invocation: Invocation) -> None:
        """Takes one job; ``check`` gives its experiment or raises what is wrong with its config."""
        own = tuple(text for text in invocation.overrides if not re.match(r"[+~]*(sweep|debug|hydra)\b", text))
        try:
            self._found.append(replace(check(), invocation=replace(invocation, overrides=own)))
        except ConfigError as error:
            self._problems.setdefault(str(error), []).append(" ".join(own))

    def jobs(self) -> list[Job]:
        """All jobs, in the order of the grid.

        Raises:
            ConfigError: A config is wrong, two are the same, or they do not agree on the sweep's own keys.
        """
        if self._problems:
            raise ConfigError("\n".join(_told(text, where, len(self)) for text, where in self._problems.items()))
        for key in ("sweep", "output_dir"):
            if any(getattr(experiment, key) != getattr(self._found[0], key) for experiment in self._found):
                raise ConfigError(f"{key}: found several values; it is for the whole sweep, give one")
        labels = list_varying_overrides([experiment.invocation.overrides for experiment in self._found])
        jobs = [
            Job(number, config_key(experiment), label, experiment)
            for number, (experiment, label) in enumerate(zip(self._found, labels, strict=True))
        ]
        _refuse_twins(jobs)
        return jobs


def multirun_folder(jobs: Sequence[Job]) -> Path:
    """Gives the folder that holds a sweep's: in ``output_dir``, below ``name`` where all jobs have one name."""
    names = {job.experiment.name for job in jobs}
    (name,) = names if len(names) == 1 else (None,)
    return Path(jobs[0].experiment.output_dir) / (name or "multirun")


def _told(text: str, where: Sequence[str], jobs: int) -> str:
    """A problem with the jobs that have it, where it is not all of them."""
    if len(where) == jobs:
        return text
    more = f" and {len(where) - 1} more" if len(where) > 1 else ""
    return f"{text}\n  in the job {where[0]}{more}; no job was started"


def _refuse_twins(jobs: Sequence[Job]) -> None:
    seen: dict[str, Job] = {}
    for job in jobs:
        if (twin := seen.setdefault(job.key, job)) is not job:
            one, other = (" ".join(found.experiment.invocation.overrides) or "no overrides" for found in (twin, job))
            raise ConfigError(
                f"jobs {twin.number} ({one}) and {job.number} ({other}) are the same experiment; leave one out"
            )


def list_varying_overrides(overrides: Sequence[Sequence[str]]) -> list[str]:
    """Lists for each job the overrides that not all jobs have, in one line; for a single job all of them."""
    everywhere = set(overrides[0]).intersection(*overrides[1:]) if len(overrides) > 1 else set()
    return [" ".join(override for override in own if override not in everywhere) for own in overrides]


def config_key(experiment: Experiment) -> str:
    """Hash of a resolved config, 16 hexadecimal digits."""
    kept = {key: value for key, value in experiment.plain().items() if key not in NO_RESULT}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def _word(override: str) -> str:
    """``optimizer.lr=1e-3`` as ``lr-1e-3``: a "=" in a path would have to be quoted in every later command."""
    key, _, value = override.partition("=")
    return re.sub(r"[^A-Za-z0-9.+-]+", "-", f"{key.rsplit('.', 1)[-1].lstrip('+~')}-{value}").strip("-.")
