"""Going on from a checkpoint: whether it fits, and what of the earlier run comes along."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from pydoc import locate
from typing import Any, TypeVar

import torch

from segexp.config.experiment import Experiment
from segexp.config.harmless import HARMLESS
from segexp.config.migration import migrated_stored, migration_note
from segexp.config.nested import flatten
from segexp.config.schema import TrainConfig
from segexp.config.sections import with_defaults
from segexp.config.stored.check import check_stored
from segexp.config.trainer import with_trainer_defaults
from segexp.data.sampling.batches import rank_of
from segexp.errors import ConfigError, DataError, ResourceError, one_line
from segexp.runs.archive import check_archive
from segexp.runs.checkpoint_format import refuse_newer
from segexp.runs.console import LOG
from segexp.runs.contents import read_rows
from segexp.runs.files import replace_file
from segexp.runs.folder import RunFolder
from segexp.system.causes import cause_of, describe_cause
from segexp.tasks.base import BaseTask
from segexp.tasks.schedule_part import follows_length
from segexp.training.callbacks.paths import refuse_paths
from segexp.training.callbacks.within_epoch import position
from segexp.training.resuming.source import LAST, anew_with, command, require_checkpoint, told_apart, with_command

T = TypeVar("T")

FREE = (
    *HARMLESS, "name", "output_dir", "resume", "panels", "panel_epochs", "val_panels",
    "baselines", "tta", "metric", "bootstrap", "sweep", "callbacks", "trainer.max_time", "trainer.limit_test_batches",
    "trainer.min_epochs", "trainer.min_steps", "trainer.on_nan", "trainer.inference_mode", "trainer.benchmark",
    "trainer.reload_dataloaders_every_n_epochs",
)  # fmt: skip
"""Keys that do not shape the training and may differ after a resume."""
SHAPING = (
    "WeightAverage", "EMAWeightAveraging", "WeightAveraging", "StochasticWeightAveraging",
    "GradientAccumulationScheduler", "ModelPruning",
)  # fmt: skip
"""Classes of callbacks that do shape it: weights that were averaged, say, are no others' weights."""
LENGTHS = ("trainer.max_epochs", "trainer.max_steps")
"""Keys of how long is trained."""


def check_resume(experiment: Experiment, module: BaseTask) -> tuple[int, int]:
    """Checks that a run of segexp's own kind can go on from ``resume``, before anything is written.

    Returns:
        The epoch that training starts with, and its batch, both from 0.

    Raises:
        ConfigError: There is no such checkpoint, or model or length of the schedule differ.
    """
    resume = experiment.resume
    if resume is None:
        return 0, 0
    checkpoint, state, begin, (stored, earlier) = read_resumed(resume, lambda found: _recorded(found, Path(resume)))
    check_stored(earlier, Path(resume), built=())
    if (note := migration_note(stored)) is not None:
        LOG.info(f"resume      {note}")
    refuse_paths(checkpoint.get("callbacks", {}), Path(resume))
    shapes = [{name: tuple(value.shape) for name, value in weights.items()} for weights in (state, module.state_dict())]
    if shapes[0] != shapes[1]:
        model = experiment.model
        there, here = told_apart(earlier["model"], model), told_apart(model, earlier["model"])
        if there == here:
            there, here = unlike(*shapes), unlike(*reversed(shapes))
        found = f"resume: {resume} holds another model: found {here}, but the run that resume goes on from has {there}"
        raise ConfigError(with_command(found, Path(resume)))
    check_same(experiment, earlier)
    check_not_shorter(experiment, begin[0], checkpoint, Path(resume))
    earlier_rows(resume, begin[0])
    return begin


def read_resumed(
    resume: str, more: Callable[[dict[str, Any]], T]
) -> tuple[dict[str, Any], dict[str, Any], tuple[int, int], T]:
    """Reads the checkpoint to go on from, as data.

    Args:
        resume: Its path.
        more: Reads what else it has to hold.

    Returns:
        The checkpoint, its weights, the epoch and batch that come next (from 0), and what ``more`` gives.

    Raises:
        ConfigError: There is no such file, or it is no such checkpoint.
        DataError: It is damaged, or of a later version.
    """
    require_checkpoint(resume)
    try:
        check_archive(Path(resume))
        checkpoint = torch.load(resume, map_location="cpu", weights_only=True)
        return checkpoint, checkpoint["state_dict"], position(checkpoint), more(checkpoint)
    except (DataError, ConfigError):
        raise
    except Exception as error:  # torch.load raises nearly anything for a file that is no checkpoint
        if (cause := cause_of(error)) is not None:
            raise ResourceError(describe_cause(cause, f"resume: {resume}")) from error
        raise ConfigError(f"resume: {resume} is no checkpoint of segexp; give the path of a last.ckpt") from error


