"""A sampler whose draws depend on the place of a trial in its study, not on what the process has drawn before."""

from collections.abc import Callable
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial

from segexp.sweeps.search.marks import take_draw


class SeededByTrial(BaseSampler):
    """Makes a sampler anew for each trial.

    Optuna's own seed belongs to a process: a search that goes on would draw the same trials once more, and so would
    each of several workers with the same seed. What is drawn belongs to a draw: the number of the trial, but one that a
    kill has cut off before it became a job hands its draw on to the next, so that a search with kills is the same.
    """

    def __init__(self, make: Callable[[int], BaseSampler], seed: int) -> None:
        """Takes what makes a sampler from a seed."""
        self._make = make
        self._seed = seed
        self._now = make(seed)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """A sampler for this trial."""
        seed = np.random.SeedSequence([self._seed, take_draw(study, trial)]).generate_state(1)[0]
        self._now = self._make(int(seed))
        self._now.before_trial(study, trial)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Asks the sampler within."""
        return self._now.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Asks the sampler within."""
        return self._now.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Asks the sampler within."""
        return self._now.sample_independent(study, trial, param_name, param_distribution)
