"""Zoo: every architecture and encoder of segmentation-models-pytorch and timm, by name; an optional package."""

import difflib
import importlib
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import torch
from torch import Tensor, nn

from segexp.errors import ConfigError, MissingExtraError, UserError
from segexp.models.encoders.pretrained import load_encoder_weights, split_head
from segexp.models.sizes import InputSizeError, Padding
from segexp.models.weight_files import read_state_dict
from segexp.types import PositiveInt

TIMM = "tu-"
"""Prefix by which segmentation-models-pytorch takes an encoder from timm."""


class Zoo(nn.Module):
    """A model of segmentation-models-pytorch (Iakubovskii 2019).

    Its maps must halve evenly, so :meth:`context` asks for as many pixels as are missing to the next multiple of the
    encoder's stride; :func:`~segexp.models.sizes.same_size` adds and cuts them.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        architecture: Name in the package, capitals do not matter.
        encoder: Name in the package, or ``tu-`` and the name of a model in timm.
        encoder_weights: Name of published weights (such as ``imagenet``; they are downloaded), path of a state dict of
            the encoder alone, or null.
        freeze_encoder: Whether weights and running statistics of the encoder stay as they are.

    Raises:
        MissingExtraError: The package is not installed, or cannot be imported.
        ConfigError: A name is unknown, or architecture and encoder do not go together.
        UserError: The weights cannot be got or do not fit.
    """

    exceptions = MappingProxyType({"torch_export": "the border that it asks for depends on the size"})

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        architecture: str = "Unet",
        encoder: str = "resnet18",
        encoder_weights: str | None = None,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__()
        package = _package()
        _check_names(package, architecture, encoder)
        local = encoder_weights is not None and Path(encoder_weights).expanduser().is_file()
        names = (architecture, encoder, in_channels, out_channels)
        self.model = _build(package, *names)
        if local:
            trunk, _ = split_head(
                read_state_dict(str(encoder_weights), "model.encoder_weights", "a state dict of the encoder")
            )
            load_encoder_weights(self.model.encoder, trunk, f"{encoder_weights} for {encoder}")
        elif encoder_weights is not None:
            self.model = _build(package, *names, weights=encoder_weights)
        self.stride = int(self.model.encoder.output_stride)
        self.freeze_encoder = freeze_encoder
        if freeze_encoder:
            self.model.encoder.requires_grad_(False)
            self.model.encoder.eval()

    def train(self, mode: bool = True) -> Self:
        """Sets training mode as torch does; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.freeze_encoder:
            self.model.encoder.eval()
        return self

    def context(self, height: int, width: int) -> Padding:
        """Asks for the border at the right and the bottom to a multiple of the stride, and to two strides at least.

        Two, because batch norm cannot train on a last map of a single value.

        Raises:
            InputSizeError: The image is smaller than the stride.
        """
        if height < self.stride or width < self.stride:
            raise InputSizeError(
                f"{type(self.model).__name__} was given {height}x{width}: use at least {self.stride}x{self.stride}"
            )
        right, bottom = (max(-side % self.stride, 2 * self.stride - side) for side in (width, height))
        return 0, right, 0, bottom

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W multiples of the stride.

        Returns:
            Logits (B, K, H, W).

        Raises:
            InputSizeError: H or W is no multiple of the stride.
        """
        height, width = image.shape[-2:]
        if height % self.stride or width % self.stride:
            raise InputSizeError(
                f"{type(self.model).__name__} was given {height}x{width}: its stride of {self.stride} takes whole "
                f"multiples; segexp.models.sizes.same_size takes any"
            )
        logits: Tensor = self.model(image)
        return logits


def _package() -> Any:
    """The package; imported only here, since it is optional and its torchvision must match torch."""
    advice = (
        "pip install 'segexp[zoo]', with the torchvision whose build belongs to this torch "
        f"({torch.__version__}; see pytorch.org/get-started)"
    )
    try:
        return importlib.import_module("segmentation_models_pytorch")
    except ImportError as error:
        raise MissingExtraError(f"model=zoo needs segmentation-models-pytorch ({error}): {advice}") from error
    except RuntimeError as error:  # a torchvision of another build: "operator torchvision::nms does not exist"
        raise MissingExtraError(f"model=zoo: its packages cannot be imported ({error}): {advice}") from error


def _check_names(package: Any, architecture: str, encoder: str) -> None:
    architectures = [each.__name__ for each in package.MODEL_ARCHITECTURES_MAPPING.values()]
    if architecture.lower() not in package.MODEL_ARCHITECTURES_MAPPING:
        raise ConfigError(f"model.architecture: {architecture!r} is unknown.{_nearest(architecture, architectures)}")
    if encoder.startswith(TIMM):
        timm = importlib.import_module("timm")
        name = encoder.removeprefix(TIMM)
        if not timm.is_model(name):  # knows tags of weights ("resnet18.a1_in1k") as well
            known = [TIMM + each for each in timm.list_models()]
            raise ConfigError(f"model.encoder: timm has no model {name!r}.{_nearest(encoder, known)}")
    elif encoder not in (own := package.encoders.get_encoder_names()):
        known = [*own, *(TIMM + each for each in importlib.import_module("timm").list_models())]
        raise ConfigError(
            f"model.encoder: {encoder!r} is unknown.{_nearest(encoder, known)} Encoders of timm begin with '{TIMM}'."
        )


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1)
    return f" Did you mean '{close[0]}'?" if close else f" Known: {', '.join(known[:12])} ..."


def _build(
    package: Any, architecture: str, encoder: str, channels: int, classes: int, weights: str | None = None
) -> Any:
    """The package's model. It raises whatever its parts raise, so every exception is taken for the user's."""
    try:
        return package.create_model(architecture, encoder, weights, channels, classes)
    except Exception as error:
        if weights is None:
            raise ConfigError(
                f"model: architecture={architecture} and encoder={encoder} do not go together: {error}"
            ) from error
        raise UserError(
            f"model.encoder_weights={weights} for encoder={encoder} could not be had: {error}. Give a name that the "
            f"package knows and a network, the path of a file, or null"
        ) from error
