"""A run folder that was moved, and then goes on: files of its callbacks that keep checkpoints are found again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from segexp.training.callbacks.paths import FOLDER, KEYS


class FollowFolder(Callback):
    """Tells each ModelCheckpoint of the user's where its files are now.

    Lightning compares its folder with the one in the checkpoint, and where they differ forgets which files it has kept:
    they would be neither judged nor replaced.
    """

    def __init__(self, folder: Path) -> None:
        """Knows where the run folder is now."""
        self._folder = folder

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Writes the paths anew in the states that the callbacks are about to get."""
        for callback in trainer.callbacks:  # type: ignore[attr-defined] # Trainer sets it
            state = checkpoint["callbacks"].get(callback.state_key)
            own = type(callback).__module__.startswith("segexp.")  # these follow by themselves
            if isinstance(callback, ModelCheckpoint) and callback.dirpath and isinstance(state, Mapping) and not own:
                checkpoint["callbacks"][callback.state_key] = moved(state, str(callback.dirpath), self._folder)


def follow_folder(resume: str | None, folder: Path) -> list[Callback]:
    """The callback for a run that goes on in its own folder; none for others, whose files are not theirs."""
    inside = resume is not None and folder.resolve() in Path(resume).resolve().parents
    return [FollowFolder(folder)] if inside else []


def moved(state: Mapping[str, Any], here: str, folder: Path) -> Mapping[str, Any]:
    """The state of a ModelCheckpoint with the paths of today.

    Args:
        state: As a checkpoint holds it.
        here: The folder of its files today.
        folder: The run folder; a folder of files that lies out of it has not moved with it.
    """
    there = str(state.get(FOLDER) or "")
    if not there or "://" in there or "://" in here or not Path(here).resolve().is_relative_to(folder.resolve()):
        return state
    inner = Path(here).resolve().relative_to(folder.resolve()).parts
    if there == here or not inner or Path(there).parts[-len(inner) :] != inner:
        return state

    def today(path: str) -> str:
        known = Path(path).is_relative_to(there)
        return str(Path(here) / Path(path).relative_to(there)) if known else path

    paths = {key: today(str(state[key])) for key in KEYS if state.get(key)}
    best = {today(str(path)): score for path, score in (state.get("best_k_models") or {}).items()}
    return {**state, **paths, FOLDER: here, "best_k_models": best}
