"""What a search has found: trials.csv, the best trial with its command, and which ranges mattered."""

import importlib.util
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from segexp.config.overrides.quoting import command_line
from segexp.errors import DataError, one_line
from segexp.report.run_page.decided import of_monitor
from segexp.runs.folder import RunFolder
from segexp.runs.json_yaml import read_object
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.search.marks import FOLDER, LOST
from segexp.sweeps.search.space import Space

if TYPE_CHECKING:
    from optuna import Study

T = TypeVar("T")
TABLE = "trials.csv"
STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}
ENOUGH = 8
"""Finished trials from which on importances are worth a line."""


def write_trials(study: "Study", space: Space, manifest: Manifest) -> Path | None:
    """Writes a row for every trial, those of other workers included; None: there is no trial yet."""
    own = {entry.trial: entry.seconds for entry in manifest}
    rows: list[dict[str, Any]] = []
    for trial in study.get_trials(deepcopy=False):
        if LOST in trial.user_attrs:
            continue
        passed = trial.duration.total_seconds() if trial.duration else None
        rows.append(
            {
                "trial": trial.number,
                "state": STATES[trial.state.name],
                "value": trial.value,
                **{name: trial.params.get(name) for name in space.dimensions},
                "epochs": max(trial.intermediate_values, default=None),
                "seconds": own.get(trial.number) or (None if passed is None else round(passed, 1)),
                "folder": trial.user_attrs.get(FOLDER),
            }
        )
    if not rows:
        return None
    RunFolder(manifest.folder).write_csv(TABLE, rows)
    return manifest.folder / TABLE


def best_lines(study: "Study", space: Space, monitor: str) -> Iterator[str]:
    """The best trial that finished, and the command that trains it again."""
    try:
        best = study.best_trial
    except ValueError:
        return
    arguments = [word for word in space.line(best.params) if not is_sweep_word(word)]
    half = _half(best.user_attrs.get(FOLDER))
    yield f"best          trial {best.number}, {monitor} {best.value:.4f}{half}, {space.label(best.params)}"
    if FOLDER in best.user_attrs:
        yield f"              {best.user_attrs[FOLDER]}"
    yield f"              {command_line(arguments)}"


def _half(folder: object) -> str:
    """Says where the value is at 0.5 and the test figures of the run are not."""
    try:
        decided_by = of_monitor(read_object(Path(str(folder)) / "results.json"))
    except (DataError, OSError):
        return ""
    return f" ({decided_by})" if decided_by else ""


def is_sweep_word(word: str) -> bool:
    """Tells whether a word of the command is about the sweep and not about an experiment."""
    return word.lstrip("+").startswith(("sweep=", "sweep."))


def importance_line(study: "Study", space: Space) -> str | None:
    """Share of each range in the differences between finished trials (fANOVA, Hutter et al. 2014).

    None where there are too few trials or ranges, all values are the same, or scikit-learn is not installed.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances
    from optuna.trial import TrialState

    finished = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])
    if len(finished) < ENOUGH or len(space.dimensions) < 2 or importlib.util.find_spec("sklearn") is None:
        return None
    if len({trial.value for trial in finished}) < 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    text = ", ".join(f"{name} {share:.0%}" for name, share in shares.items())
    return f"importance    {text} (fANOVA of {len(finished)} finished trials)"


def report_trials(study: "Study", space: Space, manifest: Manifest, monitor: str) -> Sequence[str]:
    """Lines for the end of a search; writes trials.csv."""
    lines: list[str] = []

    def made(what: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except Exception as error:  # the trials stand in the study and in their folders
            lines.append(f"note: {what} was not made ({one_line(error)})")
            return None

    table = made(TABLE, lambda: write_trials(study, space, manifest))
    lines += made("the line of the best trial", lambda: list(best_lines(study, space, monitor))) or []
    if (importance := made("the line of importances", lambda: importance_line(study, space))) is not None:
        lines.append(importance)
    return [*lines, f"trials        {table}"] if table is not None else lines
