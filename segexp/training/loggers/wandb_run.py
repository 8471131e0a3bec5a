"""Weights & Biases: one run per job, offline by itself, never a question, never a wait without an end."""

import os
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.loggers import WandbLogger

from segexp.config.overrides.quoting import shell_word
from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_report import TestReport
from segexp.runs.console import LOG
from segexp.system.wandb_key import has_key
from segexp.training.loggers.run_ids import keep_id, stored_id
from segexp.training.loggers.tracking import RunFacts, Tracked
from segexp.training.loggers.wandb_history import logged_by_wandb

Mode = Literal["auto", "online", "offline", "disabled"]
Watch = Literal["gradients", "parameters", "all"]

# We write the variable; only what stood there before is the user's.
MODE_OF_USER = os.environ.get("WANDB_MODE")
_ON = ("1", "true", "yes", "on")
DISABLED_BY_USER = MODE_OF_USER == "disabled" or os.environ.get("WANDB_DISABLED", "").lower() in _ON

ANSWER_SECONDS = 3
"""How long a server that went online at the start is waited for at the test."""


VARIABLES = {
    "project": "WANDB_PROJECT", "entity": "WANDB_ENTITY", "name": "WANDB_NAME", "group": "WANDB_RUN_GROUP",
    "id": "WANDB_RUN_ID", "tags": "WANDB_TAGS", "notes": "WANDB_NOTES", "job_type": "WANDB_JOB_TYPE",
}  # fmt: skip
"""Arguments of ``wandb.init`` and the variables that W&B takes where one is not given."""
SERVICE = "wandb"
LAST = "segexp.last"
"""State of the callback that writes last.ckpt, see :mod:`segexp.training.callbacks.checkpoints`."""


class WandbRun(WandbLogger, Tracked):
    """Lightning's logger around a run that is open already."""

    def __init__(
        self,
        run: Any,
        folder: Path,
        *,
        offline: bool,
        log_model: bool | Literal["all"] = False,
        watch: tuple[Watch | None, int] = (None, 0),
        told: AbstractSet[tuple[str, int]] = frozenset(),
    ) -> None:
        """Takes an open run of wandb, which keeps its files below the run folder.

        Args:
            run: Of wandb.
            folder: The run folder.
            offline: Whether nothing is sent.
            log_model: Whether the best weights become an artifact at the end, or (``all``) after every epoch.
            watch: What is drawn of the network, and every how many steps.
            told: Names and steps of what a run that goes on in its folder has logged before.
        """
        # Lightning refuses artifacts of an offline run, which W&B keeps with the rest until it is synced.
        super().__init__(experiment=run, save_dir=run.settings.root_dir, log_model=log_model)
        self._offline = offline
        self._run = run
        self._folder = folder
        self._watch, self._watch_steps = watch
        self._watched: Any = None
        self.told = told

    def log_graph(self, model: Any, input_array: Any = None) -> None:
        """Watches the network, where that is asked for; Lightning calls it when training starts."""
        if self._watch is not None:
            self._watched = model
            self.watch(model, log=self._watch, log_freq=self._watch_steps, log_graph=False)

    def after_save_checkpoint(self, checkpoint_callback: ModelCheckpoint) -> None:
        """Takes the best weights, and those of the user's own callbacks; what a run goes on from stays on the disk."""
        if checkpoint_callback.state_key != LAST:
            super().after_save_checkpoint(checkpoint_callback)

    def finalize(self, status: str) -> None:
        """Takes the hooks off the network, which is tested and exported without them."""
        if self._watched is not None:
            self._run.unwatch(self._watched)
            self._watched = None
        super().finalize(status)

    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Images with switchable masks."""
        from segexp.training.loggers.wandb_media import image

        if (key, step) in self.told:
            return
        self._run.log({key: [image(picture) for picture in pictures], "trainer/global_step": step})

    def tested(self, report: TestReport) -> None:
        """Images, the table of all images, and charts."""
        from segexp.training.loggers.wandb_media import keep_as_files, test_media

        media = test_media(report)
        if not self._offline and not _answers(self._run):
            keep_as_files(media, self._run, report.step)
        self._run.log({**media, "trainer/global_step": report.step})

    def end(self, *, ok: bool) -> None:
        """Ends the run, or the next job of this process would go on in it."""
        try:
            self._run.finish(exit_code=0 if ok else 1)
        except TimeoutError:
            LOG.warning(f"W&B: the server did not take everything; {_later(self._folder, 'run')}")


def open_wandb(
    facts: RunFacts,
    asked: Mapping[str, Any],
    mode: Mode,
    timeouts: tuple[float, float],
    log_model: bool | Literal["all"],
    watch: tuple[Watch | None, int],
) -> WandbRun:
    """Opens a run, online if there is a key and the server answers, else offline.

    Args:
        facts: The run.
        asked: Arguments of ``wandb.init`` that the config gives, see ``VARIABLES``.
        mode: As the config has it.
        timeouts: Seconds to wait for the server at the start, and at the end.
        log_model: As for :class:`WandbRun`.
        watch: As for :class:`WandbRun`.
    """
    offline = is_offline(mode)
    wanted = _arguments(facts, asked)
    wanted["settings"] = _settings(facts, timeouts)
    if offline and mode == "auto" and not MODE_OF_USER:
        LOG.info(f"W&B: no key is set, so this run is kept offline; {_later(facts.folder)}")
    # Before the run is opened, whose own file is written from then on.
    told = logged_by_wandb(facts.folder)
    run = None if offline else _online(facts, wanted)
    offline = run is None
    if run is None:
        run = _init(facts, "offline", wanted)
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    best = "max" if facts.direction == "max" else "min"
    run.define_metric(facts.monitor, step_metric="trainer/global_step", summary=f"{best},last")
    run.summary.update({key: value for key, value in facts.summary.items() if value is not None})
    if isinstance(number := getattr(run, "id", None), str):
        keep_id(facts.folder, SERVICE, number)
    return WandbRun(run, facts.folder, offline=offline, log_model=log_model, watch=watch, told=told)


def _arguments(facts: RunFacts, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``wandb.init``: what the config says, else W&B's variables, else what fits the run."""
    usual = {"project": "segexp", "name": facts.name, "group": facts.group}
    left = {key: value for key, value in usual.items() if VARIABLES[key] not in os.environ}
    found = left | {key: value for key, value in asked.items() if value not in (None, [])}
    earlier = run_id(facts.folder) or stored_id(facts.goes_on_from, SERVICE) or run_id(facts.goes_on_from)
    if "id" not in found and VARIABLES["id"] not in os.environ and earlier is not None:
        # A job that goes on is one run, not two; wandb sync puts the files of one run together.
        found["id"] = earlier
    if "id" in found and "WANDB_RESUME" not in os.environ:
        found["resume"] = "allow"
    return found


