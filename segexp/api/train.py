"""Trains from Python what the command line trains."""

from dataclasses import replace
from pathlib import Path

from segexp.api.compose import Folders, as_words
from segexp.api.run import Run
from segexp.cli.app import compose_training
from segexp.config.experiment import Experiment
from segexp.config.stored.trust import trusted_packages, trusting
from segexp.errors import ConfigError
from segexp.runs.folder import new_path
from segexp.system.allocator import tune_allocator
from segexp.system.imports import quick_imports
from segexp.training.commands import run_training


def train(*overrides: str | Experiment, config_dir: Folders = ()) -> Run:
    """Trains, validates, tests and explains one experiment in this process, and gives its run.

    ::

        from segexp import train

        run = train("model=unet", "trainer.max_epochs=3")
        run.figures["test/miou"], run.per_image, run.model

    The run folder is the same as that of the command line, with the same figures. What a training changes in the
    process (seeds, torch's switches, loggers, signals) is put back at its end.

    Args:
        overrides: As on the command line, a word each; or one experiment as :func:`segexp.compose` gives it.
        config_dir: Folders with groups and options of your own.

    Raises:
        UserError: Data or config do not fit; nothing is written then.
        SegexpError: The run failed, or Ctrl-C was pressed.
    """
    words = as_words([word for word in overrides if isinstance(word, str)], config_dir)
    given = [experiment for experiment in overrides if isinstance(experiment, Experiment)]
    if len(given) > 1 or (given and words):
        raise ConfigError("train: takes words or one experiment, not both; give the words to compose()")
    with trusting(words):
        experiment = given[0] if given else compose_training(words)
        own = experiment.invocation.folder if experiment.invocation.goes_on else None
        folder = (own or new_path(Path(experiment.output_dir) / experiment.run_name)).resolve()
        _in_this_process(experiment, folder)
    return Run(folder, trust=trusted_packages(words or experiment.invocation.command))


def _in_this_process(experiment: Experiment, folder: Path) -> None:
    # Before torch is imported, or the setting comes too late.
    tune_allocator(experiment.speed.allocator)
    with quick_imports():
        from segexp.api.process_state import restored_process
    with restored_process():
        run_training(replace(experiment, invocation=replace(experiment.invocation, folder=folder)))
