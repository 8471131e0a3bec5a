"""What a run was set to: its config as flat keys, and which of them make it another experiment."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from segexp.config.migration import migrated
from segexp.config.trainer import with_trainer_defaults

ABSENT = "-"
"""Stands for a key that a config does not have, for example one of another model."""
SEEDS = ("seed", "datamodule.seed")
"""Runs that differ in these alone repeat each other."""
FOLD = "datamodule.fold"
NEUTRAL = (
    "name", "tags", "output_dir", "resume", "debug", "panels", "panel_epochs", "val_panels",
    "bootstrap", "baselines", "logger", "metric", "sweep", "hydra",
    "trainer.progress", "trainer.strategy", "trainer.devices", "trainer.num_nodes", "trainer.log_every_n_steps",
    "trainer.profiler", "trainer.detect_anomaly", "trainer.num_sanity_val_steps", "trainer.enable_model_summary",
    "trainer.enable_autolog_hparams", "trainer.allow_oversize", "trainer.watchdog", "trainer.checkpoint_every",
    "trainer.inference_mode", "trainer.live_report", "inference.batch_size",
    "datamodule.loader.eval_batch_size", "datamodule.loader.num_workers", "datamodule.loader.prefetch_factor",
    "datamodule.loader.pin_memory", "datamodule.loader.persistent_workers", "datamodule.loader.on_device",
)  # fmt: skip
"""Keys, and blocks of keys, that change no weight and no figure."""

ENTRIES, DEEPEST = 100_000, 40
"""Entries and levels of a config that are read; the largest of ours have some hundreds, and ten."""

# The C parser is some 10 times as fast, and a sweep has hundreds of configs.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def flat_config(text: str) -> dict[str, Any]:
    """The text of a config.yaml as ``{"optimizer.lr": 0.005}``; lists stay whole, empty where it cannot be read.

    That of an earlier version has the names and forms of today, or it would seem to be another experiment.
    """
    try:
        tree = yaml.load(text, Loader=_LOADER)
        _refuse_huge(tree)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    flat = dict(_flat(_today(tree), "")) if isinstance(tree, Mapping) else {}
    # No callbacks are written as an empty block, or not at all.
    return {key: value for key, value in flat.items() if key != "callbacks"}


def _today(tree: Mapping[str, Any]) -> dict[str, Any]:
    """A config with the names of today, and the keys of the Trainer that it lacks."""
    found = migrated(tree)
    trainer = found.get("trainer")
    return found | ({"trainer": with_trainer_defaults(trainer)} if isinstance(trainer, Mapping) else {})


def _refuse_huge(tree: Any) -> None:
    """A few lines of references in YAML can stand for millions of entries.

    Raises:
        ValueError: It is larger or deeper than any config.
    """
    level, entries = [tree], 0
    for _ in range(DEEPEST):
        blocks = [block for block in level if isinstance(block, dict | list)]
        entries += sum(map(len, blocks))
        if entries > ENTRIES or not blocks:
            break
        level = [part for block in blocks for part in (block.values() if isinstance(block, dict) else block)]
    if entries > ENTRIES or any(isinstance(block, dict | list) for block in level):
        raise ValueError(f"more than {ENTRIES} entries or {DEEPEST} levels")


def _flat(tree: Mapping[Any, Any], prefix: str) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for key, value in tree.items():
        inner = isinstance(value, Mapping) and value
        pairs += _flat(value, f"{prefix}{key}.") if inner else [(f"{prefix}{key}", value)]
    return pairs


def is_neutral(key: str) -> bool:
    """Returns whether a key, or the option of a group, makes no difference to what is measured."""
    return any(key == name or key.startswith(f"{name}.") for name in NEUTRAL)


def folded(config: Mapping[str, Any]) -> bool:
    """Returns whether the run tested one fold of a cross-validation."""
    return FOLD in config and config.get("datamodule.split", "kfold") == "kfold"


def identity(config: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The settings that runs of one configuration share: all keys but seeds, neutral ones and the fold."""
    fold = (FOLD,) if folded(config) else ()
    kept = (key for key in config if key not in SEEDS + fold and not is_neutral(key))
    return tuple(sorted((key, text_of(config[key])) for key in kept))


def text_of(value: Any) -> str:
    """A value as it is written on the command line, the same text for the same value."""
    match value:
        case bool():
            return "true" if value else "false"
        case None:
            return "null"
        case float():
            return f"{value:.6g}"
        case str() | int():
            return str(value)
        case _:
            return json.dumps(value, sort_keys=True, default=str)
