"""Where run folders are made."""

from pathlib import Path

from segexp.config.experiment import Experiment


def run_parent(experiment: Experiment) -> Path:
    """Folder in which the run folder is made."""
    folder = experiment.invocation.folder
    return folder.parent if folder is not None else Path(experiment.output_dir) / experiment.run_name
