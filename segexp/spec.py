"""What a data set gives and a model must produce: the one thing that data, models, losses and metrics share."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from string import Formatter
from typing import Any, ClassVar, Literal, Self

from segexp.trained_sizes import TrainedSizes

IGNORED = 255
"""Mask value of pixels that count nowhere: outside a field of view, nodata, unlabelled."""

Measures = tuple[float, ...]


@dataclass(frozen=True)
class Target(ABC):
    """The kind of target that a model learns; a task may bring a class of its own below this one.

    Fields are plain values (numbers, text, and tuples of them), so that the target travels in a checkpoint.

    Attributes:
        kind: What the task is called in results.json, and by what runs are compared: ``segmentation``.
        form: How it follows its image when that is cropped and turned, see :mod:`segexp.data.items.forms`: as a
            ``mask`` or an ``image`` does, or not at all, a ``label`` or a ``value`` of the whole image.
    """

    kind: ClassVar[str]
    form: ClassVar[str] = "value"

    @property
    @abstractmethod
    def out_channels(self) -> int:
        """Channels K that a model of this target gives."""

    def to_dict(self) -> dict[str, Any]:
        """The dotted name of the class under ``_target_``, and its fields as plain lists, numbers and strings."""
        own = type(self)
        return {"_target_": f"{own.__module__}.{own.__qualname__}", **_plain(asdict(self))}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`, of this class whatever ``_target_`` says."""
        return cls(**{key: _tuples(value) for key, value in plain.items() if key != "_target_"})


@dataclass(frozen=True)
class MaskTarget(Target):
    """A class for every pixel.

    Attributes:
        classes: Class names in the order of the mask values 0, 1, ...
        colours: One (R, G, B) of 0..255 per class, for panels and reports.
        two_logits: Whether a model of two classes gives a logit for each, of which a softmax is taken, in place of the
            one logit of the second class; their difference is that logit.
    """

    kind = "segmentation"
    form = "mask"

    classes: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    two_logits: bool = False

    @property
    def out_channels(self) -> int:
        """Logit channels K: 1 for two classes unless ``two_logits``, else one per class."""
        return 1 if len(self.classes) == 2 and not self.two_logits else len(self.classes)


@dataclass(frozen=True)
class LabelTarget(Target):
    """A class for every image.

    Attributes:
        classes: Class names in the order of the labels 0, 1, ...
    """

    kind = "classification"
    form = "label"

    classes: tuple[str, ...]

    @property
    def out_channels(self) -> int:
        """A logit for each class."""
        return len(self.classes)


@dataclass(frozen=True)
class ImageTarget(Target):
    """Another image of the same size.

    Attributes:
        channels: Its channels.
        itself: Whether it is the image itself, as it is seen; the target of the data is not looked at then.
    """

    kind = "reconstruction"
    form = "image"

    channels: int
    itself: bool = False

    @property
    def out_channels(self) -> int:
        """A number for each channel and pixel."""
        return self.channels


TARGETS: tuple[type[Target], ...] = (MaskTarget, LabelTarget, ImageTarget)
"""The targets of segexp's own, which any checkpoint may name."""

FindTarget = Callable[[str], type[Target]]
"""Gives the class of a dotted name that is none of :data:`TARGETS`, or refuses it."""


