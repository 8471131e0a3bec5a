"""Writes checkpoints so that a kill at any moment leaves the previous file whole."""

import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO


class AtomicCheckpointIO(TorchCheckpointIO):
    """Saves beside the target, flushes to the disk, then replaces the target in one step."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Writes ``checkpoint`` (tensors and plain types) to ``path``.

        Raises:
            OSError: The disk is full or the folder cannot be written; the previous file is untouched.
        """
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        try:
            with partial.open("wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, target)  # noqa: PTH105
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
