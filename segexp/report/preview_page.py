"""preview.html, and the same tables for the terminal."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from segexp.config.experiment import Experiment
from segexp.config.schema import ObjectConfig
from segexp.report.page_template import load_template
from segexp.report.pictures.contact_sheet import sheet_legend
from segexp.report.pictures.embedded import EmbeddedPicture
from segexp.report.pictures.pixels import Pixels
from segexp.report.pictures.png import encode_png
from segexp.report.table import Table
from segexp.spec import DataSpec

Facts = Mapping[str, Any]


def preview_title(experiment: Experiment) -> str:
    """Says in a line what is previewed."""
    size, choices = experiment.datamodule.get("crop_size"), experiment.invocation.choices
    samples = "whole images" if size is None else f"crops of {size}×{size}"
    names = [experiment.data_name, f"augment={choices.get('augment', 'custom')}"]
    return f"{', '.join(names)}: {samples}, seed {experiment.seed}"


def preview_tables(facts: Facts) -> list[Table]:
    """Classes in the samples, and loading side by side."""
    return [_classes(facts), _loading(facts["timing"])]


def _classes(facts: Facts) -> Table:
    """Shares of the classes; of a target without classes what there is."""
    if not facts["classes"]:
        row = (facts["kind"], f"{facts['samples_per_epoch']:,}", f"{facts['images']:,}")
        return Table("samples: their target has no classes", ("target", "samples of an epoch", "images"), (row,))
    columns = COLUMNS if facts["classes_of"] == "pixels" else LABEL_COLUMNS
    rows = [(name, *(f"{facts[key][number]:.1%}" for key in columns)) for number, name in enumerate(facts["classes"])]
    heads = ("class", *columns.values())
    heading = f"classes in {facts['counted']} of the {facts['samples_per_epoch']} samples of an epoch"
    ignored = f"; ignored: {facts['ignored']:.1%} of their pixels" if facts["classes_of"] == "pixels" else ""
    return Table(f"{heading}{ignored}", heads, tuple(rows))


COLUMNS = {
    "share_in_samples": "pixels of samples",
    "share_in_images": "pixels of images",
    "samples_with": "samples with it",
    "images_with": "images with it",
}
LABEL_COLUMNS = {"samples_with": "samples of it", "images_with": "images of it"}
"""Where an image is of one class."""


def _loading(timing: Facts) -> Table:
    step = timing["step"]
    heads: tuple[str, ...] = ("loading processes", "first batch (s)", "samples/s", "batch (ms)")
    rows = [
        (str(one["workers"]), f"{one['start']:.2f}", f"{one['samples']:,.0f}", f"{1000 * one['batch']:.1f}")
        for one in timing["loading"]
    ]
    heading = f"loading of batches of {timing['batch_size']}"
    if step is None:
        return Table(heading, heads, tuple(rows))
    waits = [one["waiting"] for one in timing["loading"]]
    waited = [(f"{1000 * wait:.1f}", f"{wait / (wait + step):.0%}") for wait in waits]
    heading += f"; a training step on {timing['device']} takes {1000 * step:.0f} ms"
    heads = (*heads, "wait of a step (ms)", "share of the time")
    return Table(heading, heads, tuple((*row, *more) for row, more in zip(rows, waited, strict=True)))


def format_preview(facts: Facts) -> str:
    """The tables and notes for the terminal."""
    notes = "\n".join(f"note: {note}" for note in facts["notes"])
    return "\n\n".join(block for block in (*(table.as_text() for table in preview_tables(facts)), notes) if block)


def render_preview(
    experiment: Experiment, facts: Facts, rows: Sequence[Pixels], spec: DataSpec, heading: str, epochs: int
) -> str:
    """The page as text: it needs nothing else."""
    classes, loading = preview_tables(facts)
    return load_template("preview.html.j2").render(
        above="segexp preview",
        title=heading,
        summary=_summary(experiment, facts, epochs),
        notes=facts["notes"],
        colours=[(f"rgb{entry.colour}", entry.name) for entry in sheet_legend(spec, ignored=facts["ignored"] > 0)],
        rows=[_embedded(row, number) for number, row in enumerate(rows, 1)],
        classes=classes,
        loading=loading,
        has_step=facts["timing"]["step"] is not None,
        augment=yaml.safe_dump(_keys(experiment.augment), sort_keys=False),
        command=facts["command"],
    )


def _keys(section: ObjectConfig) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key != "_target_"}


def _summary(experiment: Experiment, facts: Facts, epochs: int) -> list[tuple[str, str]]:
    data = experiment.datamodule
    return [
        ("samples an epoch", f"{facts['samples_per_epoch']:,}"),
        ("batch", str(facts["timing"]["batch_size"])),
        ("sampling", str(data["sampling"])),
        ("positive fraction", str(data["positive_fraction"])),
        ("epochs shown", str(epochs)),
        ("seed", str(experiment.seed)),
    ]


def _embedded(row: Pixels, number: int) -> EmbeddedPicture:
    source = base64.b64encode(encode_png(row)).decode("ascii")
    return EmbeddedPicture(f"data:image/png;base64,{source}", "", f"sample {number}")
