"""GoogLeNet: nine inception modules and two auxiliary classifiers (Szegedy et al. 2015), and its later versions."""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from segexp.config.checks.built_words import check_word
from segexp.models.auxiliary import Supervised
from segexp.models.classifier import Classifier
from segexp.models.encoders.base import init_weights
from segexp.models.inception import (
    Branches,
    Filters,
    conv,
    factorised_module,
    naive_module,
    reduced_module,
    stacked_module,
    widened_module,
)
from segexp.models.norms import Norm
from segexp.models.pooling import PooledNorm, adaptive_average
from segexp.models.sizes import require_size
from segexp.types import Dropout, NonNegativeFloat, PositiveInt

Version = Literal["v1_naive", "v1", "v2", "v3"]

FILTERS: tuple[tuple[Filters, ...], ...] = (
    (Filters(64, 96, 128, 16, 32, 32), Filters(128, 128, 192, 32, 96, 64)),
    (
        Filters(192, 96, 208, 16, 48, 64),
        Filters(160, 112, 224, 24, 64, 64),
        Filters(128, 128, 256, 24, 64, 64),
        Filters(112, 144, 288, 32, 64, 64),
        Filters(256, 160, 320, 32, 128, 128),
    ),
    (Filters(256, 160, 320, 32, 128, 128), Filters(384, 192, 384, 48, 128, 128)),
)
"""Modules 3a-3b, 4a-4e and 5a-5b (table 1 of the paper); a max-pooling stands before each stage."""

OBSERVED = (2, 5)
"""Modules, counted from 0, whose maps the auxiliary classifiers see: 4a and 4d."""

Make = Callable[[int, Filters, Norm], Branches]

MODULES: dict[str, tuple[Make, Make, Make]] = {
    "v1_naive": (naive_module,) * 3,
    "v1": (reduced_module,) * 3,
    "v2": (stacked_module, factorised_module, widened_module),
    "v3": (stacked_module, factorised_module, widened_module),
}
"""Kind of module of each stage."""


