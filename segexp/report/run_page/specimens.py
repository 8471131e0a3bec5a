"""The test images that a report shows: image, truth, prediction, errors and probability as layers."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segexp.errors import DataError, one_line
from segexp.report import values
from segexp.report.pictures.colours import Colour
from segexp.report.pictures.embedded import MOST
from segexp.report.pictures.layers import NAMES, read_layer
from segexp.report.pictures.overlays import (
    DASH,
    colour_probability,
    fill_classes,
    outline_classes,
    overlay_errors,
)
from segexp.report.pictures.pixels import IGNORED_LIGHT, TRUE_POSITIVE, Pixels, error_colours, wrong_colours
from segexp.report.pictures.png import COMPACT, encode_photo, encode_png
from segexp.runs import entries
from segexp.runs.contents import RunContents
from segexp.runs.paths import path_inside
from segexp.spec import IGNORED, DataSpec, MaskTarget


@dataclass(frozen=True)
class Layer:
    """One picture: ``key`` for the script, name for people, ``data:`` address."""

    key: str
    name: str
    source: str


@dataclass(frozen=True)
class Specimen:
    """An image with its layers.

    Attributes:
        rank: ``worst``, ``middle`` or ``best``.
        image: Name of the image.
        figures: (name, text) of its measures.
        width: Of the layers, in pixels.
        height: Of the layers.
        size: Size of the image in words.
        layers: The image first.
    """

    rank: str
    image: str
    figures: list[tuple[str, str]]
    width: int
    height: int
    size: str
    layers: list[Layer]


@dataclass(frozen=True)
class Swatch:
    """A colour with what it means and the layers where it is seen."""

    colour: str
    name: str
    layers: str


def specimens(folder: RunContents) -> tuple[list[Specimen], list[str]]:
    """Panels of results.json that have layers, from worst to best; none where the run has no colours of classes.

    Returns:
        Those whose layers can be shown; and a line for each that cannot, which the page says in its place.
    """
    spec = spec_of(folder.results)
    panels = folder.results.get("panels")
    if spec is None or not isinstance(panels, list):
        return [], []
    shown: list[Specimen] = []
    left_out: list[str] = []
    for entry in [entry for entry in panels if isinstance(entry, Mapping)][:MOST]:
        if (place := _layers_of(folder, entry)) is None:
            continue
        try:
            shown.append(_specimen(place, entry, spec))
        except (DataError, OSError) as error:
            left_out.append(f"The picture of {entries.to_text(entry.get('image')) or place.name}: {one_line(error)}")
    return shown, left_out


def _layers_of(folder: RunContents, entry: Mapping[str, Any]) -> Path | None:
    """Where the layers of a panel lie, if all of them lie in the run folder."""
    place = entry.get("layers")
    files = [path_inside(folder.path, f"{place}/{name}.png") for name in NAMES] if place else [None]
    return folder.path / str(place) if all(file is not None and file.is_file() for file in files) else None


def spec_of(results: Mapping[str, Any]) -> DataSpec | None:
    """Names and colours of the classes; None where results.json lacks one of the two."""
    classes, colours = entries.classes_of(results), entries.get_in(results, "task", "colours")
    if not isinstance(colours, list) or len(colours) != len(classes):
        return None
    return DataSpec(MaskTarget(tuple(classes), tuple((int(r), int(g), int(b)) for r, g, b in colours)))


def _specimen(place: Path, entry: Mapping[str, Any], spec: DataSpec) -> Specimen:
    image, truth, prediction, probability = (read_layer(place / f"{name}.png") for name in NAMES)
    if not image.shape[:2] == truth.shape == prediction.shape == probability.shape:
        raise DataError(f"{place}: the layers differ in size. Were they replaced? Run the test again.")
    for name, labels in (("truth", truth), ("prediction", prediction)):
        _refuse_no_class(place / f"{name}.png", labels, len(spec.classes))
    certain = f"probability of {spec.classes[1]}" if spec.is_binary else "probability of the predicted class"
    layers = [
        Layer("image", "image", _data(*encode_photo((place / "image.png").read_bytes()))),
        Layer("truth", "truth", _embed(fill_classes(truth, spec.colours))),
        Layer("prediction", "prediction", _embed(fill_classes(prediction, spec.colours))),
        Layer("errors", "errors", _embed(overlay_errors(truth, prediction, spec))),
        Layer("probability", certain, _data(*encode_photo(encode_png(colour_probability(probability), COMPACT)))),
        Layer("truth-outline", "outline of the truth", _embed(outline_classes(truth, spec.colours))),
        Layer(
            "prediction-outline",
            "outline of the prediction",
            _embed(outline_classes(prediction, spec.colours, DASH)),
        ),
    ]
    figures = entry.get("figures")
    lines = [(str(name), values.format_measure(value, 3)) for name, value in (figures or {}).items()]
    height, width = truth.shape
    return Specimen(
        entries.to_text(entry.get("rank")), entries.to_text(entry.get("image")), lines, width, height,
        _size(entry.get("size"), height, width), layers,
    )  # fmt: skip


def _refuse_no_class(path: Path, labels: Pixels, classes: int) -> None:
    """Refuses a layer with a value that is no class number, whose pixel would have no colour."""
    wrong = [value for value in np.unique(labels).tolist() if value >= classes and value != IGNORED]
    if wrong:
        found = f"{path} holds the value {wrong[0]}, which is none of {classes} classes"
        raise DataError(f"{found}. Was it replaced? Run the test again.")


def _size(size: object, height: int, width: int) -> str:
    full = (
        size
        if isinstance(size, list) and len(size) == 2 and all(side and side > 0 for side in size)
        else [height, width]
    )
    shown = "" if full[0] == height else f", shown at {100 * height / full[0]:.0f} %"
    return f"{full[1]} × {full[0]} pixels{shown}"


def _embed(pixels: Pixels) -> str:
    return _data(encode_png(pixels, COMPACT))


def _data(content: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def swatches(results: Mapping[str, Any]) -> list[Swatch]:
    """The legend of the layers."""
    spec = spec_of(results)
    if spec is None:
        return []
    masks = "truth prediction"
    found = [Swatch(_hex(colour), name, masks) for colour, name in zip(spec.colours, spec.classes, strict=True)]
    if spec.is_binary:
        positive, negative = error_colours(spec)
        found += [
            Swatch(_hex(TRUE_POSITIVE), "found", "errors"),
            Swatch(_hex(positive), "error: false", "errors"),
            Swatch(_hex(negative), "error: missed", "errors"),
        ]
    else:
        wrong = zip(wrong_colours(spec), spec.classes, strict=True)
        found += [Swatch(_hex(colour), f"error: truth is {name}", "errors") for colour, name in wrong]
    some = entries.get_in(results, "split", "ignored_pixels")
    return [*found, Swatch(_hex(IGNORED_LIGHT), "not counted", "errors")] if some else found


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
