"""Writes checkpoints so that a kill at any moment leaves the previous file whole."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from segexp.runs.folder import RunFolder
from segexp.system.causes import resource_error

Watched = Callable[[str, str], AbstractContextManager[None]]


class AtomicCheckpointIO(TorchCheckpointIO):
    """Saves beside the target, flushes to the disk, then replaces the target in one step."""

    def __init__(self, watched: Watched = lambda what, kind: nullcontext(), folder: RunFolder | None = None) -> None:
        """Writes whole files or none.

        Args:
            watched: Context in which somebody waits for what is written, see :class:`Watchdog`.
            folder: Of the run; None: files lie anywhere.
        """
        super().__init__()
        self._watched = watched
        self._folder = folder

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Writes ``checkpoint`` (tensors and plain types) to ``path``.

        Raises:
            ResourceError: The disk is full or failed; the previous file is untouched.
            OSError: The folder cannot be written.
            RunFolderGoneError: The run folder is gone, and the file would lie in it.
        """
        target = Path(path)
        if self._folder is not None and target.is_relative_to(self._folder.path.absolute()):
            self._folder.require_there()
        with self._watched(f"the disk, to which {target.name} is written", "checkpoint"):
            self._save(checkpoint, target)

    @staticmethod
    def _save(checkpoint: dict[str, Any], target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        try:
            with partial.open("wb") as stream:
                torch.save(checkpoint, stream)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(partial, target)  # noqa: PTH105
        except BaseException as error:
            # torch says "enforce fail at inline_container", whatever the disk said.
            refused = resource_error(error, str(target), target) if isinstance(error, Exception) else None
            partial.unlink(missing_ok=True)
            if refused is not None:
                raise refused from error
            raise
