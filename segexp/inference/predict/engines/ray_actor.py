"""A process of Ray with a model that predicts files; imports torch only there, after its settings are made."""

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from segexp.config.command_schema import PredictConfig
from segexp.errors import DataError
from segexp.system.allocator import tune_allocator

if TYPE_CHECKING:
    from segexp.inference.predict.inputs import Input
    from segexp.inference.predict.worker import FileResult, FileWorker


class PredictionActor:
    """Actor with a model, made on a node of the cluster."""

    def __init__(self, config: PredictConfig, device: str, cwd: Path, shared: dict[str, str]) -> None:
        """Keeps what it needs.

        Args:
            config: Checked and resolved, see conf/predict.yaml.
            device: Where the model works.
            cwd: Where the command was typed; relative paths count from there.
            shared: Variables of the environment of the command, such as the server of a bucket.
        """
        os.environ.update(shared)
        self._config, self._device, self._cwd = config, device, cwd
        self._worker: FileWorker | None = None

    def ready(self, weights: str) -> None:
        """Loads the model.

        Args:
            weights: Fingerprint of those that are meant.

        Raises:
            SegexpError: The model cannot be loaded here, or is another one.
        """
        if not self._cwd.is_dir():
            raise DataError(f"{self._cwd}: no such folder on {socket.gethostname()}; all machines must share it")
        os.chdir(self._cwd)
        tune_allocator("auto")
        from segexp.inference.predict.output_folder import weights_fingerprint
        from segexp.inference.predict.settings import load_model, make_worker

        model = load_model(self._config, self._device)
        found = weights_fingerprint(model)
        if found != weights:
            raise DataError(f"run: on {socket.gethostname()} it has other weights ({found}, here {weights})")
        self._worker = make_worker(self._config, model)

    def predict(self, file: "Input", *, overwrite: bool) -> "FileResult | None":
        """Predicts a file, see :class:`segexp.inference.predict.worker.FileWorker`."""
        return None if self._worker is None else self._worker(file, overwrite=overwrite)
