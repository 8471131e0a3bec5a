"""Prints the table of models as text or JSON."""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict

import torch

from segexp.config.overrides.model_options import ModelOption
from segexp.errors import ConfigError
from segexp.inspection.field import Field
from segexp.inspection.layers import layer_rows, layer_sizes, layers_as_dict, layers_as_text
from segexp.inspection.rows import InputSetting, ModelRow, build_on_meta, measure_model, measure_or_explain
from segexp.report.table import Table


def show_models(
    options: Sequence[ModelOption], size: int | list[int], in_channels: int, classes: int, form: str
) -> str:
    """Measures models and formats their table.

    Args:
        options: Models; of several, one that fails says why in its row, a single one raises.
        size: Side of the image, or [height, width].
        in_channels: Channels of the image.
        classes: Two need one logit, as in :class:`~segexp.spec.DataSpec`.
        form: ``table`` or ``json``.

    Raises:
        ConfigError: The size is no side and no pair; the only model refuses a value.
        InputSizeError: The size is too small for the only model.
    """
    setting = _setting(size, in_channels, classes)
    measure = measure_model if len(options) == 1 else measure_or_explain
    rows = [measure(each.name, each.meaning, each.changed, each.section, setting) for each in options]
    return (models_as_json if form == "json" else models_as_text)(rows, setting)


def show_layers(
    options: Sequence[ModelOption], size: int | list[int], in_channels: int, classes: int, form: str
) -> str:
    """Lists the layers of one model with shapes, weights and memory; arguments as for :func:`show_models`.

    Raises:
        ConfigError: The size is no side and no pair; the model refuses a value.
        InputSizeError: The size is too small for the model.
    """
    setting, option = _setting(size, in_channels, classes), options[0]
    shape = (setting.in_channels, setting.height, setting.width)
    model = build_on_meta(option.section, setting)
    rows = layer_rows(model, torch.empty(1, *shape, device="meta"))
    parameters = sum(weights.numel() for weights in model.parameters())
    sizes = layer_sizes(rows, shape, parameters)
    if form == "json":
        return json.dumps(layers_as_dict(rows, sizes), indent=2)
    return layers_as_text(option.name, rows, sizes, parameters)


def _setting(size: int | list[int], in_channels: int, classes: int) -> InputSetting:
    sides = [size, size] if isinstance(size, int) else size
    if len(sides) != 2:
        raise ConfigError(f"size: found {size}, expected a side or [height,width]")
    return InputSetting(sides[0], sides[1], in_channels, 1 if classes == 2 else classes)


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


def models_as_text(rows: Sequence[ModelRow], setting: InputSetting) -> str:
    """Formats figures of all models, then what each of them is and cannot do, then the meaning of the columns."""
    size = f"{setting.in_channels}x{setting.height}x{setting.width}"
    logits = "1 logit" if setting.out_channels == 1 else f"{setting.out_channels} logits"
    if any(row.whole_image for row in rows):
        logits += f" per pixel, of classifiers {max(2, setting.out_channels)} per image"
    else:
        logits += " per pixel"
    title = f"models at 1x{size} (batch, channels, height, width), {logits}"
    table = Table(title, HEADER, tuple(_cells(row) for row in rows))
    column = 2 + max(len(row.name) for row in rows)
    meanings = [line for row in rows for line in _about(row, column)]
    notes = [line for note in NOTES for line in _wrapped(note, 13)]
    return "\n".join([table.as_text(), "", *meanings, "", *notes])


def models_as_json(rows: Sequence[ModelRow], setting: InputSetting) -> str:
    """Formats exact numbers: ``setting`` and ``models``; bytes and multiply-adds as whole numbers."""
    return json.dumps({"setting": asdict(setting), "models": [row.to_dict() for row in rows]}, indent=2)


def _cells(row: ModelRow) -> tuple[str, ...]:
    if row.cost is None:
        return (row.name, *["-"] * (len(HEADER) - 1))
    kept = row.exceptions.keys()
    missing = [word for key, word in (("torch_export", "torch.export"), ("onnx", "ONNX")) if key in kept]
    return (
        row.name,
        f"{row.cost.parameters:,}",
        f"{row.cost.trainable:,}",
        format_scaled(row.cost.multiply_adds),
        f"{row.cost.activation_bytes / 2**20:,.1f} MiB",
        _field(row.receptive_field),
        "no" if "any_size" in kept else "yes",
        {0: "yes", 1: f"no {missing[0]}" if missing else "", 2: "no"}[len(missing)],
    )


def format_scaled(count: int) -> str:
    """Formats a large number with three digits or more and k, M, G or T."""
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


def _about(row: ModelRow, column: int) -> list[str]:
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
