"""The table of models as text and as JSON."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict

from segexp.inspection.field import Field
from segexp.inspection.rows import Row, Setting
from segexp.report.table import Table

WIDTH = 110
HEADER = ("model", "parameters", "trainable", "mult-adds", "activations", "field", "any size", "export")
NOTES = (
    "mult-adds    multiply-adds of one forward pass: convolutions and matrix products, counted from shapes; norms, "
    "activations, pooling and interpolation are left out",
    "activations  memory that one training step in float32 keeps for the backward pass inside the model, the image "
    "included, weights and loss not",
    "field        side in pixels of the square that a logit can depend on; a-b: by its place on the grid of the "
    "poolings; whole image: through global pooling or statistics of the image",
    "export       to torch.export and to ONNX, for any size",
)


def as_text(rows: Sequence[Row], setting: Setting) -> str:
    """Figures of all models, then what each of them is and what it cannot do, then what the columns mean."""
    size = f"{setting.in_channels}x{setting.height}x{setting.width}"
    logits = "1 logit" if setting.out_channels == 1 else f"{setting.out_channels} logits"
    title = f"models at 1x{size} (batch, channels, height, width), {logits} per pixel"
    table = Table(title, HEADER, tuple(_cells(row) for row in rows))
    column = 2 + max(len(row.name) for row in rows)
    meanings = [line for row in rows for line in _about(row, column)]
    notes = [line for note in NOTES for line in _wrapped(note, 13)]
    return "\n".join([table.as_text(), "", *meanings, "", *notes])


def as_json(rows: Sequence[Row], setting: Setting) -> str:
    """Exact numbers: ``setting`` and ``models``; bytes and multiply-adds as whole numbers."""
    return json.dumps({"setting": asdict(setting), "models": [row.to_dict() for row in rows]}, indent=2)


def _cells(row: Row) -> tuple[str, ...]:
    if row.cost is None:
        return (row.name, *["-"] * (len(HEADER) - 1))
    kept = row.exceptions.keys()
    missing = [word for key, word in (("torch_export", "torch.export"), ("onnx", "ONNX")) if key in kept]
    return (
        row.name,
        f"{row.cost.parameters:,}",
        f"{row.cost.trainable:,}",
        scaled(row.cost.multiply_adds),
        f"{row.cost.activation_bytes / 2**20:,.1f} MiB",
        _field(row.receptive_field),
        "no" if "any_size" in kept else "yes",
        {0: "yes", 1: f"no {missing[0]}" if missing else "", 2: "no"}[len(missing)],
    )


def scaled(count: int) -> str:
    """A large number with three digits or more and k, M, G or T."""
    for unit, name in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= unit:
            return f"{count / unit:.2f} {name}"
    return str(count)


def _field(field: Field | None) -> str:
    if field is None:
        return "unknown"
    if isinstance(field, str):
        return field
    least, most = field
    return str(most) if least == most else f"{least}-{most}"


def _about(row: Row, column: int) -> list[str]:
    lines = [row.meaning or "no meaning in the first line of its YAML"]
    if row.changed:
        lines.append(f"here with {' '.join(row.changed)}")
    lines += [f"{key}: no, {reason}" for key, reason in row.exceptions.items()]
    lines += [row.problem] if row.problem else []
    first, *others = lines
    return [
        *_wrapped(f"{row.name:<{column}}{first}", column),
        *(line for other in others for line in _wrapped(" " * column + other, column)),
    ]


def _wrapped(text: str, indent: int) -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False)
