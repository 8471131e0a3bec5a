"""Folders and files that a training is pointed to: refused where they are not there, before torch is imported."""

from collections.abc import Callable, Iterator

from segexp.config.experiment import Experiment
from segexp.data.checks.problems import Problem, problem_of, refuse
from segexp.data.root_folder import check_block_root
from segexp.errors import UserError
from segexp.training.resume_source import require_checkpoint
from segexp.training.weight_source import weight_file


def refuse_missing(experiment: Experiment) -> None:
    """Refuses data, a run to go on with and earlier weights that are not where the config says.

    Raises:
        UserError: A line for each that is not there.
    """
    refuse(_missing(experiment))


def _missing(experiment: Experiment) -> Iterator[Problem]:
    checks: list[Callable[[], object]] = [lambda: check_block_root(experiment.datamodule)]
    if experiment.resume is not None:
        checks.append(lambda: require_checkpoint(experiment.resume))
    elif (init_from := experiment.init_from) is not None:
        # A run that goes on has its weights from its checkpoint.
        checks.append(lambda: weight_file(init_from))
    for check in checks:
        try:
            check()
        except UserError as error:
            yield problem_of(error)
