"""Weights & Biases: one run per job, offline by itself, never a question, never a wait without an end."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import WandbLogger

from segexp.config.overrides.quoting import shell_word
from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_report import TestReport
from segexp.runs.console import LOG
from segexp.training.loggers.tracking import RunFacts, Tracked

Mode = Literal["auto", "online", "offline"]

# We write the variable; only what stood there before is the user's.
MODE_OF_USER = os.environ.get("WANDB_MODE")
_ON = ("1", "true", "yes", "on")
DISABLED_BY_USER = MODE_OF_USER == "disabled" or os.environ.get("WANDB_DISABLED", "").lower() in _ON

ANSWER_SECONDS = 3
"""How long a server that went online at the start is waited for at the test."""


class WandbRun(WandbLogger, Tracked):
    """Lightning's logger around a run that is open already."""

    def __init__(self, run: Any, folder: Path, *, offline: bool) -> None:
        """Takes an open run of wandb, which keeps its files below the run folder."""
        super().__init__(experiment=run, offline=offline, save_dir=run.settings.root_dir)
        self._run = run
        self._folder = folder

    def show(self, key: str, pictures: Sequence[Picture], step: int) -> None:
        """Images with switchable masks."""
        from segexp.training.loggers.wandb_media import image

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
    facts: RunFacts, project: str, entity: str | None, mode: Mode, tags: list[str], timeouts: tuple[float, float]
) -> WandbRun:
    """Opens a run, online if there is a key and the server answers, else offline.

    Args:
        facts: The run.
        project: W&B project.
        entity: User or team.
        mode: As the config has it.
        tags: Words to find the run by.
        timeouts: Seconds to wait for the server at the start, and at the end.
    """
    offline = is_offline(mode)
    settings = _settings(facts, timeouts)
    wanted = {"project": project, "entity": entity, "tags": tags, "settings": settings}
    if (earlier := run_id(facts.folder)) is not None:
        # A job that goes on is one run, not two; wandb sync puts the files of one run together.
        wanted |= {"id": earlier, "resume": "allow"}
    if offline and mode == "auto" and not MODE_OF_USER:
        LOG.info(f"W&B: no key is set, so this run is kept offline; {_later(facts.folder)}")
    run = None if offline else _online(facts, wanted)
    offline = run is None
    if run is None:
        run = _init(facts, "offline", wanted)
    run.define_metric("trainer/global_step")
    run.define_metric("*", step_metric="trainer/global_step", step_sync=True)
    best = "max" if facts.direction == "max" else "min"
    run.define_metric(facts.monitor, step_metric="trainer/global_step", summary=f"{best},last")
    run.summary.update({key: value for key, value in facts.summary.items() if value is not None})
    return WandbRun(run, facts.folder, offline=offline)


def run_id(folder: Path) -> str | None:
    """The id under which W&B knows the run of a folder already: that of a run which was interrupted."""
    # offline-run-<time>-<id> or run-<time>-<id>
    found = sorted(path.name.rsplit("-", 2)[1:] for path in (folder / "wandb").glob("*run-*-*") if path.is_dir())
    return found[-1][1] if found else None


def is_offline(mode: Mode) -> bool:
    """Tells whether the network is left alone: asked for, or no key is found. WANDB_MODE counts for ``auto``."""
    asked = MODE_OF_USER if mode == "auto" and MODE_OF_USER else mode
    return asked in ("offline", "dryrun") or (asked == "auto" and not has_key())


def has_key() -> bool:
    """Returns whether a key is in the environment or in the user's netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    netrc = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    return netrc.is_file() and "wandb" in netrc.read_text(encoding="utf-8", errors="replace")


def _settings(facts: RunFacts, timeouts: tuple[float, float]) -> Any:
    import wandb

    # Console off: log.txt holds the lines, and wandb would wrap the streams that our handlers write to.
    return wandb.Settings(
        console="off", silent=True, init_timeout=timeouts[0], login_timeout=timeouts[0], finish_timeout=timeouts[1],
        finish_timeout_raises=True,
        root_dir=str(facts.folder), disable_code=True,
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
    return wandb.init(
        name=facts.name, group=facts.group, config=dict(facts.config), dir=str(facts.folder), mode=mode,
        reinit="finish_previous", **wanted,
    )  # fmt: skip


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
    return f"sync it later: wandb sync {shell_word(str(folder))}/wandb/{kind}-*"
