"""Predictions of any kind of task but segmentation: a row of predictions.csv for each file, and a picture of some."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from segexp.config.command_schema import PredictConfig
from segexp.errors import ConfigError, DataError, SegexpError
from segexp.inference.pixels import fit_channels
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.remote.watch import RemoteLimits
from segexp.inference.task_model import TaskModel
from segexp.report.pictures.png import save_png
from segexp.runs.console import LOG, progress
from segexp.runs.files import replace_file
from segexp.runs.table_file import format_csv
from segexp.runs.text import utf8
from segexp.system.causes import resource_error

TABLE = "predictions.csv"


class SomeFilesFailed(SegexpError):
    """Some files could not be predicted; the others were."""


def check_task_settings(config: PredictConfig, model: TaskModel, output: Path) -> None:
    """Refuses, before anything is written, what is for segmentations alone, and a folder that holds predictions.

    Raises:
        ConfigError: A key is for another kind of task, or the task does not say what its outputs mean.
        DataError: There are predictions already.
    """
    model.refuse_silent()
    if config.engine != "local":
        raise ConfigError(f"engine: found {config.engine}, but {_kind(model)}, which is predicted here; use local")
    if (output / TABLE).exists() and not config.overwrite:
        raise DataError(f"output: {output / TABLE} is there already; give another folder, or overwrite=true")


def predict_task_files(
    model: TaskModel, files: Sequence[Input], output: Path, timeout: float, bounds: RemoteLimits
) -> str:
    """Predicts one file after the other; what happens with one does not end the others.

    Args:
        model: Of any kind.
        files: The files.
        output: Folder of the predictions.
        timeout: Seconds without an answer after which a remote file is given up.
        bounds: What a remote file may take in all.

    Returns:
        The last line for the terminal.

    Raises:
        SomeFilesFailed: Names how many.
    """
    LOG.info(f"run         {model.sources[0].name}, {model.spec.kind}")
    LOG.info(f"files       {len(files)}, predictions into {output}")
    rows, taken = [], set[Path]()
    for file in progress(files, len(files), "predicting"):
        row: dict[str, Any] = {"file": str(file), "state": "done", "error": ""}
        try:
            if file.stem in taken:
                raise DataError(f"{file}: another file has its name without the ending; predict it into another folder")
            taken.add(file.stem)
            row |= _predicted(model, file, output, timeout, bounds)
        except Exception as error:  # any file must not end the others
            found = error if isinstance(error, SegexpError) else resource_error(error, str(file), output) or error
            row |= {"state": "failed", "error": " ".join(str(found).split())}
            LOG.error(row["error"] if str(file) in row["error"] else f"{file}: {row['error']}")
        rows.append(row)
    replace_file(output / TABLE, utf8(format_csv(rows)))
    failed = sum(row["state"] == "failed" for row in rows)
    text = f"{len(rows) - failed} done{f', {failed} failed' * bool(failed)}; see {output / TABLE}"
    if failed:
        raise SomeFilesFailed(text)
    return text


def _predicted(
    model: TaskModel, file: Input, output: Path, timeout: float, bounds: RemoteLimits
) -> dict[str, float | str]:
    """The cells of a file; its picture is saved."""
    with file.opened(timeout, bounds, model.limit) as image:
        luminance = model.config.datamodule.get("channels") == "grey"
        raster = fit_channels(image.raster, model.spec, luminance=luminance, bands=model.bands)
        said = model.predict_pixels(raster.read())
    path = output / f"{file.stem}.png"
    if said.image is not None:
        if file.is_here:
            with suppress(OSError):
                if path.samefile(file.address):
                    raise DataError(f"{file}: its prediction would replace it; give another output")
        save_png(path, said.image)
    return dict(said.values) | ({"picture": path.name} if said.image is not None else {})


def _kind(model: TaskModel) -> str:
    return f"{model.sources[0].name} is of kind {model.spec.kind}"
