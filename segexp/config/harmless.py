"""Keys that say how, where and with what to see a training is computed, and nothing of what is trained or tested.

A run goes on in its own folder with other values of these alone; with any other word it becomes a new run.
"""

from collections.abc import Mapping
from typing import Any

from segexp.config.batch_size import AUTO, KEY
from segexp.config.nested import flatten

HARMLESS = (
    # what is said and shown of it while it runs
    "debug", "tags", "logger", "trainer.progress", "trainer.checkpoint_every", "trainer.log_every_n_steps",
    "trainer.profiler",
    "trainer.enable_model_summary", "trainer.enable_autolog_hparams", "trainer.detect_anomaly",
    "trainer.num_sanity_val_steps", "trainer.watchdog", "trainer.allow_oversize", "trainer.live_report",
    # what it computes on
    "trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.strategy", "inference.batch_size",
    # where the data lies, and how it is read
    "datamodule.root", "datamodule.cache", "datamodule.cache_limit", "datamodule.image_limit",
    "datamodule.loader.num_workers", "datamodule.loader.prefetch_factor", "datamodule.loader.pin_memory",
    "datamodule.loader.persistent_workers", "datamodule.loader.on_device",
    # customary names of the same in a LightningDataModule of the user's own
    "datamodule.data_dir", "datamodule.num_workers", "datamodule.prefetch_factor", "datamodule.pin_memory",
    "datamodule.persistent_workers",
)  # fmt: skip
"""Keys, or blocks of keys, that may differ in a run that goes on in its folder."""
_OF_A_COMMAND = ("resume", "sweep", "trust")
"""Keys that are no part of what a run is."""


def changed_keys(now: Mapping[Any, Any], stored: Mapping[Any, Any]) -> list[str]:
    """Names the keys that make another run of it: those that differ, and are not harmless.

    Args:
        now: Plain config of a command.
        stored: Plain config of the run that it goes on with; keys that are not in it are of the command alone.
    """
    before, after = dict(flatten(dict(stored))), dict(flatten(dict(now)))
    own = {key for key in after if key not in before and key.partition(".")[0] not in stored}
    return [
        key
        for key in sorted(before.keys() | after.keys() - own)
        if not is_in_block(key, (*HARMLESS, *_OF_A_COMMAND))
        and not _same(before.get(key), after.get(key))
        and not _left_open(key, after)
    ]


def _left_open(key: str, after: Mapping[str, Any]) -> bool:
    """Whether a key is left to the data, as it was when the run started, which has settled it."""
    block, _, name = key.partition(".")
    if key == KEY and after.get(key) == AUTO:
        return True
    return block == "datamodule" and "." not in name and key in after and after[key] in ("auto", None)


def is_in_block(key: str, keys: tuple[str, ...]) -> bool:
    """Returns whether a dotted key is one of these, or lies in a block of them."""
    return any(key == name or key.startswith(f"{name}.") for name in keys)


def _same(one: Any, other: Any) -> bool:
    # Blocks that are empty and blocks that are not there say the same.
    empty: tuple[Any, ...] = (None, {}, [])
    if one in empty and other in empty:
        return True
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
