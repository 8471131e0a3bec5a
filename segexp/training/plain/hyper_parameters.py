"""Keeps checkpoints of any LightningModule readable as data: no code in them."""

from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from segexp.runs.console import LOG

KEY = "hyper_parameters"
PLAIN = (str, int, float, bool, type(None), torch.Tensor)


class PlainHyperParameters(Callback):
    """Leaves objects that ``save_hyperparameters`` kept (networks, optimizers) out of checkpoints.

    They would be pickled, and a file with pickled code is not read again. config.yaml says how they are made.
    """

    def __init__(self) -> None:
        self._told = False

    def on_save_checkpoint(self, trainer: pl.Trainer, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Keeps numbers, words, and lists and dicts of them."""
        found = checkpoint.get(KEY)
        if found is None:
            return
        kept = {str(name): plain for name, value in dict(found).items() if (plain := _plain(value)) is not _OBJECT}
        if (left := sorted(set(map(str, found)) - kept.keys())) and not self._told:
            self._told = True
            LOG.info(f"checkpoints leave the hyper-parameters {', '.join(left)} out: they are objects, not values")
        checkpoint[KEY] = kept
        checkpoint.pop("hparams_type", None)


_OBJECT = object()


def _plain(value: Any) -> Any:
    """The value in plain types; ``_OBJECT`` for what has none."""
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, dict):
        inner = {str(key): _plain(item) for key, item in value.items()}
        return _OBJECT if _OBJECT in inner.values() else inner
    if isinstance(value, list | tuple):
        items = [_plain(item) for item in value]
        return _OBJECT if any(item is _OBJECT for item in items) else items
    return _OBJECT
