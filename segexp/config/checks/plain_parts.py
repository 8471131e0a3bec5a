"""Sections of a training with a LightningModule or LightningDataModule of the user's own: which of them play a part."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from segexp.config.overrides.recompose import key_of
from segexp.config.paths import conf_dir
from segexp.config.schema import OFFERED
from segexp.config.signatures.plain_lightning import DATA, comes_from
from segexp.config.signatures.signature import signature
from segexp.config.signatures.task_figures import BASE
from segexp.errors import ConfigError

PARTS = ("model", "loss", "optimizer", "scheduler", "augment")
"""Sections that every training with a task and a data set of segexp's kind has."""
OF_IMAGES = (
    "tta", "inference", "panels", "panel_epochs", "val_panels", "bootstrap", "baselines", "references",
    "references_from", "references_row", "init_from", "init_channels", "param_groups", "metric",
)  # fmt: skip
"""Keys that act on tasks and data sets of segexp's kind alone."""
OFF: tuple[Any, ...] = (None, 0, False, "none", [])
"""Values that ask for nothing."""
ALL_SPEED = ("channels_last", "precision", "compile")


def used_parts(config: Mapping[str, Any], command: Sequence[str]) -> dict[str, Any]:
    """Gives a config without the sections that play no part in it.

    Args:
        config: Of a training, checked key by key.
        command: The command line in words; what it asks for has to have an effect.

    Raises:
        ConfigError: A section is missing, or the command line asks for one that plays no part.
    """
    own_task = comes_from(config.get("task", {}).get("_target_", BASE), BASE)
    own_data = comes_from(config["datamodule"].get("_target_"), DATA)
    if own_task and (missing := [key for key in (*PARTS[:4], *PARTS[4:] * own_data) if not config.get(key)]):
        raise ConfigError("\n".join(f"{key}: missing; leave the key in, every key has a value" for key in missing))
    if own_task and config.get("monitor_mode") is not None:
        raise ConfigError("monitor_mode: is for what a LightningModule of your own logs; here it is known, remove it")
    if own_task and own_data:
        return dict(config)
    idle = set(_idle(config, own_task=own_task, own_data=own_data))
    in_vain = [*idle, *OF_IMAGES, *(f"speed.{key}" for key in ALL_SPEED)] if not own_task else [*idle, *OF_IMAGES[2:]]
    problems = [*asked_in_vain(in_vain, command), *(() if own_task else _lacking(config))]
    problems += _set_in_vain([key for key in in_vain if key in OF_IMAGES], config, problems)
    if problems:
        raise ConfigError("\n".join(problems))
    return {key: value for key, value in config.items() if key not in idle and (own_task or key != "metric")}


def _idle(config: Mapping[str, Any], *, own_task: bool, own_data: bool) -> Iterator[str]:
    """Sections whose objects nobody takes."""
    if not own_data:
        yield "augment"
    taken = None if own_task else signature(str(config["task"]["_target_"]))
    if own_task or taken is None or taken.open:
        return
    for key in OFFERED:
        if key in PARTS and (key not in taken.parameters or key in config["task"]):
            yield key


def _lacking(config: Mapping[str, Any]) -> Iterator[str]:
    """Parts that the module must be given and nobody makes."""
    taken = signature(str(config["task"]["_target_"]))
    for key in PARTS[:4]:
        parameter = taken.parameters.get(key) if taken is not None else None
        if parameter is not None and parameter.required and not config.get(key) and key not in config["task"]:
            yield f"task.{key}: must be given; choose one, {key}=<name>, or write task.{key}._target_=<module.Class>"


def _set_in_vain(keys: Sequence[str], config: Mapping[str, Any], known: Sequence[str]) -> list[str]:
    """Lines for keys that a YAML of the user's own sets: those that are neither as conf/train.yaml has them nor off."""
    usual = yaml.safe_load((conf_dir() / "train.yaml").read_text(encoding="utf-8"))
    told = {line.partition(":")[0].partition(".")[0] for line in known}
    return [
        f"{key}: found {config[key]}, which has no effect on a LightningModule or LightningDataModule of your own; "
        "remove it from its YAML"
        for key in keys
        if key in usual and key not in told and config.get(key) != usual[key] and config.get(key) not in OFF
    ]


def asked_in_vain(keys: Sequence[str], command: Sequence[str]) -> Iterator[str]:
    """Yields a line for each word of a command that asks for one of these keys, which have no effect."""
    for word in command:
        key = key_of(word) if "=" in word and not word.startswith("-") else ""
        if any(key == idle or key.startswith(f"{idle}.") for idle in keys) and not word.endswith(("=null", "=none")):
            yield (
                f"{key}: has no effect here: the LightningModule or LightningDataModule of your own takes nothing of "
                "it; remove it"
            )
