"""Going on with a training of any LightningModule: whether its checkpoint fits, which has no record of segexp's."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.utilities.model_helpers import is_overridden

from segexp.config.experiment import Experiment
from segexp.config.migration import migrated_stored
from segexp.config.stored.check import check_stored
from segexp.errors import ConfigError
from segexp.runs.json_yaml import read_yaml
from segexp.training.callbacks.paths import refuse_paths
from segexp.training.resuming.checkpoint import check_not_shorter, check_same, read_resumed, unlike
from segexp.training.resuming.source import with_command

CHANGING = ("setup", "configure_model", "on_load_checkpoint", "on_save_checkpoint")
"""Hooks in which a module may make, leave out or rename weights: its names are compared where it has none of them."""


def check_plain_resume(experiment: Experiment, module: pl.LightningModule) -> int:
    """Checks that a training can go on from ``resume``, before anything is written.

    The config is that of the run folder that the checkpoint lies in; one from elsewhere is taken without.

    Returns:
        The epoch that training starts with, from 0.

    Raises:
        ConfigError: There is no such checkpoint, or it is of another module, or what shapes the training differs.
        DataError: It is damaged.
        StoredError: It names files that are not its own.
    """
    if experiment.resume is None:
        return 0
    source = Path(experiment.resume)
    checkpoint, state, (epoch, _), _ = read_resumed(experiment.resume, lambda found: found["pytorch-lightning_version"])
    refuse_paths(checkpoint.get("callbacks", {}), source)
    _check_weights(state, module, source)
    config = source.resolve().parent.parent / "config.yaml"
    if config.is_file():
        earlier = migrated_stored(read_yaml(config), config)
        check_stored(earlier, config, built=())
        check_same(experiment, earlier)
    check_not_shorter(experiment, epoch, checkpoint, source)
    return epoch


def _check_weights(state: dict[str, Any], module: pl.LightningModule, source: Path) -> None:
    """Refuses weights of other shapes, and of other names where the module has all of its own already."""
    there = {name: tuple(value.shape) for name, value in state.items() if hasattr(value, "shape")}
    here = {name: tuple(value.shape) for name, value in module.state_dict().items() if hasattr(value, "shape")}
    if not module.strict_loading or any(is_overridden(hook, module) for hook in CHANGING):
        both = there.keys() & here.keys()
        there, here = ({name: shapes[name] for name in shapes if name in both} for shapes in (there, here))
    if there != here:
        found = (
            f"resume: {source} holds another model: found {unlike(here, there)}, but the run that resume goes on from "
            f"has {unlike(there, here)}"
        )
        raise ConfigError(with_command(found, source))
