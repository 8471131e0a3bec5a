"""The lr_find command: a learning rate for a training, by Lightning's learning-rate finder, with its curve."""

from collections.abc import Sequence
from contextlib import ExitStack, redirect_stderr
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightning.pytorch as pl
import numpy as np
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import BaseFinetuning
from lightning.pytorch.tuner.tuning import Tuner

from segexp.config.experiment import Experiment
from segexp.config.schema import LrFindConfig
from segexp.config.signatures.plain_lightning import comes_from, has_own_data
from segexp.config.signatures.signature import signature
from segexp.config.signatures.task_figures import BASE
from segexp.errors import ConfigError, UserError, one_line
from segexp.evaluation.tester import determinism
from segexp.report.charts.chart import Chart
from segexp.report.charts.files import render_charts
from segexp.report.charts.lines import Line, MarkedPoint, line_chart
from segexp.runs.console import start_console
from segexp.runs.folder import RunFolder
from segexp.runs.writable import PAGES, check_place
from segexp.system.causes import reason_of
from segexp.training.building.callbacks import build_callbacks
from segexp.training.distributed.strategies import one_process, trainer_plugins
from segexp.training.hardware import with_hardware
from segexp.training.plain.build import build_data, build_module
from segexp.training.prepare import prepare
from segexp.training.trainer import shows_bar
from segexp.training.trainer_parts import build_plugins
from segexp.training.warning_filters import quiet_warnings

NO_SCHEDULE = {"_target_": None, "interval": "epoch", "monitor": None}
"""The block ``scheduler`` of scheduler=none: a schedule would change what the finder sets, momentum with it."""
SMOOTHING = 0.98
"""Share of the earlier losses in Lightning's running mean of the loss."""
LEAST_FALL = 1e-4
"""Share of the loss; a mean that falls by less says nothing of the rate."""
NEVER = 10**9
"""Epochs between validations: the finder looks at the training loss alone."""
OWN_KEYS = ("lr", "learning_rate")
"""What a LightningModule of the user's own may call its rate, as Lightning's finder has it."""
PASSED_ON = (
    "accelerator", "precision", "limit_train_batches", "accumulate_grad_batches", "gradient_clip_val",
    "gradient_clip_algorithm", "detect_anomaly",
)  # fmt: skip
"""Keys of ``trainer`` that decide what a step does."""


@dataclass(frozen=True)
class LrCurve:
    """Curve of a learning-rate finder and its suggestion.

    Attributes:
        rates: Of each step, in order.
        losses: Running mean of the training loss up to that step, :func:`unbiased`.
        suggestion: Lightning's: the rate at which the loss falls fastest.
    """

    rates: Sequence[float]
    losses: Sequence[float]
    suggestion: float

    @property
    def rows(self) -> list[dict[str, float]]:
        """Rows of curve.csv."""
        return [{"lr": lr, "loss": loss} for lr, loss in zip(self.rates, self.losses, strict=True)]


def lr_find(experiment: Experiment, own: LrFindConfig, *, allocator: bool) -> str:
    """Looks for a rate, and writes the curve; weights and checkpoints are kept nowhere.

    Args:
        experiment: Whose learning rate is looked for; its schedule is off meanwhile.
        own: The keys of conf/lr_find.yaml.
        allocator: Whether the allocator setting is in force.

    Returns:
        The rate, the word to add to the command, and where curve.csv and curve.png lie.

    Raises:
        UserError: As a training, or there is nothing to find; nothing is written then.
    """
    start_console()
    quiet_warnings()
    check_findable(experiment, own)
    parent = Path(experiment.output_dir) / "lr_find"
    check_place(parent, "output_dir", PAGES)
    experiment = with_hardware(replace(experiment, scheduler=NO_SCHEDULE))
    module, datamodule = _built(experiment, allocator=allocator)
    curve = find_rate(experiment, own, module, datamodule)
    folder = RunFolder.create(parent)
    folder.write_csv("curve.csv", curve.rows)
    return "\n".join([*_said(experiment, curve), "", *_files(folder, curve)])


