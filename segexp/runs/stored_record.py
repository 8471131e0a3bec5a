"""What a checkpoint says of its model, checked before anything of it is built, by ``load`` and ``inspect`` alike."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from segexp.config.migration import migrated_stored
from segexp.config.stored.check import check_stored
from segexp.config.stored.plain_values import refuse_references
from segexp.errors import DataError
from segexp.runs.checkpoint_format import refuse_newer

BUILT = ("task", "model", "datamodule", "augment", "metric")
"""Sections of a run whose objects are built again when it is used: loss, callbacks and the like are not."""


def stored_config(record: Any, source: Path, trust: Collection[str] = ()) -> dict[str, Any]:
    """Reads the config in segexp's own part of a checkpoint, in the names of today.

    Args:
        record: What the file holds under ``segexp``.
        source: The file.
        trust: Packages beside segexp's own whose classes it may name.

    Raises:
        DataError: It is no such part, of a later version, or from before there was ``inference``.
        StoredError: The config asks for more than data may.
    """
    if not isinstance(record, Mapping) or "config" not in record:
        raise DataError(f"{source}: is no checkpoint of segexp (its part segexp holds no config)")
    refuse_newer(record, source)
    config = migrated_stored(record["config"], source)
    if not isinstance(config, Mapping) or "inference" not in config:
        raise DataError(f"{source}: is from before there were windows (no key inference); train it again")
    check_stored(config, source, trust, built=BUILT)
    refuse_references(config, source)
    if "_target_" not in (config.get("model") or {}):
        raise DataError(f"{source}: is no checkpoint of segexp (its config names no model)")
    return dict(config)


def refuse_stranger(content: Mapping[str, Any], source: Path) -> None:
    """Refuses a checkpoint of a LightningModule that is none of segexp's tasks.

    Raises:
        DataError: It is one.
    """
    if "segexp" not in content and "pytorch-lightning_version" in content:
        raise DataError(
            f"{source}: is no checkpoint of segexp's own tasks, but of another LightningModule; "
            "in Python, Run(<run folder>).model gives it"
        )
