"""The batch size that is left to the training: ``datamodule.loader.batch_size=auto``."""

from collections.abc import Mapping
from typing import Any

AUTO = "auto"
KEY = "datamodule.loader.batch_size"
TRIAL = 2
"""Samples of a batch until the size is found: enough for what a batch asks of the images, such as one size."""


def batch_size_is_auto(datamodule: Mapping[str, Any]) -> bool:
    """Returns whether a block ``datamodule`` leaves the batch size to the training."""
    loader = datamodule.get("loader")
    return isinstance(loader, Mapping) and loader.get("batch_size") == AUTO


def with_batch_size(datamodule: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Gives a block ``datamodule`` with a batch size in place of ``auto``; one with a number stays as it is."""
    if not batch_size_is_auto(datamodule):
        return dict(datamodule)
    return {**datamodule, "loader": {**datamodule["loader"], "batch_size": size}}