def run_id(folder: Path | None) -> str | None:
    """The id under which W&B knows the run of a folder already: that of a run which was interrupted."""
    if folder is None:
        return None
    # offline-run-<time>-<id> or run-<time>-<id>
    found = sorted(path.name.rsplit("-", 2)[1:] for path in (folder / "wandb").glob("*run-*-*") if path.is_dir())
    return found[-1][1] if found else None


def is_offline(mode: Mode) -> bool:
    """Tells whether the network is left alone: asked for, or no key is found. WANDB_MODE counts for ``auto``."""
    asked = MODE_OF_USER if mode == "auto" and MODE_OF_USER else mode
    return asked in ("offline", "dryrun") or (asked == "auto" and not has_key())


def _settings(facts: RunFacts, timeouts: tuple[float, float]) -> Any:
    import wandb

    # The process of W&B that writes the files, started with the first run, may have another working folder.
    place: dict[str, Any] = {} if DIR in os.environ else {"root_dir": str(facts.folder.resolve())}
    # Console off: log.txt holds the lines, and wandb would wrap the streams that our handlers write to.
    return wandb.Settings(
        console="off", silent=True, init_timeout=timeouts[0], login_timeout=timeouts[0], finish_timeout=timeouts[1],
        finish_timeout_raises=True, disable_code=True, **place,
    )  # fmt: skip


def _online(facts: RunFacts, wanted: dict[str, Any]) -> Any:
    """An online run; None where the server does not answer or does not know the key."""
    try:
        return _init(facts, "online", wanted)
    except Exception as error:  # wandb raises errors of many kinds, and none may stop a training
        message = next(iter(str(error).splitlines()), type(error).__name__)
        LOG.warning(f"W&B: no run could be opened ({message}), so it is kept offline; {_later(facts.folder)}")
        return None


def _init(facts: RunFacts, mode: Literal["online", "offline"], wanted: dict[str, Any]) -> Any:
    import wandb

    # The variable too: wandb reads it before it looks for a terminal to ask on.
    os.environ["WANDB_MODE"] = mode
    place: dict[str, Any] = {} if DIR in os.environ else {"dir": str(facts.folder.resolve())}
    asked: dict[str, Any] = {"config": dict(facts.config), "mode": mode, "reinit": "finish_previous", **place, **wanted}
    try:
        return wandb.init(**asked)
    except Exception as error:  # of a class that wandb does not export
        if "is in use" not in str(error) or WRITER not in os.environ:
            raise
    wandb.teardown()
    os.environ.pop(WRITER, None)
    return wandb.init(**asked)


def _answers(run: Any) -> bool:
    """Whether the server of an online run is still there and knows the key, found out in ``ANSWER_SECONDS``."""
    import wandb

    settings = run.settings
    try:
        wandb.Api({"base_url": settings.base_url}, timeout=ANSWER_SECONDS, api_key=settings.api_key)
    except Exception:  # as in _online
        return False
    return True


def _later(folder: Path, kind: str = "offline") -> str:
    place = os.environ.get(DIR, str(folder))
    return f"sync it later: wandb sync {shell_word(place)}/wandb/{kind}-*"


WRITER = "WANDB_SERVICE"
"""Variable with the process of W&B that writes the files. Started by a program that outlives its jobs (a notebook),
it holds the run of a job that was killed, and refuses to go on with it; another such process does not."""
DIR = "WANDB_DIR"
"""Variable with the folder in which W&B keeps its files; without it they lie in the run folder."""
