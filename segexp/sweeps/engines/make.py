"""Where jobs run: the small interface behind ``sweep.engine``."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from segexp.config.experiment import Experiment
from segexp.config.schema import SweepConfig
from segexp.sweeps.engines.base import JobEngine

ENGINES = {
    "local": "segexp.sweeps.engines.local:LocalJobEngine",
    "slurm": "segexp.sweeps.engines.slurm:SlurmJobEngine",
    "ray": "segexp.sweeps.engines.ray:RayJobEngine",
}
"""Class of each engine; imported when it is chosen."""


def create_engine(
    folder: Path, section: SweepConfig, jobs: Mapping[int, Experiment], earlier: Mapping[str, Any], lock: int
) -> JobEngine:
    """The engine that the config asks for.

    Args:
        folder: The sweep's.
        section: The ``sweep`` section of the config.
        jobs: The jobs to run, by number, in order. Below 0: samples of jobs that a search will ask for;
            they are never started.
        earlier: Facts that the engine left in the manifest, for a sweep that goes on.
        lock: Open file whose lock every process of the sweep has to hold.
    """
    if earlier.get("name") == "slurm" != section.engine:
        from segexp.sweeps.engines.slurm import refuse_living

        refuse_living(folder)
    if section.engine != "local":
        from segexp.sweeps.engines.local import LocalJobEngine

        # It was started while nobody knew yet which engine a sweep that goes on had.
        LocalJobEngine.stop_ahead()
    module, _, name = ENGINES[section.engine].partition(":")
    engine: JobEngine = getattr(import_module(module), name)(folder, section, jobs, earlier, lock)
    return engine
