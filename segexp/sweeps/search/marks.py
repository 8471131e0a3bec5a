"""What the trials of a study are marked with, and which of them count."""

import itertools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

OWNER = "sweep"
"""Folder of the sweep that has asked for a trial."""
FOLDER = "folder"
"""Run folder of a trial."""
DRAW = "draw"
"""Number of what its values were drawn with, see :mod:`segexp.sweeps.search.sampler`."""
LOST = "lost"
"""Whether it was cut off before it became a job."""


def counted_trials(study: "Study", before: int | None = None) -> "list[FrozenTrial]":
    """Selects the trials of a study, by any worker, that neither wait in its queue nor were cut off.

    Args:
        study: With trials.
        before: Number of a trial: only earlier ones are selected; None: all.
    """
    from optuna.trial import TrialState

    # In one pass: a study may have thousands, and each that is asked looks at all.
    return [
        trial
        for trial in study.get_trials(deepcopy=False)
        if (before is None or trial.number < before)
        and trial.state != TrialState.WAITING
        and LOST not in trial.user_attrs
    ]


def take_draw(study: "Study", trial: "FrozenTrial") -> int:
    """Marks a trial, before anything is drawn for it, with the first draw that no trial before it has.

    One without a mark, of an older study or of a worker that is about to write it, has its number. Where such a mark
    turns out to be another, the draw is taken anew.
    """
    while True:
        used = _used_draws(study, trial.number)
        draw = next(number for number in itertools.count() if number not in used)
        # Of a trial that is being asked Optuna has no public way to do this.
        study._storage.set_trial_user_attr(trial._trial_id, DRAW, draw)
        if draw not in _used_draws(study, trial.number):
            return draw


def _used_draws(study: "Study", before: int) -> set[int]:
    return {trial.user_attrs.get(DRAW, trial.number) for trial in counted_trials(study, before)}
