"""Checks the keys of the block ``trainer`` against each other and against the blocks that hang on them."""

from collections.abc import Iterator, Mapping
from typing import Any

from segexp.config.lineage import definition, is_below
from segexp.config.schema import TrainerConfig
from segexp.config.sections import structured
from segexp.config.settled_forms import OWN_CALLBACKS
from segexp.config.trainer import in_force
from segexp.errors import ConfigError

Block = Mapping[str, Any]
TASK, DATA = "segexp.tasks.base.BaseTask", "segexp.data.base.ImageDataModule"


def check_trainer_keys(config: Block) -> None:
    """Compares the keys of ``trainer``, before torch is imported.

    Args:
        config: Of a training, each key of a valid type.

    Raises:
        ConfigError: Keys contradict each other, have no effect, or leave nothing to train or to judge by; a line each.
    """
    asked = structured(TrainerConfig, config["trainer"])
    section = in_force(asked)
    problems = [
        *_ends(asked, section, config), *_nothing_to_do(asked, section), *_without_effect(asked),
        *_precision(section, config["speed"]), *_validations(section), *_unvalidated(section, config),
        *_done_by_segexp(config), *_within_an_epoch(section, config),
    ]  # fmt: skip
    if problems:
        raise ConfigError("\n".join(problems))


def _ends(asked: TrainerConfig, section: TrainerConfig, config: Block) -> Iterator[str]:
    """Problems of where training ends."""
    epochs, steps = section.max_epochs or -1, section.max_steps
    if asked.max_epochs is None and steps == -1:
        yield "trainer.max_epochs: found null, of which Lightning would make 1000; give it, or trainer.max_steps"
    endless = epochs == steps == -1
    if endless and asked.max_epochs == -1 and section.max_time is None and not _may_end(config):
        yield (
            "trainer.max_epochs: found -1, and nothing else ends the training; add trainer.max_steps=<steps>, "
            "trainer.max_time=<DD:HH:MM:SS> or callbacks=early_stopping"
        )
    if endless and (key := _length_of_the_run(config.get("scheduler") or {})) is not None:
        yield (
            f"scheduler.{key}: found auto, all of the run, but its end cannot be counted beforehand; "
            f"give trainer.max_steps or trainer.max_epochs, or the length, scheduler.{key}=<steps>, or scheduler=none"
        )
    for low, high, least, most in (
        ("min_epochs", "max_epochs", section.min_epochs, epochs), ("min_steps", "max_steps", section.min_steps, steps),
    ):  # fmt: skip
        if least is not None and 0 < most < least:
            yield f"trainer.{low}: found {least} with trainer.{high}={most}; use at most {most}"


def _may_end(config: Block) -> bool:
    """Whether a callback may end training: early stopping, a timer, or one that nobody here knows."""
    targets = [str(block.get("_target_")) for block in (config.get("callbacks") or {}).values()]
    known = ("lightning.pytorch.callbacks.", "segexp.")
    return any(not target.startswith(known) or target.endswith(("Stopping", "Timer")) for target in targets)


def _length_of_the_run(scheduler: Block) -> str | None:
    """The key of a schedule that is as long as the run; ``auto`` of ``mode`` is a direction."""
    return next((key for key, value in scheduler.items() if value == "auto" and key != "mode"), None)


def _nothing_to_do(asked: TrainerConfig, section: TrainerConfig) -> Iterator[str]:
    """Problems of limits that leave nothing."""
    for name, value in (("limit_train_batches", "trained"), ("limit_test_batches", "tested")):
        limit = getattr(section, name)
        if limit is not None and limit == 0:
            yield f"trainer.{name}: found {limit}, so nothing would be {value}; use at least 1"
    if asked.val_check_interval == 0:
        yield "trainer.val_check_interval: found 0; use batches from 1 on, a share of an epoch, or null: once an epoch"


def _without_effect(asked: TrainerConfig) -> Iterator[str]:
    """Problems of keys that others make void."""
    if asked.gradient_clip_algorithm is not None and asked.gradient_clip_val is None:
        yield (
            f"trainer.gradient_clip_algorithm: found {asked.gradient_clip_algorithm} with "
            "trainer.gradient_clip_val=null, so that nothing is limited; give a limit, trainer.gradient_clip_val=1.0"
        )
    limits = [name for name in ("limit_train_batches", "limit_val_batches") if getattr(asked, name) is not None]
    if asked.overfit_batches and limits:
        yield (
            f"trainer.{limits[0]}: found {getattr(asked, limits[0])} with trainer.overfit_batches="
            f"{asked.overfit_batches}, which sets it; give one of them"
        )


