"""Makes model, outputs and limits of the keys of conf/predict.yaml: the same here and on the nodes of a cluster."""

from pathlib import Path

from segexp.config.command_schema import PredictConfig
from segexp.errors import ConfigError
from segexp.inference.load import MaskSettings, load, load_members, mask_model, segmentations, task_model
from segexp.inference.model import Model
from segexp.inference.predict.output.settings import OutputSettings
from segexp.inference.predict.postprocessing.settings import Postprocess
from segexp.inference.predict.remote.address import is_remote
from segexp.inference.predict.remote.watch import RemoteLimits
from segexp.inference.predict.worker import FileWorker
from segexp.inference.task_model import TaskModel
from segexp.rasters import Limit


def load_model(config: PredictConfig, device: str) -> Model:
    """Loads the segmentation that predicts.

    Args:
        config: Checked and resolved.
        device: Where it works.

    Raises:
        UserError: There is none, or settings do not fit it.
    """
    return load(
        config.run, config.checkpoint, tta=config.tta, threshold=config.threshold, device=device,
        precision=config.precision, image_limit=config.image_limit, scale=config.scale,
        inference={k: v for k, v in vars(config.inference).items() if v is not None},
    )  # fmt: skip


def load_any_model(config: PredictConfig, device: str) -> Model | TaskModel:
    """Loads the model that predicts, of any kind of task.

    Args:
        config: Checked and resolved.
        device: Where it works.

    Raises:
        UserError: There is none, or settings do not fit it.
    """
    inference = {key: value for key, value in vars(config.inference).items() if value is not None}
    settings = MaskSettings(config.tta, config.threshold, inference, config.precision, config.scale)
    members, limit = load_members(config.run, config.checkpoint, device), Limit(config.image_limit)
    masks = segmentations(members)
    if masks is not None:
        return mask_model(masks, settings, None, limit)
    bands = tuple(config.bands) if config.bands else None
    return task_model(members, bands, limit, settings)


def output_settings(config: PredictConfig) -> OutputSettings:
    """Makes the settings of the outputs.

    Raises:
        ConfigError: No output is named.
    """
    if not config.write:
        raise ConfigError(
            "write: is empty, so nothing would be predicted; name one or more of mask, probability, overlay, "
            "uncertainty, polygons, as in 'write=[mask,polygons]'"
        )
    return OutputSettings(
        tuple(config.write),
        config.format,
        config.depth,
        config.polygons.format,
        config.polygons.simplify,
        tuple(config.bands) if config.bands else None,
        Postprocess(**vars(config.postprocess)),
    )


def make_worker(config: PredictConfig, model: Model, *, bars: bool | None = False) -> FileWorker:
    """Makes the worker that predicts a file; ``bars`` as :class:`segexp.inference.predict.worker.FileWorker`."""
    return FileWorker(
        model,
        output_settings(config),
        resolve_output(config),
        timeout=config.timeout,
        bounds=remote_limits(config),
        bars=bars,
    )


def remote_limits(config: PredictConfig) -> RemoteLimits:
    """Makes the limits of one remote file."""
    return RemoteLimits(config.total_timeout, config.max_gigabytes)


def resolve_output(config: PredictConfig) -> Path:
    """Gives the folder of the predictions.

    Raises:
        ConfigError: It is not one of this machine.
    """
    if is_remote(config.output):
        raise ConfigError(
            f"output: {config.output} is a remote address; predictions are written into a folder of this machine. "
            "Give one, and copy it there afterwards"
        )
    return Path(config.output).expanduser()