def check_findable(experiment: Experiment, own: LrFindConfig) -> None:
    """Refuses what leaves nothing to find, before data is read.

    Raises:
        ConfigError: Names the key.
    """
    trainer = experiment.trainer
    if own.min_lr >= own.max_lr:
        raise ConfigError(f"min_lr: found {own.min_lr:g}, which is not below max_lr={own.max_lr:g}; use a smaller one")
    if trainer.fast_dev_run:
        raise ConfigError("trainer.fast_dev_run: with it Lightning's learning-rate finder does nothing; use false")
    if experiment.resumes:
        raise ConfigError(
            "resume: lr_find looks for the rate of a training that starts; use resume=null, or init_from=<checkpoint> "
            "for its weights"
        )
    if with_hardware(experiment).ranks > 1:
        raise ConfigError(
            f"trainer.devices: found {trainer.devices}, but a learning rate is looked for in one process; use "
            "trainer.devices=1"
        )


def _built(experiment: Experiment, *, allocator: bool) -> tuple[pl.LightningModule, pl.LightningDataModule]:
    """Module and data, as a training builds them, or those of the user's own."""
    if not experiment.plain_lightning:
        found = prepare(experiment, allocator=allocator)
        if experiment.fitting.overfit_batches:
            found.datamodule.repeat_first_epoch()
        if "lr" not in found.module.make_optimizer().defaults:
            raise ConfigError(f"optimizer: {experiment.optimizer['_target_']} has no lr, so there is nothing to find")
        return found.module, found.datamodule
    pl.seed_everything(experiment.seed, workers=True, verbose=False)
    datamodule = build_data(experiment)
    module = build_module(experiment, datamodule)
    if not module.automatic_optimization:
        raise ConfigError(
            f"task: {experiment.task_class} steps its optimizers itself (automatic_optimization is False), which "
            "Lightning's learning-rate finder cannot follow; set its rate by hand"
        )
    return module, datamodule


def find_rate(
    experiment: Experiment, own: LrFindConfig, module: pl.LightningModule, datamodule: pl.LightningDataModule
) -> LrCurve:
    """Runs Lightning's finder; its only file, a copy of the weights to go back to, lies in a folder that is removed.

    Raises:
        ConfigError: The module has several optimizers, or no rate makes its loss fall.
    """
    with ExitStack() as stack:
        trainer = _trainer(experiment, stack.enter_context(TemporaryDirectory(prefix="segexp-lr-")))
        if not shows_bar(experiment.trainer.progress):
            stack.enter_context(redirect_stderr(StringIO()))  # the finder has a bar of its own
        try:
            found: Any = Tuner(trainer).lr_find(
                module, datamodule=datamodule, min_lr=own.min_lr, max_lr=own.max_lr, num_training=own.num_training,
                mode=own.mode, early_stop_threshold=own.early_stop_threshold, update_attr=False,
            )  # fmt: skip
        except MisconfigurationException as error:
            raise ConfigError(f"task: {one_line(error)}") from error
        except RuntimeError as error:
            if "multiple optimizers" not in str(error):
                raise
            raise ConfigError(
                f"task: {experiment.task_class} has several optimizers, of which Lightning's learning-rate finder "
                "follows a single one; set their rates by hand"
            ) from error
    rates, losses = found.results["lr"], unbiased(found.results["loss"])
    rates = rates[: len(losses)]
    suggestion = found.suggestion()
    if suggestion is None or not falls(losses, rates.index(suggestion)):
        raise ConfigError(
            f"max_lr: the training loss falls at none of {len(rates)} rates from {own.min_lr:g} to {own.max_lr:g}, so "
            f"none is suggested; use more steps, num_training={4 * own.num_training}, or another range"
        )
    return LrCurve(rates, losses, suggestion)