@dataclass(frozen=True)
class DataSpec:
    """Target, channels and scaling of a data set; plain values only, so that it travels in a checkpoint.

    Attributes:
        target: What a model learns to give.
        in_channels: Channels C of the images.
        mean: Per channel, subtracted before the model, in units of the raw image (0..255 or 0..65535).
        std: Per channel, divided by after that, same unit.
        scaling: ``fixed``: mean and std above; ``image``: each image's own, see :mod:`segexp.image_statistics`.
        pixel_size: Side of a pixel on the ground in metres; None: not known, distances are in pixels.
        dtype: Type of the pixels of the training images, ``uint8`` or ``uint16``; None: not known.
        bands: Which bands of the files are the channels, from 1, where they were chosen; None: all.
        file_channels: Bands of the training files, where some were chosen and all files have as many.
        sizes: Sizes of the training images and of the objects in them; None: not known.
    """

    target: Target
    in_channels: int = 3
    mean: Measures = (0.0, 0.0, 0.0)
    std: Measures = (255.0, 255.0, 255.0)
    scaling: Literal["fixed", "image"] = "fixed"
    pixel_size: float | None = None
    dtype: str | None = None
    bands: tuple[int, ...] | None = None
    file_channels: int | None = None
    sizes: TrainedSizes | None = None

    @property
    def kind(self) -> str:
        """Name of the kind of task: ``segmentation``, ``classification``, ..."""
        return self.target.kind

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes 0, 1, ...; empty where the target has none."""
        names: tuple[str, ...] = getattr(self.target, "classes", ())
        return names

    @property
    def colours(self) -> tuple[tuple[int, int, int], ...]:
        """One (R, G, B) of 0..255 per class; empty where the target has none."""
        colours: tuple[tuple[int, int, int], ...] = getattr(self.target, "colours", ())
        return colours

    @property
    def num_classes(self) -> int:
        """Number of classes, background included."""
        return len(self.classes)

    @property
    def out_channels(self) -> int:
        """Channels K that a model gives, for two classes the logit of the second one: see the target."""
        return self.target.out_channels

    @property
    def score_channels(self) -> int:
        """Channels of scores and probabilities: 1 for two classes, that of the second, else one per class."""
        return 1 if self.is_binary else self.num_classes

    @property
    def is_binary(self) -> bool:
        """True if there are two classes, so that a threshold decides."""
        return self.num_classes == 2

    def to_dict(self) -> dict[str, Any]:
        """Plain lists and strings, for JSON and checkpoints."""
        own = {key: value for key, value in vars(self).items() if key not in ("target", "sizes")}
        sizes = {} if self.sizes is None else {"sizes": self.sizes.to_dict()}
        return {"target": self.target.to_dict(), **_plain(own), **sizes}

    @classmethod
    def from_dict(cls, plain: dict[str, Any], find_target: FindTarget | None = None) -> "DataSpec":
        """The inverse of :meth:`to_dict`; reads what version 0.1 wrote too.

        Args:
            plain: What a checkpoint or an exported file holds.
            find_target: Gives the class of a target that is none of segexp's; None: there is none to be had.

        Raises:
            ValueError: The target's class is none of segexp's and there is no ``find_target``.
        """
        return cls(
            target=_target(plain, find_target),
            in_channels=int(plain["in_channels"]),
            mean=tuple(plain["mean"]),
            std=tuple(plain["std"]),
            scaling=plain["scaling"],
            # Checkpoints of older versions do not have these.
            pixel_size=plain.get("pixel_size"),
            dtype=plain.get("dtype"),
            bands=None if plain.get("bands") is None else tuple(plain["bands"]),
            file_channels=plain.get("file_channels"),
            sizes=None if plain.get("sizes") is None else TrainedSizes.from_dict(plain["sizes"]),
        )


def _target(plain: dict[str, Any], find: FindTarget | None) -> Target:
    """The target of a stored spec; one of version 0.1 has classes and colours in its place."""
    if "target" not in plain:
        return MaskTarget.from_dict({key: plain[key] for key in ("classes", "colours")})
    stored = plain["target"]
    name = str(stored["_target_"])
    own = {f"{each.__module__}.{each.__qualname__}": each for each in TARGETS}
    if name in own:
        return own[name].from_dict(stored)
    if find is None:
        raise ValueError(f"the target {name!r} is none of segexp's")
    return find(name).from_dict(stored)


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: _lists(value) for key, value in fields.items()}


def _lists(value: Any) -> Any:
    return [_lists(item) for item in value] if isinstance(value, tuple | list) else value


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, tuple | list) else value


Direction = Literal["min", "max"]
"""Whether lower or higher is better."""


@dataclass(frozen=True)
class FigureSpec:
    """Direction, label, unit and meaning of a figure.

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
