"""The loggers beside metrics.csv: segexp's own, and any other by its class."""

import importlib.util
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from hydra.utils import get_method, instantiate
from lightning.pytorch.loggers import Logger

from segexp.errors import ConfigError, MissingExtraError
from segexp.runs.console import LOG
from segexp.training.building.constructor_errors import naming_section
from segexp.training.checks.config_trials import expect
from segexp.training.loggers.places import with_places
from segexp.training.loggers.tracking import RunFacts, Tracked, kept_quiet, once_each, tracker_of
from segexp.types import PositiveFloat, PositiveInt, Tag


def wandb_logger(
    run: RunFacts,
    project: str | None = None,
    entity: str | None = None,
    mode: Literal["auto", "online", "offline", "disabled"] = "auto",
    tags: list[Tag] | None = None,
    name: str | None = None,
    group: str | None = None,
    id: str | None = None,
    notes: str | None = None,
    job_type: str | None = None,
    log_model: bool | Literal["all"] = False,
    watch: Literal["gradients", "parameters", "all"] | None = None,
    watch_steps: PositiveInt = 100,
    init_timeout: PositiveFloat = 20.0,
    finish_timeout: PositiveFloat = 60.0,
) -> Tracked:
    """Weights & Biases, offline by itself when no key is set: it never asks and never waits without an end.

    What is None is as W&B's variable has it (``WANDB_PROJECT``, ``WANDB_NOTES``, ...), else as said below.

    Args:
        run: The run.
        project: W&B project; else segexp.
        entity: User or team; else the default of the key.
        mode: ``auto``: as WANDB_MODE says, else online when a key is found; ``disabled``: nothing is written.
        tags: Words to find the run by.
        name: Of the run; else its overrides.
        group: Runs that stand together; else the sweep.
        id: Of a run to go on with; else that of the run that is resumed, or a new one.
        notes: A longer text.
        job_type: Kind of job.
        log_model: Whether best.ckpt becomes an artifact at the end; ``all``: every time that it is written.
        watch: What is drawn of the network's weights: histograms of ``gradients``, ``parameters`` or ``all``.
        watch_steps: Batches between two of these.
        init_timeout: Seconds to wait for the server at the start; then the run is kept offline.
        finish_timeout: Seconds to wait for the upload at the end; what is left can be synced from the run folder.

    Raises:
        MissingExtraError: The package wandb is not installed.
    """
    _require("wandb")
    from segexp.training.loggers.wandb_run import open_wandb

    asked = {"project": project, "entity": entity, "name": name, "group": group, "id": id, "tags": tags}
    asked |= {"notes": notes, "job_type": job_type}
    return open_wandb(run, asked, mode, (init_timeout, finish_timeout), log_model, (watch, watch_steps))


def tensorboard_logger(run: RunFacts, flush_secs: PositiveInt = 30) -> Tracked:
    """TensorBoard event files in ``tensorboard/`` of the run folder.

    Args:
        run: The run.
        flush_secs: Seconds between writes to disk.

    Raises:
        MissingExtraError: The package tensorboard is not installed.
    """
    _require("tensorboard")
    from segexp.training.loggers.tensorboard_run import TensorBoardRun

    return TensorBoardRun(run, flush_secs)


def mlflow_logger(
    run: RunFacts, tracking_uri: str | None = None, experiment: str = "segexp", timeout: PositiveFloat = 10.0
) -> Tracked:
    """MLflow, in a database of the output folder or on a server; a server that is gone holds nothing up.

    Args:
        run: The run.
        tracking_uri: Server or database; None: MLFLOW_TRACKING_URI, else ``mlflow.db`` in the output folder.
        experiment: Name of the experiment, made where it is missing.
        timeout: Seconds to wait for a server, at the start and at the end.

    Raises:
        MissingExtraError: The package mlflow is not installed.
    """
    _require("mlflow")
    from segexp.training.loggers.mlflow_run import MlflowRun

    return MlflowRun(run, tracking_uri, experiment, timeout)


def build_loggers(section: Mapping[str, Any], run: RunFacts) -> list[Logger]:
    """The loggers that the config asks for beside metrics.csv; where one cannot be opened, the others are closed."""
    built: list[Logger] = []
    try:
        for name, settings in section.items():
            if settings is not None and not _switched_off(settings):
                built.append(_build(name, settings, run))
    except BaseException:
        close_loggers(built, ok=False)
        raise
    return built


def _build(name: str, settings: Mapping[str, Any], run: RunFacts) -> Logger:
    """A logger: of segexp's own with the run and its keys, any other of its keys, with its files in the run folder."""
    make: Callable[..., Logger] = get_method(settings["_target_"])
    if _takes_run(make):
        # Not instantiate: it would build the objects that the config handed to the logger describes.
        keys = {key: value for key, value in settings.items() if not key.startswith("_")}
        return once_each(kept_quiet(make(run, **keys)))
    with naming_section(f"logger.{name}"):
        made: Logger = instantiate(with_places(settings, make, run.folder), _convert_="all")
        expect(made, Logger, f"logger.{name}", "a lightning.pytorch.loggers.Logger")
    kept_quiet(made).log_hyperparams(dict(run.config))
    return once_each(made)


def _takes_run(make: Callable[..., Any]) -> bool:
    """Whether a logger is of segexp's kind, which gets the run."""
    own = getattr(make, "__module__", "") == __name__ or (isinstance(make, type) and issubclass(make, Tracked))
    return own and "run" in inspect.signature(make).parameters


def check_loggers(section: Mapping[str, Any]) -> None:
    """Checks before training that each logger is one, and that the packages of known ones are there.

    Raises:
        ConfigError: A class is no logger.
        MissingExtraError: A package is not installed.
    """
    for name, settings in section.items():
        if settings is None or _switched_off(settings):
            continue
        make = get_method(settings["_target_"])
        own = getattr(make, "__module__", "") == __name__
        if own:
            _require(str(make.__name__).removesuffix("_logger"))
        elif isinstance(make, type) and not issubclass(make, Logger):
            raise ConfigError(
                f"logger.{name}._target_: found {settings['_target_']}, expected a lightning.pytorch.loggers.Logger"
            )
        elif make.__name__ in NEEDED and importlib.util.find_spec(needed := NEEDED[make.__name__]) is None:
            raise MissingExtraError(
                f"logger.{name}: {make.__name__} needs the package {needed}, which is not installed"
            )


NEEDED = {"CometLogger": "comet_ml", "MLFlowLogger": "mlflow", "WandbLogger": "wandb", "LitLogger": "litlogger"}
"""Packages that loggers of Lightning import when they are built, after the run folder was made."""


def _switched_off(settings: Mapping[str, Any]) -> bool:
    """Whether W&B is switched off, by its key or, where no key says otherwise, by the user's environment."""
    mode = settings.get("mode", "auto")
    if get_method(settings["_target_"]) is not wandb_logger or mode not in ("auto", "disabled"):
        return False
    from segexp.training.loggers.wandb_run import DISABLED_BY_USER

    return DISABLED_BY_USER or mode == "disabled"


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(
            f"logger={package}: the package {package} is not installed; pip install 'segexp[{package}]'"
        )


def close_loggers(loggers: Iterable[Logger], *, ok: bool) -> None:
    """Ends each run; where one fails to, the others still do, and the error that ended the job is not hidden."""
    for logger in loggers:
        try:
            if (tracker := tracker_of(logger)) is not None:
                tracker.end(ok=ok)
        except Exception as error:  # whatever a service raises, the result stands
            LOG.warning(f"{type(logger).__name__}: could not be closed ({type(error).__name__}: {error})")
