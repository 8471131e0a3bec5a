"""metrics.csv, the epoch lines, and the optional loggers beside them."""

import importlib.util
import inspect
import math
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from hydra.utils import get_method, instantiate
from lightning.pytorch.loggers import Logger

from segexp.errors import ConfigError, MissingExtraError
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.training.checks.config_trials import expect
from segexp.training.constructor_errors import naming_section
from segexp.training.loggers.places import with_places
from segexp.training.loggers.tracking import RunFacts, Tracked, kept_quiet, tracker_of
from segexp.types import PositiveFloat, PositiveInt

STEP = "_step"
"""End of the names of figures of single steps, as Lightning has it."""


class EpochTable(Logger):
    """One row per epoch in metrics.csv, and one line per epoch on the terminal and in log.txt."""

    def __init__(
        self,
        folder: RunFolder,
        monitor: str,
        direction: Literal["min", "max"],
        epochs: int | None,
        earlier: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Starts a table.

        Args:
            folder: Where metrics.csv is written.
            monitor: Measure that marks the best epoch.
            direction: Whether it is better low or high.
            epochs: Planned number of epochs, for the lines; None: nobody knows.
            earlier: Rows of the run that this one goes on from.
        """
        super().__init__()
        self._folder = folder
        self._monitor = monitor
        self._sign = 1 if direction == "max" else -1
        self._epochs = epochs
        self.steps: dict[int, dict[str, float]] = {}
        self._within = False
        self.rows: dict[int, dict[str, float]] = {int(row["epoch"]): dict(row) for row in earlier}
        self._best = max((self._sign * row[monitor] for row in earlier if monitor in row), default=-math.inf)
        if earlier:
            self._write()

    @property
    def name(self) -> str:
        """Name among the loggers."""
        return "csv"

    @property
    def save_dir(self) -> str:
        """The run folder; callbacks that write files ask for it."""
        return str(self._folder.path)

    @property
    def version(self) -> str:
        """A run folder holds one table."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml holds them."""

    def keep_steps(self, earlier: Sequence[Mapping[str, float]] = (), *, within: bool) -> None:
        """Starts the table of steps, steps.csv, which is written where there are rows.

        Args:
            earlier: Its rows of the run that this one goes on from.
            within: Whether there are validations within an epoch, whose figures it keeps too.
        """
        self.steps = {int(row["step"]): dict(row) for row in earlier}
        self._within = within

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Merges figures into the row of their epoch; the training figures come last and close the row.

        Figures of single steps, and what callbacks log without an epoch, get a row in steps.csv.
        """
        of_steps = {key: value for key, value in metrics.items() if key.endswith(STEP)}
        if "epoch" not in metrics or of_steps or (self._within and self._monitor in metrics):
            self._keep_step(metrics, step)
        metrics = {key: value for key, value in metrics.items() if key not in of_steps}
        if not metrics.keys() - {"epoch"} or "epoch" not in metrics:
            return
        row = self._merge(metrics)
        if "train/loss" in metrics:
            LOG.info(self._line(row))

    def keep(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Closes the row of an epoch before its checkpoint is written, which Lightning does before it logs.

        A kill in between would leave a checkpoint whose last epoch stands in no table.

        Args:
            epoch: From 0.
            metrics: All figures logged so far; those of a validation may be older than the epoch and are left out.
        """
        of_epoch = {k: v for k, v in metrics.items() if not k.startswith("val/") and not k.endswith(STEP)}
        self._merge({**of_epoch, "epoch": epoch})

    def _keep_step(self, metrics: Mapping[str, float], step: int | None) -> None:
        number = len(self.steps) if step is None else step
        row = self.steps.setdefault(number, {"step": number})
        row.update({key: value for key, value in metrics.items() if not math.isnan(value)})

    def close(self, epoch: int) -> None:
        """Writes the row of an epoch that was validated and not trained, as averaged weights are."""
        self._write()
        found = self.rows[epoch]
        figures = [f"{name} {found[name]:.4f}" for name in ("val/loss", self._monitor) if name in found]
        LOG.info(f"averaged weights: {'  '.join(dict.fromkeys(figures))}")

    def _merge(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Adds figures to a row, and writes the table if that closed or changed it."""
        epoch = int(metrics.get("epoch", len(self.rows)))
        row = self.rows.setdefault(epoch, {"epoch": epoch})
        before = dict(row)
        row.update({key: value for key, value in metrics.items() if key != "epoch" and not math.isnan(value)})
        if "train/loss" in metrics and row != before:
            self._write()
        return row

    def _write(self) -> None:
        self._folder.write_csv("metrics.csv", [self.rows[number] for number in sorted(self.rows)])
        if self.steps:
            self._folder.write_csv("steps.csv", [self.steps[number] for number in sorted(self.steps)])

    def shown(self, row: Mapping[str, float]) -> list[str]:
        """Names of the figures in the line of an epoch."""
        return ["train/loss", "val/loss", *([self._monitor] if self._monitor != "val/loss" else [])]

    def _line(self, row: dict[str, float]) -> str:
        value = row.get(self._monitor)
        better = value is not None and self._sign * value > self._best
        if better and value is not None:
            self._best = self._sign * value
        parts = [f"{name} {row[name]:.4f}" for name in self.shown(row) if name in row]
        parts.append(f"{row.get('seconds', 0):.1f} s")
        width, end = (0, "") if self._epochs is None else (len(str(self._epochs)), f"/{self._epochs}")
        return f"epoch {int(row['epoch']) + 1:>{width}}{end}  {'  '.join(parts)}{'  best' if better else ''}"


def wandb_logger(
    run: RunFacts,
    project: str | None = None,
    entity: str | None = None,
    mode: Literal["auto", "online", "offline", "disabled"] = "auto",
    tags: list[str] | None = None,
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
    return open_wandb(run, asked, mode, (init_timeout, finish_timeout), log_model=log_model, watch=(watch, watch_steps))


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
                built.append(kept_quiet(_build(name, settings, run)))
                if not isinstance(built[-1], Tracked):
                    built[-1].log_hyperparams(dict(run.config))
    except BaseException:
        close_loggers(built, ok=False)
        raise
    return built


def _build(name: str, settings: Mapping[str, Any], run: RunFacts) -> Logger:
    """A logger: of segexp's own with the run and its keys, any other of its keys, with its files in the run folder."""
    make: Callable[..., Logger] = get_method(settings["_target_"])
    if _takes_run(make):
        # Not instantiate: it would build the objects that the config handed to the logger describes.
        return make(run, **{key: value for key, value in settings.items() if not key.startswith("_")})
    with naming_section(f"logger.{name}"):
        made: Logger = instantiate(with_places(settings, make, run.folder), _convert_="all")
        expect(made, Logger, f"logger.{name}", "a lightning.pytorch.loggers.Logger")
    return made


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
