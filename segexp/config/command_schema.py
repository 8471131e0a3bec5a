"""What the config of a command that trains nothing must hold; checked by :mod:`segexp.config.checks.tree`."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from segexp.config import schema
from segexp.config.schema import ObjectConfig, Supplied, TrainConfig
from segexp.types import (
    Draws,
    Fraction,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Range,
    Scale,
    Seed,
)


@dataclass(frozen=True)
class GenerateConfig:
    """The tree of ``python -m segexp generate``."""

    scene: Literal["vessels", "buildings", "cells"]
    layout: Literal["drive", "inria", "cells", "salt", "arrays", "folder"]
    out: str
    count: PositiveInt
    size: PositiveInt | None
    seed: Seed
    debug: bool


@dataclass(frozen=True)
class CompareConfig:
    """The tree of ``python -m segexp compare``."""

    runs: list[str]
    measure: str | None
    base: str | None
    rows: str | None
    columns: str | None
    write: list[Literal["csv", "md", "html", "tex", "methods"]]
    charts: list[Literal["png", "svg", "pdf"]]
    out: str | None
    open: bool
    resamples: Draws
    seed: Seed
    debug: bool


@dataclass(frozen=True)
class DataConfig:
    """The tree of ``python -m segexp data``."""

    names: list[str]
    root: str | None
    format: Literal["table", "json"]
    debug: bool


@dataclass(frozen=True)
class ReportConfig:
    """The tree of ``python -m segexp report``."""

    run: str | list[str]
    write: list[Literal["html", "methods"]]
    charts: list[Literal["png", "svg", "pdf"]]
    pages: Literal["all", "missing", "none"]
    open: bool
    debug: bool


@dataclass(frozen=True)
class DashboardConfig:
    """The tree of ``python -m segexp dashboard``."""

    project: str | None
    entity: str | None
    name: str
    write: list[Literal["workspace", "report", "sweep"]]
    measure: str
    parameters: list[str]
    group: str | None
    out: str
    timeout: PositiveInt
    debug: bool


@dataclass(frozen=True)
class OtherInferenceConfig:
    """Changes to the section ``inference`` of a run that is used again; None: no change."""

    window: PositiveInt | Literal["auto"] | None
    overlap: Annotated[float, Range(low=0, high=0.9)] | None
    blend: Literal["gaussian", "constant"] | None
    batch_size: PositiveInt | Literal["auto"] | None


@dataclass(frozen=True)
class PostprocessConfig:
    """Section ``postprocess``: clean-up of the objects of a predicted mask."""

    hysteresis: Fraction | None
    fill_holes: NonNegativeInt
    min_size: NonNegativeInt
    split: PositiveInt | None


@dataclass(frozen=True)
class PolygonsConfig:
    """Outlines of objects."""

    format: Literal["geojson", "gpkg"]
    simplify: NonNegativeFloat


@dataclass(frozen=True)
class PredictRayConfig:
    """Section ``ray`` of predict: resources that each task asks of Ray."""

    address: str | None
    actors: PositiveInt | Literal["auto"]
    cpus: PositiveInt
    gpus: NonNegativeFloat | Literal["auto"]
    retries: NonNegativeInt


@dataclass(frozen=True)
class PredictConfig:
    """The tree of ``python -m segexp predict``."""

    run: str | list[str]
    checkpoint: str
    input: str | list[str]
    timeout: PositiveFloat
    total_timeout: PositiveFloat
    max_gigabytes: PositiveFloat
    image_limit: PositiveFloat
    output: str
    write: list[Literal["mask", "probability", "overlay", "uncertainty", "polygons"]]
    format: Literal["auto", "png", "tiff"]
    depth: Literal["uint8", "float32"]
    bands: list[PositiveInt] | None
    tta: Literal["none", "flips", "d4"] | None
    precision: Literal["float32", "bfloat16"]
    threshold: Annotated[float, Range(low=0, high=1)] | None
    scale: Scale | None
    inference: OtherInferenceConfig
    postprocess: PostprocessConfig
    polygons: PolygonsConfig
    device: Literal["auto", "cpu", "gpu", "mps"]
    engine: Literal["local", "ray"]
    ray: PredictRayConfig
    overwrite: bool
    progress: Literal["auto", "bar", "none"]
    debug: bool
    trust: str | list[str] = field(default_factory=list)


@dataclass(frozen=True)
class OtherDataConfig:
    """A data set alone."""

    datamodule: Annotated[ObjectConfig, Supplied(("augment",))]


@dataclass(frozen=True)
class EvaluateConfig:
    """The tree of ``python -m segexp evaluate``; ``datamodule`` is there only if one was chosen."""

    run: str | list[str]
    checkpoint: str
    ensemble: Literal["none", "mean"]
    phase: Literal["auto", "train", "val", "test", "all"]
    tta: Literal["none", "flips", "d4"] | None
    threshold: Annotated[float, Range(low=0, high=1)] | None
    scale: Scale | None
    inference: OtherInferenceConfig
    baselines: bool
    panels: NonNegativeInt
    bootstrap: Draws
    seed: Seed
    out: str | None
    output_dir: str
    device: Literal["auto", "cpu", "gpu", "mps"]
    debug: bool
    datamodule: Annotated[ObjectConfig | None, Supplied(("augment",))] = None
    metric: dict[str, Annotated[ObjectConfig, Supplied(filled=("task", "num_classes"))]] | None = None
    trust: str | list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ExportConfig:
    """The tree of ``python -m segexp export``; ``datamodule`` is there only if one was chosen."""

    run: str | list[str]
    checkpoint: str
    format: Literal["onnx", "torch_export", "torchscript", "safetensors"]
    output: str | None
    threshold: Annotated[float, Range(low=0, high=1)] | None
    scale: Scale | None
    int8: bool
    images: NonNegativeInt | None
    calibration: PositiveInt
    seed: Seed
    rounds: NonNegativeInt
    debug: bool
    datamodule: Annotated[ObjectConfig | None, Supplied(("augment",))] = None
    trust: str | list[str] = field(default_factory=list)


@dataclass(frozen=True)
class EncodeConfig:
    """The tree of ``python -m segexp encode``."""

    run: str
    checkpoint: str
    input: str | list[str] | None
    phase: Literal["train", "val", "test"]
    output: str
    image_limit: PositiveFloat
    device: Literal["auto", "cpu", "gpu", "mps"]
    debug: bool
    trust: str | list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DecodeConfig:
    """The tree of ``python -m segexp decode``."""

    run: str
    checkpoint: str
    latent: list[float]
    output: str
    device: Literal["auto", "cpu", "gpu", "mps"]
    debug: bool
    trust: str | list[str] = field(default_factory=list)


@dataclass(frozen=True)
class DemoConfig:
    """The tree of ``python -m segexp demo``."""

    run: str | list[str]
    checkpoint: str
    tta: Literal["none", "flips", "d4"] | None
    device: Literal["auto", "cpu", "gpu", "mps"]
    host: str
    hosts: list[str]
    port: Annotated[int, Range(low=0, high=65535)]
    open: bool
    max_megabytes: PositiveFloat
    max_pixels: PositiveInt
    image_limit: PositiveFloat
    kept_megabytes: PositiveFloat
    debug: bool
    trust: str | list[str] = field(default_factory=list)


@dataclass(frozen=True)
class PseudoMaskConfig:
    """Rule by which a map becomes a mask to train on."""

    threshold: Annotated[float, Range(low=0, high=1, open_low=True, open_high=True)]
    band: Annotated[float, Range(low=0, high=0.5)]


@dataclass(frozen=True)
class LocalizeConfig:
    """The tree of ``python -m segexp localize``."""

    run: str | list[str]
    checkpoint: str
    input: str | list[str]
    output: str
    method: Literal["lecture", "gradcam", "fine"] | list[Literal["lecture", "gradcam", "fine"]]
    label: str | None
    scale: PositiveFloat | Literal["auto"]
    output_stride: Literal[8, 16, 32]
    smooth: NonNegativeFloat
    views: Literal["none", "d4"]
    layer: str | None
    singles: Annotated[int, Range(low=0, high=64)]
    colour_blur: NonNegativeFloat
    write: list[Literal["overlay", "panel", "mask"]]
    mask: PseudoMaskConfig
    boxes: str | None
    centres: str | None
    radius: PositiveFloat
    distance: PositiveInt
    peaks: PositiveInt
    floor: Annotated[float, Range(low=0, high=1)]
    bootstrap: Draws
    seed: Seed
    inference: OtherInferenceConfig
    image_limit: PositiveFloat
    device: Literal["auto", "cpu", "gpu", "mps"]
    overwrite: bool
    debug: bool
    trust: str | list[str] = field(default_factory=list)
    progress: Literal["auto", "bar", "none"] = "auto"


@dataclass(frozen=True)
class ModelsConfig:
    """The tree of ``python -m segexp models``; ``model`` is there only if one was chosen."""

    only: list[str] | None
    size: PositiveInt | list[PositiveInt]
    in_channels: PositiveInt
    classes: Annotated[int, Range(low=2)]
    layers: bool
    format: Literal["table", "json"]
    debug: bool
    model: Annotated[ObjectConfig | None, Supplied(("in_channels", "out_channels"))] = None


@dataclass(frozen=True)
class WeightsConfig:
    """The tree of ``python -m segexp weights``; ``model`` is there only if one was chosen."""

    file: str | None
    format: Literal["table", "json"]
    debug: bool
    model: Annotated[ObjectConfig | None, Supplied(("in_channels", "out_channels"))] = None


@dataclass(frozen=True)
class InspectConfig:
    """The tree of ``python -m segexp inspect``."""

    file: str | list[str]
    tensors: bool
    format: Literal["table", "json"]
    debug: bool
    trust: str | list[str] = field(default_factory=list)


MUST_BE_GIVEN: dict[type, dict[str, str]] = {
    ReportConfig: {"run": "write report outputs/<run>"},
    CompareConfig: {"runs": "write compare outputs/<run> outputs/<run>"},
    InspectConfig: {"file": "write inspect <file or run folder>"},
    **{
        schema: {"run": "add run=outputs/<run>"}
        for schema in (EvaluateConfig, ExportConfig, EncodeConfig, DecodeConfig, DemoConfig)
    },
    **{
        schema: {
            "run": "add run=outputs/<run>",
            "input": "add input=<image or folder>",
            "output": "add output=<folder>",
        }
        for schema in (PredictConfig, LocalizeConfig)
    },
}
"""What to write for a key that must be given, by the command: a word without a key where one may stand."""


def schema_of(config: str) -> type:
    """Schema of a primary config, ``conf/<config>.yaml``: the class named after it, such as ``ModelsConfig``."""
    known = {**vars(schema), **globals()}
    name = "".join(part.capitalize() for part in config.split("_"))
    found: type = known.get(f"{name}Config", TrainConfig)
    return found
