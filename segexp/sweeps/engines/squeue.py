"""What SLURM says of the jobs of a sweep: squeue, which every cluster has, and not sacct, which needs accounting."""

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from segexp.errors import ConfigError
from segexp.sweeps.engines.base import SweepError

FIELDS = "%i|%T|%r|%j"
ENDED = (
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT",
)  # fmt: skip
"""States from which no job comes back by itself."""
COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol")
TIMEOUT = 60
"""Seconds for a command of SLURM."""


@dataclass(frozen=True)
class QueueJob:
    """A line of the queue.

    Attributes:
        id: As scancel takes it, ``12_3`` for a task of an array.
        state: In SLURM's long words.
        reason: Why it waits or ended.
        name: Of the whole array.
    """

    id: str
    state: str
    reason: str
    name: str

    @property
    def index(self) -> int:
        """Place in its array; 0 for a job alone."""
        return int(self.id.partition("_")[2] or 0)

    @property
    def ended(self) -> bool:
        """True where the job has left the queue for good."""
        return self.state in ENDED


def list_queue() -> list[QueueJob]:
    """All jobs of the user, also those that ended a few minutes ago.

    Raises:
        SweepError: SLURM does not answer, which happens on a busy cluster.
    """
    return parse(slurm("squeue", "--me", "--noheader", "--array", "--states=all", f"--format={FIELDS}"))


def parse(text: str) -> list[QueueJob]:
    """The lines of squeue in the format of :data:`FIELDS`."""
    return [QueueJob(*line.split("|", 3)) for line in text.splitlines() if line.count("|") >= 3]


def cancel(ids: Iterable[str], *options: str) -> None:
    """Ends jobs, or sends them a signal; one that is gone already does not matter."""
    if selected := list(ids):
        subprocess.run(["scancel", "--quiet", *options, *selected], capture_output=True, timeout=TIMEOUT, check=False)


def require_slurm() -> None:
    """Checks that the commands of SLURM are here.

    Raises:
        ConfigError: They are not.
    """
    if not has_slurm():
        raise ConfigError(
            f"sweep.engine=slurm: the commands {', '.join(COMMANDS)} are not all here; start the sweep on a login node "
            "of the cluster, or take sweep.engine=local"
        )


def has_slurm() -> bool:
    """Tells whether this machine has the commands of SLURM."""
    return all(shutil.which(name) for name in COMMANDS)


def slurm(*command: str) -> str:
    """Output of a command of SLURM.

    Raises:
        SweepError: It failed.
    """
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=True).stdout
    except subprocess.CalledProcessError as error:
        raise SweepError(f"{command[0]}: {error.stderr.strip()}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SweepError(f"{command[0]}: {error}") from error
