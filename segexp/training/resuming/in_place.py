"""A run that goes on in its own folder: what is left to do of it, found before torch is imported."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.evaluation.run_page import write_page
from segexp.runs.attempts import HOW_ENDED, is_evaluation, is_trained, kept_entries, record_of, seconds_before
from segexp.runs.console import LOG, log_file, start_console
from segexp.runs.folder import RunFolder
from segexp.training.distributed.plan import started
from segexp.training.resuming.own_folder import own_run_folder, refuse_owned
from segexp.training.resuming.source import LAST, command, needed_words

FINISHED = "finished"


def what_is_left(experiment: Experiment) -> Experiment | None:
    """The experiment as it goes on; None: all of it is done, which is said.

    A run that was killed before its first checkpoint begins again in its folder. One that was trained is tested, also
    where pictures of a test could not be made; where all but the page is there, it is made here, by
    the first rank alone.

    Raises:
        BusyError: Another process owns the folder.
        ConfigError: It is of no training.
    """
    invocation = experiment.invocation
    folder = invocation.folder
    if folder is None or not invocation.goes_on or invocation.sweep_dir is not None:
        return experiment
    place = started()
    helps = place is not None and place.rank > 0
    if not helps:
        refuse_owned(invocation)
    record = record_of(folder)
    if is_evaluation(record):
        raise ConfigError(f"resume: {folder} holds an evaluation, which is made again by its own command")
    missing = record.get("not_made")
    if record.get("state") == FINISHED and not missing:
        if not helps:
            start_console()
            _say_finished(experiment, folder)
        return None
    if not missing and is_trained(record) and "test" in record and (folder / "results.json").is_file():
        if not helps:
            start_console()
            _finish(experiment)
        return None
    return begun(experiment)


def begun(experiment: Experiment) -> Experiment:
    """The experiment, without ``resume`` where it goes on in a folder that has no checkpoint yet."""
    folder = experiment.invocation.folder
    if folder is None or not experiment.invocation.goes_on or (folder / LAST).is_file():
        return experiment
    return replace(experiment, resume=None)


def _say_finished(experiment: Experiment, folder: Path) -> None:
    """That there is nothing to go on with; a page that is older is made here."""
    page = folder / "report.html"
    if not page.is_file() or page.stat().st_mtime < (folder / "run.json").stat().st_mtime:
        with own_run_folder(experiment):
            LOG.info(f"report      {write_page(folder)}")
    LOG.info(f"run folder  {folder} is finished: nothing of it is left to do")
    if record_of(folder).get("ended_by") == "trainer.max_time" and (folder / LAST).is_file():
        LOG.info(
            f"trainer.max_time ended it; to train on in a new run: {command(folder / LAST, *needed_words(folder))}"
        )


def _finish(experiment: Experiment) -> None:
    """Makes the page, and records the end."""
    with own_run_folder(experiment) as folder, log_file(folder.path / "log.txt"):
        earlier, now = record_of(folder.path), datetime.now(UTC).isoformat(timespec="seconds")
        left = {key: value for key, value in earlier.items() if key not in HOW_ENDED}
        content = {**left, **kept_entries(folder.path, earlier)}
        content |= {"state": FINISHED, "ended": now, "seconds": round(seconds_before(content), 1)}
        RunFolder(folder.path).write_json("run.json", content)
        report = write_page(folder.path)
        LOG.info(f"\nrun folder  {folder.path}\nreport      {report}")
