"""A classifier of patches becomes a dense predictor on images of any size (Long et al. 2015, section 3.1)."""

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from segexp.errors import UserError
from segexp.models.sizes import InputSizeError

POINTWISE = (
    nn.Identity, nn.Dropout, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Hardtanh,
)  # fmt: skip
"""Layers that treat every value alone, and so a map as they treat a vector."""


class ConversionError(UserError):
    """A classifier has a part that has no equal as a convolution."""


class DenseClassifier(nn.Module):
    """Image (B, C, H, W) to a map of class scores (B, K, h, w), one for each window of the training size.

    Windows lie as far apart as the classifier's convolutions and poolings stride. Without padding in them each score
    is the classifier's on that window; with padding that holds at the training size, and elsewhere a window sees its
    neighbourhood where the classifier saw zeros.
    """

    def __init__(self, layers: list[nn.Module], window: tuple[int, int]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.window = window

    def forward(self, image: Tensor) -> Tensor:
        """Scores of all windows.

        Raises:
            InputSizeError: The image is smaller than the window.
        """
        height, width = image.shape[-2:]
        if height < self.window[0] or width < self.window[1]:
            raise InputSizeError(
                f"this classifier was trained on {self.window[0]}x{self.window[1]} pixels and was given "
                f"{height}x{width}: use an image of at least that size"
            )
        scores: Tensor = self.layers(image)
        return scores


def to_fully_convolutional(classifier: nn.Module, window: tuple[int, int], in_channels: int = 3) -> DenseClassifier:
    """Turn a classifier's fully connected layers into convolutions, with copies of its weights.

    The first of them, on a flattened map of C x h x w values, becomes an h x w convolution without padding; the others
    become 1x1 convolutions. The result is tried on one random image of the training size against the classifier.

    Args:
        classifier: ``nn.Sequential`` (nested at will) of spatial layers, maybe ``AdaptiveAvgPool2d``, ``Flatten``, and
            ``Linear`` with pointwise layers, dropout, batch norm or a softmax between; or a module with ``features``,
            maybe ``avgpool``, and ``classifier`` that it applies in this order, such as torchvision's VGG.
        window: Height and width of the images it was trained on.
        in_channels: C.

    Returns:
        The dense predictor, in evaluation mode.

    Raises:
        ConversionError: A layer cannot be converted, or the result differs from the classifier.
    """
    model = copy.deepcopy(classifier).eval()
    weight = next((parameter for parameter in model.parameters()), torch.zeros(()))
    trial = torch.randn(1, in_channels, *window, generator=torch.Generator().manual_seed(0)).to(weight)
    with torch.no_grad():
        dense = DenseClassifier(list(_converted(list(_chain(model)), trial)), window).eval()
        expected, found = model(trial), dense(trial).flatten(1)
    scale = expected.abs().max().clamp(min=1e-6)
    if found.shape != expected.shape or not bool(((found - expected).abs() <= 1e-3 * scale).all()):
        raise ConversionError(
            f"the converted {type(classifier).__name__} does not give the classifier's scores at "
            f"{window[0]}x{window[1]}: its forward() is not its layers in their order; give an nn.Sequential"
        )
    return dense


def _chain(model: nn.Module) -> Iterator[nn.Module]:
    """The layers of a classifier in their order, containers opened."""
    if isinstance(model, nn.Sequential):
        for layer in model:
            yield from _chain(layer)
        return
    parts = dict(model.named_children())
    if not {"features", "classifier"} <= parts.keys():
        yield model
        return
    yield from _chain(parts["features"])
    yield from _chain(parts.get("avgpool", nn.Identity()))
    yield nn.Flatten()
    yield from _chain(parts["classifier"])


def _converted(chain: list[nn.Module], trial: Tensor) -> Iterator[nn.Module]:
    """Spatial layers as they are up to ``Flatten``, then convolutions in place of the fully connected layers."""
    flat = next((index for index, layer in enumerate(chain) if isinstance(layer, nn.Flatten)), None)
    if flat is None:
        raise ConversionError(
            "the classifier has no nn.Flatten between its map and its nn.Linear layers: put one there"
        )
    features = trial
    for layer in chain[:flat]:
        yield _spatial(layer, features)
        features = layer(features)
    kernel = (features.shape[-2], features.shape[-1])
    for layer in chain[flat + 1 :]:
        yield _pointwise(layer, kernel)
        if isinstance(layer, nn.Linear):
            kernel = (1, 1)


def _spatial(layer: nn.Module, features: Tensor) -> nn.Module:
    """A layer before ``Flatten``: as it is, unless its work depends on the size of the map (B, C, h, w) it is given."""
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return _pool(layer, features)
    if any(isinstance(part, nn.Linear | nn.AdaptiveAvgPool2d | nn.AdaptiveMaxPool2d) for part in layer.modules()):
        raise _cannot(layer, "before Flatten")
    return layer


def _pool(layer: nn.AdaptiveAvgPool2d, features: Tensor) -> nn.Module:
    """The fixed pooling that an adaptive one is at the training size; on larger images it would stretch."""
    size: Any = layer.output_size
    wanted = (size, size) if isinstance(size, int) else size
    height, width = features.shape[-2:]
    rows, columns = wanted[0] or height, wanted[1] or width  # None: as many as there are
    if (rows, columns) == (height, width):
        return nn.Identity()
    if height % rows or width % columns:
        raise _cannot(layer, f"on a map of {height}x{width}, which it does not divide into equal fields")
    fields = (height // rows, width // columns)
    # A single field is one window, which may move by one value; several must lie side by side, as in training.
    return nn.AvgPool2d(fields, stride=(1 if rows == 1 else fields[0], 1 if columns == 1 else fields[1]))


def _pointwise(layer: nn.Module, kernel: tuple[int, int]) -> nn.Module:
    """A layer on vectors as a layer on maps; a fully connected one covers ``kernel``."""
    if isinstance(layer, nn.Linear):
        return _convolution(layer, kernel)
    if isinstance(layer, nn.BatchNorm1d) and kernel == (1, 1):
        norm = nn.BatchNorm2d(layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats)
        norm.load_state_dict(layer.state_dict())
        return norm
    if isinstance(layer, POINTWISE):
        return layer
    if isinstance(layer, nn.Softmax | nn.LogSoftmax) and layer.dim in (1, -1) and kernel == (1, 1):
        return type(layer)(dim=1)  # the last dimension of a vector is the channels of a map
    raise _cannot(layer, "after Flatten")


def _convolution(layer: nn.Linear, kernel: tuple[int, int]) -> nn.Conv2d:
    """(K, C * h * w) weights are an h x w convolution with its kernel flattened."""
    channels = layer.in_features // (kernel[0] * kernel[1])
    conv = nn.Conv2d(channels, layer.out_features, kernel, bias=layer.bias is not None)
    conv.weight = nn.Parameter(layer.weight.detach().reshape(layer.out_features, channels, *kernel))
    if layer.bias is not None:
        conv.bias = nn.Parameter(layer.bias.detach())
    return conv


def _cannot(layer: nn.Module, where: str) -> ConversionError:
    return ConversionError(
        f"{layer} {where} has no equal as a convolution: use convolutions and poolings, AdaptiveAvgPool2d, Flatten, "
        "then Linear with pointwise layers, batch norm or a softmax over the classes"
    )
