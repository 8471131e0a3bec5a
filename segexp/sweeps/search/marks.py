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
    trials = study.get_trials(deepcopy=False)
    counted = [trial for trial in trials if trial.state.name != "WAITING" and LOST not in trial.user_attrs]
    return [trial for trial in counted if before is None or trial.number < before]


def next_draw(study: "Study", number: int) -> int:
    """Finds the first draw that no trial before this one has; one without a mark, of an older study, has its number."""
    used = {trial.user_attrs.get(DRAW, trial.number) for trial in counted_trials(study, number)}
    return next(draw for draw in itertools.count() if draw not in used)
