"""What a check tries one after the other, and the problems that it gathers."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from lightning.pytorch.callbacks import Callback

from segexp.config.experiment import Experiment
from segexp.data.checks.problems import Problem, problem_of
from segexp.errors import UserError
from segexp.runs.writable import check_place
from segexp.training.building.callbacks import build_callbacks
from segexp.training.callbacks.checks import check_callbacks
from segexp.training.distributed.strategies import check_ranks
from segexp.training.hardware import check_precision
from segexp.training.loggers.build import check_loggers
from segexp.training.trainer import try_trainer
from segexp.training.transfer.initial_weights import check_init_from

T = TypeVar("T")


class Attempts:
    """Tries parts of a training, and gathers what each says.

    Attributes:
        problems: Each once, in order.
    """

    def __init__(self, *, traces: bool) -> None:
        """Starts without problems; ``traces``: whether to print where each comes from."""
        self.problems: list[Problem] = []
        self._traces = traces

    def attempt(self, do: Callable[[], T]) -> T | None:
        """Gives what ``do`` gives; None where it raises an error of the user's, which is kept as a problem."""
        try:
            return do()
        except UserError as error:
            if self._traces:
                traceback.print_exc()
            problem = problem_of(error, kind="model, loss and measures")
            # What several checks need first is amiss once.
            if problem.text not in {known.text for known in self.problems}:
                self.problems.append(problem)
            return None

    def attempt_surroundings(self, experiment: Experiment) -> dict[str, Callback]:
        """Tries what needs neither data nor module.

        Args:
            experiment: With its ranks.

        Returns:
            The callbacks of the config by name.
        """
        self.attempt(lambda: check_loggers(experiment.logger))
        self.attempt(lambda: check_precision(experiment.trainer))
        self.attempt(lambda: check_init_from(experiment))
        self.attempt(lambda: check_ranks(experiment))
        self.attempt(lambda: check_place(Path(experiment.output_dir) / (experiment.name or ""), "output_dir"))
        callbacks = self.attempt(lambda: build_callbacks(experiment)) or {}
        self.attempt(lambda: check_callbacks(experiment, callbacks))
        self.attempt(lambda: try_trainer(experiment, list(callbacks.values())))
        return callbacks