class GoogLeNet(Classifier):
    """Stem, nine inception modules, global average pooling, dropout, one linear layer.

    With 1000 classes and RGB at base 64, v1 has 6,998,552 parameters, and 13,378,280 with its two auxiliary
    classifiers, as the authors' Caffe model. Their local response normalisation is left out: it has no weights, and
    later networks found it to be of no use. v2 and v3 have a batch norm after each convolution.

    - ``v1_naive``: no 1x1 reductions (figure 2a): each module passes on all maps that it got beside its own
    - ``v1``: with 1x1 reductions (figure 2b)
    - ``v2``: 5x5 as two 3x3, in the middle stage 7x7 as 1x7 and 7x1, in the last one 1x3 and 3x1 side by side (figures
      5, 6 and 7 of Szegedy et al. 2016)
    - ``v3``: as v2, its first 7x7 as three 3x3, and a batch norm in the dense layer of the auxiliary classifiers; to be
      trained with ``optimizer=rmsprop`` and ``loss.label_smoothing=0.1``

    Args:
        in_channels: C, given by the data.
        out_channels: K classes, given by the data.
        base: Filters of the first convolution; all widths go with it.
        version: Which inception modules.
        auxiliary_weight: Weight of the loss of each of the two auxiliary classifiers, in training only, 0.3 in the
            paper; 0: there are none.
        dropout: Share of the mean features that is dropped in training.

    Raises:
        ConfigError: There is no such version.
    """

    smallest = 32

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 64,
        version: Version = "v1",
        auxiliary_weight: NonNegativeFloat = 0.3,
        dropout: Dropout = 0.4,
    ) -> None:
        super().__init__()
        check_word("model.version", version, Version)
        self.auxiliary_weight = auxiliary_weight
        norm: Norm = "none" if version in ("v1_naive", "v1") else "batch"
        self.stem = _stem(in_channels, base, norm, factorised=version == "v3")
        self.inceptions, self._pooled, observed = _inceptions(base, norm, MODULES[version])
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(observed.pop(), out_channels)
        heads = observed if auxiliary_weight > 0 else []
        self.auxiliary = nn.ModuleList(AuxiliaryClassifier(c, out_channels, base, norm, version) for c in heads)
        self.apply(init_weights)

    @property
    def head(self) -> nn.Linear:
        """The last layer: weight (K, 1024), of v1_naive (K, 4944), of v2 and v3 (K, 1536)."""
        return self.fc

    def features(self, image: Tensor) -> Tensor:
        """The maps of the last module: (B, C, H, W) -> (B, 1024, H/32, W/32), rounded up.

        Raises:
            InputSizeError: H or W is below 32.
        """
        return self._maps(image)[-1]

    def _maps(self, image: Tensor) -> list[Tensor]:
        """The maps of the observed modules, and of the last one."""
        require_size("GoogLeNet", image, self.smallest)
        features, found = self.stem(image), []
        for number, module in enumerate(self.inceptions):
            features = module(self.pool(features) if number in self._pooled else features)
            if number in OBSERVED:
                found.append(features)
        return [*found, features]

    def forward(self, image: Tensor) -> Tensor | Supervised:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 32.

        Returns:
            Logits (B, K); in training mode with an auxiliary weight, ``Supervised`` with those of both classifiers.

        Raises:
            InputSizeError: H or W is below 32.
        """
        *observed, last = self._maps(image)
        logits: Tensor = self.fc(self.dropout(last.mean((-2, -1))))
        if not self.training or not len(self.auxiliary):
            return logits
        auxiliary = tuple(head(maps) for head, maps in zip(self.auxiliary, observed, strict=True))
        return Supervised(logits, auxiliary, (self.auxiliary_weight,) * len(auxiliary))


class AuxiliaryClassifier(nn.Module):
    """Logits from a middle map: means over 4x4 fields, 1x1 convolution to 128 maps, dense layer of 1024, dropout."""

    def __init__(self, in_channels: int, out_channels: int, base: int, norm: Norm, version: Version) -> None:
        super().__init__()
        maps, width = max(1, 2 * base), max(1, 16 * base)
        self.conv = conv(in_channels, maps, 1, norm)
        self.dense = nn.Linear(16 * maps, width)
        self.norm = PooledNorm(width) if version == "v3" else nn.Identity()
        self.last = nn.Sequential(nn.ReLU(inplace=True), nn.Dropout(0.7), nn.Linear(width, out_channels))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, K)."""
        dense = self.dense(self.conv(adaptive_average(features, 4)).flatten(1))
        logits: Tensor = self.last(self.norm(dense[:, :, None, None]).flatten(1))
        return logits


def _stem(in_channels: int, base: int, norm: Norm, *, factorised: bool) -> nn.Sequential:
    """7x7 of stride 2, pooling, 1x1, 3x3 to three times the width: (B, C, H, W) -> (B, 3 base, H/4, W/4)."""
    first: list[nn.Module] = [conv(in_channels, base, 7, norm, stride=2)]
    if factorised:
        half = max(1, base // 2)
        first = [conv(in_channels, half, 3, norm, stride=2), conv(half, half, 3, norm), conv(half, base, 3, norm)]
    pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
    return nn.Sequential(*first, pool, conv(base, base, 1, norm), conv(base, 3 * base, 3, norm))


def _inceptions(base: int, norm: Norm, kinds: tuple[Make, Make, Make]) -> tuple[nn.ModuleList, set[int], list[int]]:
    """The modules, the numbers of those behind a pooling, and the channels of the observed ones and of the last."""
    modules: list[Branches] = []
    pooled: set[int] = set()
    channels = 3 * base
    for make, stage in zip(kinds, FILTERS, strict=True):
        pooled.add(len(modules))
        for filters in stage:
            modules.append(make(channels, filters.scaled(base), norm))
            channels = modules[-1].out_channels
    return nn.ModuleList(modules), pooled, [modules[number].out_channels for number in (*OBSERVED, -1)]
