"""What is asked for, from the keys of conf/predict.yaml: the same here and on the nodes of a cluster."""

from pathlib import Path

from segexp.config.command_schema import PredictConfig
from segexp.errors import ConfigError
from segexp.inference.load import load
from segexp.inference.model import Model
from segexp.inference.predict.file import Wanted
from segexp.inference.predict.postprocess import Postprocess
from segexp.inference.predict.remote.address import is_remote
from segexp.inference.predict.remote.watch import Bounds
from segexp.inference.predict.worker import FileWorker


def model_of(config: PredictConfig, device: str) -> Model:
    """The model that predicts.

    Args:
        config: Checked and resolved.
        device: Where it works.

    Raises:
        UserError: There is none, or settings do not fit it.
    """
    return load(
        config.run, config.checkpoint, tta=config.tta, threshold=config.threshold, device=device,
        precision=config.precision, image_limit=config.image_limit,
        inference={k: v for k, v in vars(config.inference).items() if v is not None},
    )  # fmt: skip


def wanted_of(config: PredictConfig) -> Wanted:
    """What is written.

    Raises:
        ConfigError: Nothing.
    """
    if not config.write:
        raise ConfigError(
            "write: is empty, so nothing would be predicted; name one or more of mask, probability, overlay, "
            "uncertainty, polygons, as in 'write=[mask,polygons]'"
        )
    return Wanted(
        tuple(config.write),
        config.format,
        config.depth,
        config.polygons.format,
        config.polygons.simplify,
        tuple(config.bands) if config.bands else None,
        Postprocess(**vars(config.postprocess)),
    )


def worker_of(config: PredictConfig, model: Model, *, bars: bool | None = False) -> FileWorker:
    """What predicts a file; ``bars`` as :class:`segexp.inference.predict.worker.FileWorker`."""
    return FileWorker(
        model, wanted_of(config), output_of(config), timeout=config.timeout, bounds=bounds_of(config), bars=bars
    )


def bounds_of(config: PredictConfig) -> Bounds:
    """What one remote file may take."""
    return Bounds(config.total_timeout, config.max_gigabytes)


def output_of(config: PredictConfig) -> Path:
    """The folder of the predictions.

    Raises:
        ConfigError: It is not one of this machine.
    """
    if is_remote(config.output):
        raise ConfigError(
            f"output: {config.output} is a remote address; predictions are written into a folder of this machine. "
            "Give one, and copy it there afterwards"
        )
    return Path(config.output).expanduser()
