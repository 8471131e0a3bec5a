"""What a data set gives and a model must produce: the one thing that data, models, losses and metrics share."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from string import Formatter
from typing import Any, Literal

IGNORED = 255
"""Mask value of pixels that count nowhere: outside a field of view, nodata, unlabelled."""

Measures = tuple[float, ...]


@dataclass(frozen=True)
class DataSpec:
    """Channels, classes and scaling of a data set; plain values only, so that it travels in a checkpoint.

    Attributes:
        classes: Class names in the order of the mask values 0, 1, ...
        colours: One (R, G, B) of 0..255 per class, for panels and reports.
        in_channels: Channels C of the images.
        mean: Per channel, subtracted before the model, in units of the raw image (0..255 or 0..65535).
        std: Per channel, divided by after that, same unit.
        scaling: ``fixed``: mean and std above; ``image``: each image's own, see :mod:`segexp.scaling`.
        kind: What the target is; a mask today.
        pixel_size: Side of a pixel on the ground in metres; None: not known, distances are in pixels.
        dtype: Type of the pixels of the training images, ``uint8`` or ``uint16``; None: not known.
        bands: Which bands of the files are the channels, from 1, where they were chosen; None: all.
        file_channels: Bands of the training files, where some were chosen and all files have as many.
    """

    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    in_channels: int = 3
    mean: Measures = (0.0, 0.0, 0.0)
    std: Measures = (255.0, 255.0, 255.0)
    scaling: Literal["fixed", "image"] = "fixed"
    kind: Literal["segmentation"] = "segmentation"
    pixel_size: float | None = None
    dtype: str | None = None
    bands: tuple[int, ...] | None = None
    file_channels: int | None = None

    @property
    def num_classes(self) -> int:
        """Number of classes, background included."""
        return len(self.classes)

    @property
    def out_channels(self) -> int:
        """Logit channels K: 1 for two classes (the logit of the second), else one per class."""
        return 1 if self.num_classes == 2 else self.num_classes

    @property
    def is_binary(self) -> bool:
        """Whether there are two classes, so that a threshold decides."""
        return self.num_classes == 2

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and strings, for JSON and checkpoints."""
        plain = asdict(self)
        return {key: _lists(value) if isinstance(value, tuple) else value for key, value in plain.items()}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "DataSpec":
        """The inverse of :meth:`to_dict`."""
        return cls(
            classes=tuple(plain["classes"]),
            colours=tuple((int(r), int(g), int(b)) for r, g, b in plain["colours"]),
            in_channels=int(plain["in_channels"]),
            mean=tuple(plain["mean"]),
            std=tuple(plain["std"]),
            scaling=plain["scaling"],
            kind=plain["kind"],
            # Checkpoints of older versions do not have these.
            pixel_size=plain.get("pixel_size"),
            dtype=plain.get("dtype"),
            bands=None if plain.get("bands") is None else tuple(plain["bands"]),
            file_channels=plain.get("file_channels"),
        )


def _lists(value: tuple[Any, ...]) -> list[Any]:
    return [_lists(item) if isinstance(item, tuple) else item for item in value]


Direction = Literal["min", "max"]
"""Whether lower or higher is better."""


@dataclass(frozen=True)
class FigureSpec:
    """What a figure is: which way is better, and how tables and pages speak of it.

    Name, label, unit and meaning of a measure's figures may hold the measure's keys in braces, ``hd{percentile:g}``.

    Attributes:
        direction: Whether lower ("min") or higher ("max") is better.
        label: Head of its column; empty: its name.
        unit: ``px``, ``m``, ``components``; empty for a share of 0..1.
        meaning: What it says, in a few words.
    """

    direction: Direction
    label: str = ""
    unit: str = ""
    meaning: str = ""

    @property
    def texts(self) -> tuple[str, str, str]:
        """Label, unit and meaning."""
        return self.label, self.unit, self.meaning


def fields_in(specs: Mapping[str, FigureSpec]) -> set[str]:
    """Keys that stand in braces in names and texts of figures."""
    texts = [text for name, spec in specs.items() for text in (name, *spec.texts)]
    return {field for text in texts for _, field, _, _ in Formatter().parse(text) if field is not None}


def filled(specs: Mapping[str, FigureSpec], keys: Mapping[str, Any]) -> dict[str, FigureSpec]:
    """Figures with the values of ``keys`` in the place of the braces.

    Raises:
        KeyError: A key has no value.
        ValueError: A value is of a kind that cannot be written so.
    """
    return {
        name.format_map(keys): FigureSpec(spec.direction, *(text.format_map(keys) for text in spec.texts))
        for name, spec in specs.items()
    }
