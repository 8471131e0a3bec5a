"""Composes experiments in Python, from the same words as the command line."""

from collections.abc import Sequence
from pathlib import Path

from segexp.cli.app import compose_training
from segexp.config.experiment import Experiment

Folders = str | Path | Sequence[str | Path]


def compose(*overrides: str, config_dir: Folders = ()) -> Experiment:
    """Composes a training and checks it whole; nothing is read, written or trained, and torch is not imported.

    ::

        from segexp import compose

        experiment = compose("model=unet", "optimizer.lr=1e-3")
        experiment.trainer.max_epochs, experiment.plain()["optimizer"]["lr"]

    Args:
        overrides: As on the command line, a word each: options of groups, keys, ``+key=value``, ``~key``.
        config_dir: Folders with groups and options of your own.

    Raises:
        ConfigError: A group, an option, a key or a value is unknown; the nearest name is told.
    """
    return compose_training(as_words(overrides, config_dir))


def as_words(overrides: Sequence[str], config_dir: Folders) -> list[str]:
    """Gives the words of the command line that says the same."""
    folders = [config_dir] if isinstance(config_dir, str | Path) else list(config_dir)
    return [*(word for folder in folders for word in ("--config-dir", str(folder))), *overrides]