def _trainer(experiment: Experiment, folder: str) -> pl.Trainer:
    section = experiment.fitting
    return pl.Trainer(
        **determinism(section.deterministic),
        **{key: getattr(section, key) for key in PASSED_ON},
        **one_process(section),
        # Data of segexp repeats its first epoch by itself; other loaders Lightning makes repeat theirs.
        overfit_batches=section.overfit_batches if has_own_data(experiment.datamodule) else 0.0,
        max_epochs=-1,
        check_val_every_n_epoch=NEVER,
        num_sanity_val_steps=0,
        default_root_dir=folder,
        logger=False,
        # What is frozen at the start is part of what the rate is for.
        callbacks=[each for each in build_callbacks(experiment).values() if isinstance(each, BaseFinetuning)],
        plugins=[*trainer_plugins(), *build_plugins(section)],
        enable_checkpointing=False,
        enable_progress_bar=False,
    )


def unbiased(smoothed: Sequence[float]) -> list[float]:
    """Corrects the start of the running mean that Lightning's finder gives.

    It divides the mean of n losses by 1 - 0.98^(n + 1), where Adam's correction (Kingma & Ba 2015, section 3) is
    1 - 0.98^n: the first value is half of the loss, and the curve seems to rise from there.
    """
    count = np.arange(1, len(smoothed) + 1)
    factors = (1 - SMOOTHING ** (count + 1)) / (1 - SMOOTHING**count)
    return [float(value) for value in np.asarray(smoothed) * factors]


def falls(losses: Sequence[float], at: int) -> bool:
    """Returns whether the loss is lower somewhere after step ``at`` than there, by more than :data:`LEAST_FALL`."""
    later = [loss for loss in losses[at + 1 :] if np.isfinite(loss)]
    return bool(later) and min(later) < losses[at] - LEAST_FALL * abs(losses[at])


def _said(experiment: Experiment, curve: LrCurve) -> list[str]:
    """The suggestion, and the word that sets it."""
    rate = f"{curve.suggestion:.2g}"
    lines = [f"learning rate  {rate}, where the training loss falls fastest ({len(curve.rates)} steps)"]
    word = _word(experiment, rate)
    if word is None:
        return [*lines, f"note: {experiment.task_class} takes neither lr nor learning_rate; set the rate in its code"]
    lines.append(f"add            {word}")
    if not experiment.plain_lightning and any(rate != 1 for rate in experiment.param_groups.lr_factors.values()):
        lines.append("note: param_groups.lr_factors were all 1 meanwhile; they apply to this rate when training")
    return lines


def _word(experiment: Experiment, rate: str) -> str | None:
    """What is pasted: a key of the optimizer, or one of a module of the user's own."""
    if comes_from(experiment.task_class, BASE):
        return f"optimizer.lr={rate}"
    taken = signature(experiment.task_class)
    names = set(taken.parameters) if taken else set()
    if "optimizer" in names and "optimizer" not in experiment.task:
        return f"optimizer.lr={rate}"
    return next((f"task.{key}={rate}" for key in OWN_KEYS if key in names), None)


def _files(folder: RunFolder, curve: LrCurve) -> list[str]:
    lines = [f"csv            {folder.path / 'curve.csv'}"]
    charts = [chart for chart in [lr_chart(curve)] if chart is not None]
    try:
        (folder.path / "curve.png").write_bytes(render_charts(charts, "png"))
    except (UserError, OSError) as error:  # the figures stand
        return [*lines, f"not made: {folder.path / 'curve.png'} ({reason_of(error)})"]
    return [*lines, f"chart          {folder.path / 'curve.png'}"]


def lr_chart(curve: LrCurve) -> Chart | None:
    """The curve over a logarithmic axis, with the suggestion; None: no loss is a number."""
    at = list(curve.rates).index(curve.suggestion)
    mark = MarkedPoint(f"suggestion: {curve.suggestion:.2g}", (curve.suggestion, curve.losses[at]))
    line = Line("training loss, running mean", list(zip(curve.rates, curve.losses, strict=True)))
    return line_chart("Learning rate", [line], ("learning rate", "loss"), marks=[mark], log_x=True)