def _recorded(checkpoint: Mapping[str, Any], source: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The config in a checkpoint, as it was stored and as it is written today."""
    if "segexp" not in checkpoint and "pytorch-lightning_version" in checkpoint:
        raise ConfigError(
            f"resume: {source} is no checkpoint of segexp's own tasks, but of another LightningModule; give the "
            "words task=lightning task._target_=<class> and those of its data again"
        )
    refuse_newer(checkpoint["segexp"], f"resume: {source}")
    stored = checkpoint["segexp"]["config"]
    return stored, migrated_stored(stored, source)


def check_not_shorter(experiment: Experiment, epochs: int, checkpoint: Mapping[str, Any], source: Path) -> None:
    """Refuses fewer epochs or steps than are done; as many are right: the run goes straight to its test.

    Args:
        experiment: The run as it is to go on.
        epochs: That are done.
        checkpoint: Which it goes on from, with the steps that are done.
        source: Its path.

    Raises:
        ConfigError: Fewer are asked for.
    """
    section, steps = experiment.fitting, int(checkpoint.get("global_step", 0))
    for key, asked, done in (("epochs", section.max_epochs or -1, epochs), ("steps", section.max_steps, steps)):
        if 0 < asked < done:
            line = command(source, f"trainer.max_{key}={done + 1}")
            raise ConfigError(
                f"trainer.max_{key}: found {asked}, but the run that resume goes on from has done {done} {key}; give "
                f"{done + 1} or more{f' ({line})' if line else ''}, {done} for its test alone, or start anew without "
                "resume"
            )


def unlike(shapes: Mapping[str, tuple[int, ...]], others: Mapping[str, tuple[int, ...]]) -> str:
    """Says the first weight that is not as in another model of the same class, whose data has other classes, say."""
    name = next(name for name in [*shapes, *others] if shapes.get(name) != others.get(name))
    return f"{name} of shape {list(shapes[name])}" if name in shapes else f"no {name}"


def check_same(experiment: Experiment, earlier: Mapping[str, Any]) -> None:
    """Refuses what shapes the training and is not as it was: it would be ignored, or two settings mixed in one run.

    A changed split would even train on images that were tested before.
    """
    checkpoint = Path(str(experiment.resume))
    today = experiment.plain()
    before, now = (dict(flatten(_complete(plain, today))) for plain in (earlier, today))
    shaping = {f"callbacks.{name}" for plain in (earlier, today) for name in _shaping(plain)}
    for key in sorted(set(before) | set(now)):
        of_shaping = ".".join(key.split(".")[:2]) in shaping
        if before.get(key) != now.get(key) and (of_shaping or not _may_change(key, experiment)):
            found = f"{key}: found {now.get(key)!r}, but the run that resume goes on from has {before.get(key)!r}"
            if key in LENGTHS:
                found += ", over which its learning rate is scheduled"
            advice = f"use that, or start anew without resume{anew_with(checkpoint, key, now.get(key))}"
            raise ConfigError(with_command(f"{found}; {advice}", checkpoint))


def _complete(plain: Mapping[str, Any], today: Mapping[str, Any]) -> dict[str, Any]:
    """A config with the keys that it lacks: a run of before they were there has trained with their defaults."""
    whole = with_defaults(TrainConfig, plain)
    # Of classes that this training builds anyway: a stored config makes nothing be imported.
    whole["trainer"] = with_trainer_defaults(whole["trainer"])
    known = {name: _defaults(block) for name, block in today.items() if _target(block) == _target(whole.get(name))}
    return {name: {**known[name], **block} if known.get(name) else block for name, block in whole.items()}


def _target(block: Any) -> Any:
    return block.get("_target_") if isinstance(block, Mapping) else None


def _defaults(section: Any) -> dict[str, Any]:
    """Defaults of the class of a section, those that are single values."""
    target = _target(section)
    made = locate(target) if isinstance(target, str) else None
    # A constructor hands what it does not name itself to that of the class above it.
    classes = reversed(made.__mro__) if isinstance(made, type) else ()
    own = [vars(kind)["__init__"] for kind in classes if inspect.isfunction(vars(kind).get("__init__"))]
    known = [each for constructor in own for each in inspect.signature(constructor).parameters.values()]
    return {each.name: each.default for each in known if isinstance(each.default, bool | int | float | str)}


def _shaping(plain: Mapping[str, Any]) -> list[str]:
    """Names of the callbacks that shape a training."""
    blocks = plain.get("callbacks") or {}
    return [name for name, block in blocks.items() if str(_target(block)).rpartition(".")[2] in SHAPING]


def _may_change(key: str, experiment: Experiment) -> bool:
    if key in LENGTHS:
        # A schedule that was laid over the whole run cannot be stretched.
        return not follows_length(experiment.scheduler)
    return any(key == free or key.startswith(f"{free}.") for free in FREE)


def earlier_rows(resume: str | None, first_epoch: int) -> list[dict[str, float]]:
    """Rows of the metrics.csv beside a checkpoint before ``first_epoch``; empty where there is none."""
    if resume is None:
        return []
    table = Path(resume).resolve().parent.parent / "metrics.csv"
    return [row for row in _numbers(table, "epoch") if row["epoch"] < first_epoch]


def earlier_steps(resume: str | None, epochs: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Rows of the steps.csv beside a checkpoint, up to the last step of these epochs; empty where there is none."""
    table = Path(resume).resolve().parent.parent / "steps.csv" if resume is not None else None
    if table is None or not epochs:
        return []
    rows = _numbers(table, "step")
    last = max((row["step"] for row in rows if row.get("epoch", -1) <= epochs[-1]["epoch"]), default=-1)
    return [row for row in rows if row["step"] <= last]


def keep_last(resume: str | None, folder: RunFolder) -> None:
    """Copies the state that a run goes on from as its last, where no epoch was left to train."""
    last = folder.checkpoints / LAST.name
    if resume is not None and not last.is_file() and rank_of()[0] == 0:
        replace_file(last, Path(resume).read_bytes())


def _numbers(table: Path, number: str) -> list[dict[str, float]]:
    """Rows of a table of figures, which anybody may have written; none where there is no file.

    Raises:
        DataError: A cell is no number, or a row lacks its own.
    """
    try:
        rows = [{key: _number(key, cell) for key, cell in row.items() if cell} for row in read_rows(table)]
    except ValueError as error:
        raise DataError(f"{table}: {one_line(error)}; expected numbers alone. Was it edited?") from error
    if not all(number in row for row in rows):
        raise DataError(f"{table}: a row has no {number}; was it edited or cut short?")
    return rows


def _number(key: str, cell: str) -> float:
    return int(cell) if key in ("epoch", "step") else float(cell)
