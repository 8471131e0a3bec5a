"""The block ``trainer`` as it is in force: ``fast_dev_run`` and ``overfit_batches`` say what other keys would."""

import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass, replace
from typing import Any

from segexp.config.schema import TrainerConfig


def in_force(section: TrainerConfig) -> TrainerConfig:
    """Gives the block that says the same without ``fast_dev_run`` and ``overfit_batches``.

    As Lightning documents them, but for the run folder, which is written as always: a trial run tries that as well.
    """
    if batches := int(section.fast_dev_run):
        section = replace(
            section, max_epochs=1, max_steps=batches, min_epochs=None, min_steps=None, check_val_every_n_epoch=1,
            val_check_interval=None, num_sanity_val_steps=0, limit_train_batches=batches, limit_val_batches=batches,
            limit_test_batches=batches,
        )  # fmt: skip
    if section.max_epochs is None:
        section = replace(section, max_epochs=-1)
    if section.overfit_batches:
        few = section.overfit_batches
        section = replace(section, limit_train_batches=few, limit_val_batches=few)
    return replace(section, fast_dev_run=False)


def is_part(limit: float | None) -> bool:
    """Tells whether a value of ``limit_..._batches`` asks for a part of them; of a number it is taken as one."""
    # 1 is one batch, 1.0 are all.
    return limit is not None and (isinstance(limit, int) or limit < 1)


def handed_on(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the keys of a plain block ``trainer`` that go to Lightning without a look."""
    known = {field.name for field in fields(TrainerConfig)}
    return {key: value for key, value in plain.items() if key not in known and key not in TrainerConfig.also.elsewhere}


def with_trainer_defaults(plain: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the keys that a plain block ``trainer`` of an earlier version lacks, each with its default."""
    return {**{each.name: each.default for each in fields(TrainerConfig) if each.default is not MISSING}, **plain}


def duration(value: Any) -> Any:
    """A time as Lightning takes it: its parts as a mapping, anything else as it is."""
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


@dataclass(frozen=True)
class CheckpointInterval:
    """The longest way between two checkpoints: seconds of training or steps, one of the two.

    Attributes:
        seconds: Of training.
        steps: Of the optimiser.
    """

    seconds: float | None = None
    steps: int | None = None


SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Of the units of time, by their first letters."""


def checkpoint_interval(asked: str | None) -> CheckpointInterval | None:
    """Reads ``trainer.checkpoint_every``: ``5min``, ``1h 30min``, ``00:00:05:00``, ``100 steps``; None: null.

    Args:
        asked: Of the form that the schema of the key allows.
    """
    if asked is None:
        return None
    text = asked.lower()
    if "step" in text:
        return CheckpointInterval(steps=int(text.partition("s")[0]))
    if ":" in text:
        text = "".join(map("".join, zip(text.split(":"), "dhms", strict=True)))
    parts = re.findall(r"([\d.]+)\s*([a-z])", text)
    return CheckpointInterval(seconds=sum(float(number) * SECONDS[unit] for number, unit in parts))
