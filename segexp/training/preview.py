"""The preview command: training samples as they are drawn, what classes they hold, and how fast they come."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.config.batch_size import batch_size_is_auto
from segexp.config.experiment import Experiment
from segexp.config.overrides.quoting import given_line
from segexp.config.schema import PreviewConfig
from segexp.data.base import ImageDataModule
from segexp.data.sampling.drawn_samples import Drawn, class_pixels, draw_sample, spread_indices
from segexp.data.sampling.loader import make_loader
from segexp.data.sampling.samples import KeyedSampler, RandomCrops
from segexp.data.sampling.throughput import Throughput, measure
from segexp.data.sampling.worker_errors import killed_worker
from segexp.report import preview_page
from segexp.report.pictures.contact_sheet import SheetCell, draw_row, draw_sheet
from segexp.report.pictures.pixels import Pixels
from segexp.report.pictures.png import save_png
from segexp.runs.folder import RunFolder
from segexp.spec import IGNORED, DataSpec
from segexp.system.causes import reason_of
from segexp.tasks.base import BaseTask
from segexp.training.building.datamodule import build_datamodule
from segexp.training.estimate.step_time import seconds_per_step
from segexp.training.hardware import device_type, with_hardware
from segexp.training.prepare import prepare, settled

COUNTED = 200
"""Samples whose classes are counted."""
SECONDS = 2.0
"""How long each number of loading processes, and the step, is measured."""


def preview(experiment: Experiment, own: PreviewConfig, *, step: bool, allocator: bool) -> str:
    """Draws, counts, measures and writes.

    Args:
        experiment: Whose samples are shown.
        own: The keys of conf/preview.yaml.
        step: Whether to measure a training step too.
        allocator: Whether the allocator setting is in force.

    Returns:
        The tables, and where preview.html, preview.png and preview.json lie.

    Raises:
        UserError: As a training.
    """
    experiment, datamodule, module = _prepared(experiment, step=step, allocator=allocator)
    crops = datamodule.train_samples()
    rows = _rows(datamodule, crops, own.epochs, own.images)
    facts = _facts(datamodule, crops) | {
        "command": given_line(experiment.invocation.command),
        "timing": _timing(experiment, own.workers, datamodule, module),
    }
    title = preview_page.preview_title(experiment)
    folder = RunFolder.create(Path(experiment.output_dir) / "preview")
    # The figures first: a picture or page that fails costs none of them.
    folder.write_json("preview.json", facts)
    spec, epochs = datamodule.spec, own.epochs
    made = {
        "html": lambda: folder.write_text(
            "preview.html", preview_page.render_preview(experiment, facts, rows, spec, title, epochs)
        ),
        "png": lambda: save_png(
            folder.path / "preview.png", draw_sheet(rows, spec, title, ignored=facts["ignored"] > 0)
        ),
    }
    files = [_file(folder.path / f"preview.{name}", make) for name, make in made.items()]
    return "\n".join([preview_page.format_preview(facts), "", *files, f"json      {folder.path / 'preview.json'}"])


def _file(path: Path, make: Callable[[], object]) -> str:
    """The line of a file that was made, or that could not be."""
    try:
        make()
    except Exception as error:  # whatever a library raises, the figures stand
        return f"not made: {path} ({reason_of(error)})"
    return f"{path.suffix[1:]:<10}{path}"


def _prepared(
    experiment: Experiment, *, step: bool, allocator: bool
) -> tuple[Experiment, ImageDataModule, BaseTask | None]:
    """The data, with the module only where a training step is measured."""
    if step or batch_size_is_auto(experiment.datamodule):
        found = prepare(with_hardware(experiment), allocator=allocator)
        return found.experiment, found.datamodule, found.module if step else None
    datamodule = build_datamodule(experiment.datamodule, experiment.augment, experiment.resume)
    datamodule.setup()
    return settled(experiment, datamodule), datamodule, None


def _rows(datamodule: ImageDataModule, crops: RandomCrops, epochs: int, images: int) -> list[Pixels]:
    """A row for each sample: its image with the places marked, then the sample in each epoch."""
    rows = []
    for index in spread_indices(len(crops), images):
        drawn = [draw_sample(crops, epoch, index) for epoch in range(epochs)]
        rows.append(draw_row([_original(drawn, datamodule.spec), *_cells(drawn)], datamodule.spec))
    return rows


def _original(drawn: Sequence[Drawn], spec: DataSpec) -> SheetCell:
    item = drawn[0].item
    of_class = f", {spec.classes[int(item.target)]}" if item.form.classes_of == "image" else ""
    marks = [(str(epoch), one.corners) for epoch, one in enumerate(drawn, 1) if one.item is item]
    mask = item.class_window(0, 0, *item.shape)
    return SheetCell(f"{item.name}, {item.shape[1]}×{item.shape[0]}{of_class}", item.image, mask, marks)


def _cells(drawn: Sequence[Drawn]) -> list[SheetCell]:
    """Samples; one from another image than the first says so."""
    names = [one.item.name if one.item is not drawn[0].item else "" for one in drawn]
    return [
        SheetCell(f"epoch {epoch}{f', {name}' * bool(name)}", one.image, one.mask)
        for epoch, (one, name) in enumerate(zip(drawn, names, strict=True), 1)
    ]


def _facts(datamodule: ImageDataModule, crops: RandomCrops) -> dict[str, Any]:
    """What classes the samples hold, beside the whole images."""
    classes = len(datamodule.spec.classes)
    indices = spread_indices(len(crops), COUNTED)
    counts = class_pixels(crops, 0, indices)
    whole = datamodule.class_pixels("train")
    items = datamodule.items("train")
    classes_of = items[0].form.classes_of
    return {
        "samples_per_epoch": len(crops),
        "counted": len(indices),
        "images": len(items),
        "kind": datamodule.spec.kind,
        "classes": list(datamodule.spec.classes),
        "classes_of": classes_of,
        "share_in_samples": _shares(counts[:, :classes]),
        "share_in_images": _shares(whole),
        "samples_with": [float(share) for share in (counts[:, :classes] > 0).mean(axis=0)],
        "images_with": [float(share) for share in (whole > 0).mean(axis=0)],
        "ignored": float(counts[:, IGNORED].sum() / max(1, counts.sum())) if classes_of == "pixels" else 0.0,
        "notes": list(datamodule.notes),
    }


def _shares(counts: NDArray[np.int64]) -> list[float]:
    total = max(1, int(counts.sum()))
    return [float(pixels / total) for pixels in counts.sum(axis=0)]


def _timing(
    experiment: Experiment, workers: list[int], datamodule: ImageDataModule, module: BaseTask | None
) -> dict[str, Any]:
    """Loading side by side, and how long training would wait for it."""
    samples, options = datamodule.loaded_samples(), datamodule.loader
    try:
        found = list(measure(samples, options, workers, SECONDS))
    except RuntimeError as error:
        if (killed := killed_worker(error)) is not None:
            raise killed from error
        raise
    device = device_type(experiment.trainer.accelerator)
    seconds = None if module is None else _step_seconds(datamodule, module, device, experiment.trainer.precision)
    return {
        "batch_size": options.batch_size,
        "step": seconds,
        "device": device,
        "loading": [{**asdict(one), "waiting": _waiting(one, seconds)} for one in found],
    }


def _step_seconds(datamodule: ImageDataModule, module: BaseTask, device: str, precision: str | None) -> float:
    crops = datamodule.train_samples()
    sampler = KeyedSampler(len(crops), crops.seed, shuffle=True)
    loader = make_loader(crops, sampler, replace(datamodule.loader, num_workers=0), training=True)
    batch: Any = next(iter(loader))
    return seconds_per_step(module, batch, device, SECONDS, precision)


def _waiting(found: Throughput, step: float | None) -> float | None:
    """Seconds of each step in which training waits: all of the loading without processes, else what is left of it."""
    if step is None:
        return None
    return found.batch if found.workers == 0 else max(0.0, found.batch - step)
