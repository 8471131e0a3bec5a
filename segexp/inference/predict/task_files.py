"""Predictions of any kind of task but segmentation: a row of predictions.csv for each file, and a picture of some."""

import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from segexp.config.command_schema import PredictConfig
from segexp.errors import ConfigError, DataError, SegexpError
from segexp.inference.pixels import fit_channels
from segexp.inference.predict.engines.base import PROGRESS_BARS
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.output.settings import OutputSettings
from segexp.inference.predict.output_folder import FACTS, SUMMARY
from segexp.inference.predict.settings import output_settings, remote_limits
from segexp.inference.stopping import told_when_stopped
from segexp.inference.task_model import TaskModel
from segexp.report.pictures.png import save_png
from segexp.runs.console import LOG
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
    masks, asked = _values(OutputSettings()), _values(output_settings(config))
    for key, value in asked.items():
        if value != masks[key]:
            raise ConfigError(
                f"{key}: found {value}, but {_kind(model)}, of which {TABLE} is written, and <name>.png where the task "
                "draws a picture; leave it"
            )
    for name in (TABLE, FACTS, SUMMARY):
        if (output / name).exists() and (name != TABLE or not config.overwrite):
            advice = ", or overwrite=true" if name == TABLE else ": it holds predictions of masks"
            raise DataError(f"output: {output / name} is there already; give another folder{advice}")


def _values(settings: OutputSettings) -> dict[str, Any]:
    """Settings of the predictions of masks, by their keys in conf/predict.yaml."""
    return {
        "write": f"[{','.join(settings.write)}]",
        "format": settings.form,
        "depth": settings.depth,
        "polygons.format": settings.polygons,
        "polygons.simplify": settings.simplify,
        **{f"postprocess.{key}": value for key, value in vars(settings.postprocess).items()},
    }


def predict_task_files(
    config: PredictConfig, model: TaskModel, files: Sequence[Input], output: Path, command: Sequence[str] = ()
) -> str:
    """Predicts one file after the other; what happens with one does not end the others.

    The table is written where it is broken off, too.

    Args:
        config: Checked by :func:`check_task_settings`.
        model: Of any kind.
        files: The files.
        output: Folder of the predictions.
        command: Words by which it was started, to be proposed again after Ctrl-C; empty: by a program.

    Returns:
        The last line for the terminal.

    Raises:
        SomeFilesFailed: Names how many.
    """
    LOG.info(f"run         {model.sources[0].name}, {model.spec.kind}")
    LOG.info(f"files       {len(files)}, predictions into {output}")
    rows: list[dict[str, Any]] = []
    taken = set[Path]()
    hidden = {None: None, True: False, False: True}[PROGRESS_BARS[config.progress]]
    anew = [*(word for word in command if not word.startswith("overwrite=")), "overwrite=true"] if command else []
    with told_when_stopped(anew, lambda: f"{len(rows)} of {len(files)} files stand in {output / TABLE}"):
        try:
            for file in tqdm(files, "files", len(files), unit="file", disable=hidden):
                rows.append(_row(config, model, file, output, taken))
        finally:
            if rows:
                replace_file(output / TABLE, utf8(format_csv(rows)))
    failed = sum(row["state"] == "failed" for row in rows)
    text = f"{len(rows) - failed} done{f', {failed} failed' * bool(failed)}; see {output / TABLE}"
    if failed:
        raise SomeFilesFailed(text)
    return text


def _row(config: PredictConfig, model: TaskModel, file: Input, output: Path, taken: set[Path]) -> dict[str, Any]:
    """The row of a file, which may have failed; ``taken`` are the names of those before it."""
    row: dict[str, Any] = {"file": str(file), "state": "done", "error": ""}
    try:
        if file.stem in taken:
            raise DataError(f"{file}: another file has its name without ending; predict it into another folder")
        taken.add(file.stem)
        row |= _predicted(config, model, file, output)
    except Exception as error:  # any file must not end the others
        found = error if isinstance(error, SegexpError) else resource_error(error, str(file), output) or error
        row |= {"state": "failed", "error": " ".join(str(found).split())}
        LOG.error(row["error"] if str(file) in row["error"] else f"{file}: {row['error']}")
        if config.debug:
            traceback.print_exception(error)
    return row


def _predicted(config: PredictConfig, model: TaskModel, file: Input, output: Path) -> dict[str, float | str]:
    """The cells of a file; its picture is saved."""
    with file.opened(config.timeout, remote_limits(config), model.limit) as image:
        luminance = model.config.datamodule.get("channels") == "grey"
        raster = fit_channels(image.raster, model.spec, luminance=luminance, bands=model.bands)
        said = model.predict_pixels(raster.read())
    path = output / f"{file.stem}.png"
    if said.image is not None:
        if file.is_here:
            with suppress(OSError):
                if path.samefile(file.address):
                    raise DataError(f"{file}: its prediction would replace it; give another output")
        if path.exists() and not config.overwrite:
            raise DataError(f"{path} is there already; give another output, or overwrite=true")
        save_png(path, said.image)
    return dict(said.values) | ({"picture": f"{file.stem.as_posix()}.png"} if said.image is not None else {})


def _kind(model: TaskModel) -> str:
    return f"{model.sources[0].name} is of kind {model.spec.kind}"
