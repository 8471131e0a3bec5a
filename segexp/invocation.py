"""How a job was started: what the command line, a sweep or a resume hand down to a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Invocation:
    """The command, overrides and choices that a job was started with.

    Attributes:
        command: The command line in words.
        overrides: Overrides of this job (one value each, also in a sweep).
        choices: Option chosen in each group.
        sweep_dir: Folder of the sweep that the job belongs to, or None.
        job: Number of the job in its sweep.
        folder: Run folder to use; None: a new one with date and time.
        goes_on: Whether that folder holds the start of the same run, from whose checkpoint it goes on.
        origin: Of a run that goes on in its folder, what its own config says of ``resume``: the run it came from.
        take_over: Process that owns the folder, as ``host:number``, from which it is taken all the same.
        notes: What the config has from an earlier run that its words would not give today.
        threads: Threads of the run that this one repeats or goes on with: the last digits of a training depend on
            them. None: as many as there are.
        trial: Of a search: study, storage and number, and when to end early; see
            :mod:`segexp.training.callbacks.pruning`.
    """

    command: list[str] = field(default_factory=list)
    overrides: tuple[str, ...] = ()
    choices: dict[str, str] = field(default_factory=dict)
    sweep_dir: Path | None = None
    job: int = 0
    folder: Path | None = None
    goes_on: bool = False
    trial: dict[str, Any] | None = None
    notes: tuple[str, ...] = ()
    origin: str | None = None
    take_over: str | None = None
    threads: int | None = None