def _precision(section: TrainerConfig, speed: Block) -> Iterator[str]:
    """Problems of the numbers that are computed in."""
    asked, fast = section.precision, speed["precision"]
    if asked == "16-mixed" and section.accelerator == "cpu":
        yield (
            "trainer.precision: found 16-mixed with trainer.accelerator=cpu, of which Lightning would make bf16-mixed; "
            "use bf16-mixed, or a GPU"
        )
    if section.strategy == "fsdp" and asked in ("16-mixed", "64-true"):
        yield f"trainer.precision: found {asked} with trainer.strategy=fsdp, which does not take it; use bf16-mixed"
    same = {"float32": "32-true", "bfloat16": "bf16-mixed"}
    if asked is not None and fast != "auto" and same[fast] != asked:
        yield (
            f"speed.precision: found {fast} with trainer.precision={asked}; give one of them, such as "
            f"speed.precision=auto, which leaves it to trainer.precision"
        )


def _validations(section: TrainerConfig) -> Iterator[str]:
    """Problems of when validations run."""
    every, interval = section.check_val_every_n_epoch, section.val_check_interval
    if every is None and (interval is None or isinstance(interval, float)):
        yield (
            f"trainer.check_val_every_n_epoch: found null with trainer.val_check_interval={_null(interval)}; give the "
            "batches between validations, trainer.val_check_interval=100, or a number of epochs"
        )
    epochs = section.max_epochs
    if every is not None and epochs is not None and 0 < epochs < every:
        yield (
            f"trainer.check_val_every_n_epoch: found {every} with trainer.max_epochs={epochs}: no validation would "
            f"run; use at most {epochs}"
        )


def _unvalidated(section: TrainerConfig, config: Block) -> Iterator[str]:
    """Problems of what watches validations where there are none, or none at the ends of epochs."""
    none = section.limit_val_batches is not None and section.limit_val_batches == 0
    scheduler = config.get("scheduler") or {}  # a LightningModule of the user's own may do without
    every, interval = section.check_val_every_n_epoch, section.val_check_interval
    timed = interval is not None and not isinstance(interval, int | float)
    if (name := scheduler.get("monitor")) is not None and (none or every is None or timed):
        why = "trainer.limit_val_batches=0" if none else "trainer.check_val_every_n_epoch=null"
        why = f"trainer.val_check_interval={interval}" if timed and not none else why
        yield (
            f"scheduler.monitor: found {name} with {why}, but the schedule moves by it at the end of an epoch; use "
            "another schedule, such as scheduler=cosine"
        )
    for owner, block in config.get("callbacks", {}).items():
        own = block.get("_target_") == OWN_CALLBACKS["early_stopping"]["_target_"]
        name = block.get("monitor") or (config["monitor"] if own else None)
        if none and isinstance(name, str) and name.startswith("val/"):
            yield f"callbacks.{owner}.monitor: found {name} with trainer.limit_val_batches=0: no validation would run"
    limit = section.limit_val_batches
    # 1 is one batch, 1.0 are all.
    if limit is not None and (isinstance(limit, int) or limit < 1):
        yield from _searched(section, config)


def _searched(section: TrainerConfig, config: Block) -> Iterator[str]:
    """The problem of a search whose trials would be judged by a part of the validation images."""
    if config["sweep"].get("trials") is not None:
        yield (
            f"trainer.limit_val_batches: found {section.limit_val_batches} in a search, which judges trials by whole "
            "validations; use trainer.limit_val_batches=null"
        )


def _done_by_segexp(config: Block) -> Iterator[str]:
    """Problems of switches for what segexp's own tasks and data do by themselves."""
    for key, block, base, what in (
        ("sync_batchnorm", "task", TASK, "batch norm takes its statistics over all ranks"),
        ("use_distributed_sampler", "datamodule", DATA, "batches are divided between ranks"),
    ):
        target = config.get(block, {}).get("_target_", "")
        if config["trainer"].get(key) is True and (found := definition(target)) and is_below(found, frozenset({base})):
            yield f"trainer.{key}: found true, but {what} by itself here; leave it out"


def _within_an_epoch(section: TrainerConfig, config: Block) -> Iterator[str]:
    """The problem of checkpoints within an epoch of data that do not say where in it they are."""
    if section.checkpoint_every is None:
        return
    for block, base in (("task", TASK), ("datamodule", DATA)):
        target = config.get(block, {}).get("_target_", "")
        if target and not ((found := definition(target)) and is_below(found, frozenset({base}))):
            yield (
                f"trainer.checkpoint_every: found {section.checkpoint_every}, but {target.rpartition('.')[2]} is your "
                "own, and may not go on within an epoch; leave it out: last.ckpt is written after each epoch"
            )


def _null(value: Any) -> str:
    return "null" if value is None else str(value)
