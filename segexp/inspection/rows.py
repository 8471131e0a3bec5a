"""Measures one model for the table of models: figures and promises, or why there are none."""

import re
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from segexp.errors import ConfigError, MissingExtraError, SegexpError, one_line
from segexp.inspection.cost import Cost, cost
from segexp.inspection.field import Field, receptive_field
from segexp.models.cae import is_autoencoder
from segexp.models.classifier import is_classifier
from segexp.models.contracts import exceptions_of


@dataclass(frozen=True)
class InputSetting:
    """Size of the image that models are measured with.

    Attributes:
        height: Pixels.
        width: Pixels.
        in_channels: Channels of the image.
        out_channels: Logits per pixel; a classifier has one for each class, 2 where this is 1, an autoencoder
            as many as the image has channels.
    """

    height: int
    width: int
    in_channels: int
    out_channels: int


@dataclass(frozen=True)
class ModelRow:
    """Row of the table of models.

    Attributes:
        name: Option of the group ``model``.
        meaning: First line of its YAML.
        changed: Overrides of its keys.
        cost: Figures; None when the model could not be built or run.
        receptive_field: See :func:`~segexp.inspection.field.receptive_field`.
        exceptions: Contracts that the model does not keep, with reasons.
        whole_image: Whether its logits are of the whole image, as those of a classifier are.
        problem: Why there are no figures; empty otherwise.
    """

    name: str
    meaning: str
    changed: tuple[str, ...] = ()
    cost: Cost | None = None
    receptive_field: Field | None = None
    exceptions: dict[str, str] = field(default_factory=dict)
    whole_image: bool = False
    problem: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Gives plain values for JSON; ``cost`` is null for a model with a problem."""
        return asdict(self)


def build_on_meta(section: dict[str, Any], setting: InputSetting) -> nn.Module:
    """Builds the model of a YAML on the meta device: shapes without values, so that no memory is taken.

    Raises:
        ConfigError: The constructor refuses a value.
        MissingExtraError: An optional package is absent.
    """
    try:
        with torch.device("meta"):
            model: nn.Module = instantiate(
                section, in_channels=setting.in_channels, out_channels=setting.out_channels, _convert_="all"
            )
    except InstantiationException as error:
        if isinstance(error.__cause__, SegexpError):
            raise error.__cause__ from error
        raise ConfigError(f"model: {one_line(error.__cause__ or error)}") from error
    if is_classifier(model) and setting.out_channels == 1:
        return build_on_meta(section, replace(setting, out_channels=2))
    if is_autoencoder(model) and setting.out_channels != setting.in_channels:
        return build_on_meta(section, replace(setting, out_channels=setting.in_channels))
    return model


def measure_model(
    name: str, meaning: str, changed: tuple[str, ...], section: dict[str, Any], setting: InputSetting
) -> ModelRow:
    """Measures a model.

    Raises:
        ConfigError: The constructor refuses a value.
        InputSizeError: The size is too small for the model.
    """
    model = build_on_meta(section, setting)
    image = torch.empty(1, setting.in_channels, setting.height, setting.width, device="meta")
    figures, field_ = cost(model, image), receptive_field(model, setting.in_channels)
    return ModelRow(name, meaning, changed, figures, field_, exceptions_of(model), is_classifier(model))


def measure_or_explain(
    name: str, meaning: str, changed: tuple[str, ...], section: dict[str, Any], setting: InputSetting
) -> ModelRow:
    """Measures a model among others: what goes wrong with one of them stands in its row and ends nothing."""
    try:
        return measure_model(name, meaning, changed, section, setting)
    except Exception as error:
        return ModelRow(name, meaning, changed, problem=_missing_extra(error) or one_line(error))


def _missing_extra(error: BaseException) -> str:
    """The extra that would make the model available; the whole message comes with ``model=``."""
    extra = re.search(r"segexp\[(\w+)\]", str(error)) if isinstance(error, MissingExtraError) else None
    return f"needs the {extra[1]} extra: pip install '{extra[0]}'" if extra else ""
