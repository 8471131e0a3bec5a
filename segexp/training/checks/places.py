"""Folders and files that a training is pointed to: refused where they are not there, before torch is imported."""

from collections.abc import Callable, Iterator

from segexp.config.experiment import Experiment
from segexp.data.checks.problems import Problem, problem_of, refuse
from segexp.data.root_folder import check_block_root
from segexp.errors import UserError
from segexp.training.resuming.source import require_checkpoint
from segexp.training.transfer.source import weight_file


def refuse_missing_places(experiment: Experiment, *, only_data: bool = False) -> None:
    """Refuses data, a run to go on with and earlier weights that are not where the config says.

    Args:
        experiment: As it was asked for.
        only_data: Whether the others are not used.

    Raises:
        UserError: A line for each that is not there.
    """
    refuse(_missing(experiment, only_data=only_data))


def _missing(experiment: Experiment, *, only_data: bool) -> Iterator[Problem]:
    checks: list[Callable[[], object]] = [lambda: check_block_root(experiment.datamodule)]
    if experiment.resume is not None and not only_data:
        checks.append(lambda: require_checkpoint(experiment.resume))
    elif (init_from := experiment.init_from) is not None and not only_data:
        # A run that goes on has its weights from its checkpoint.
        checks.append(lambda: weight_file(init_from))
    for check in checks:
        try:
            check()
        except UserError as error:
            yield problem_of(error)
