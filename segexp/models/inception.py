"""Inception modules: branches of several filter sizes side by side (Szegedy et al. 2015; Szegedy et al. 2016)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from segexp.models.norms import Norm, make_norm

Kernel = int | tuple[int, int]


class Filters(NamedTuple):
    """Filters of a module with four branches, as table 1 of Szegedy et al. 2015 names them.

    Attributes:
        one: Of the 1x1 convolution.
        reduce3: Of the 1x1 convolution in front of the 3x3.
        three: Of the 3x3 convolution.
        reduce5: Of the 1x1 convolution in front of the 5x5.
        five: Of the 5x5 convolution.
        pool: Of the 1x1 convolution behind the max-pooling.
    """

    one: int
    reduce3: int
    three: int
    reduce5: int
    five: int
    pool: int

    def scaled(self, base: int) -> "Filters":
        """Filters of a network of another base than 64."""
        return Filters(*(max(1, number * base // 64) for number in self))


class Branches(nn.Module):
    """Branches side by side on one map, joined along the channels.

    Attributes:
        out_channels: Channels of the joined map.
    """

    def __init__(self, branches: list[nn.Module], out_channels: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.out_channels = out_channels

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, out_channels, h, w)."""
        return torch.cat([branch(features) for branch in self.branches], dim=1)


def conv(in_channels: int, out_channels: int, kernel: Kernel, norm: Norm, stride: int = 1) -> nn.Sequential:
    """Convolution that keeps the size (or divides it by the stride, rounded up), norm, ReLU."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (sides[0] // 2, sides[1] // 2)
    layer = nn.Conv2d(in_channels, out_channels, sides, stride=stride, padding=padding, bias=norm == "none")
    return nn.Sequential(layer, *make_norm(norm, out_channels), nn.ReLU(inplace=True))


def chain(in_channels: int, steps: list[tuple[int, Kernel]], norm: Norm) -> nn.Sequential:
    """Convolutions one after the other, each of so many filters and such a kernel."""
    widths = [in_channels, *(filters for filters, _ in steps)]
    return nn.Sequential(
        *(conv(before, filters, kernel, norm) for before, (filters, kernel) in zip(widths, steps, strict=False))
    )


def naive_module(in_channels: int, filters: Filters, norm: Norm) -> Branches:
    """1x1, 3x3 and 5x5 on the whole map, and a max-pooling (figure 2a of 2015): wider and costlier at each module."""
    f = filters
    branches: list[nn.Module] = [
        conv(in_channels, f.one, 1, norm), conv(in_channels, f.three, 3, norm), conv(in_channels, f.five, 5, norm),
        _pool(),
    ]  # fmt: skip
    return Branches(branches, f.one + f.three + f.five + in_channels)


def reduced_module(in_channels: int, filters: Filters, norm: Norm) -> Branches:
    """Inception module with 1x1 reductions before the large filters and after the pooling (figure 2b, 2015)."""
    f = filters
    branches: list[nn.Module] = [
        conv(in_channels, f.one, 1, norm),
        chain(in_channels, [(f.reduce3, 1), (f.three, 3)], norm),
        chain(in_channels, [(f.reduce5, 1), (f.five, 5)], norm),
        nn.Sequential(_pool(), conv(in_channels, f.pool, 1, norm)),
    ]
    return Branches(branches, f.one + f.three + f.five + f.pool)


def stacked_module(in_channels: int, filters: Filters, norm: Norm) -> Branches:
    """Inception module with reductions and two 3x3 in place of the 5x5: 18 weights for 25 (figure 5 of 2016)."""
    f = filters
    branches: list[nn.Module] = [
        conv(in_channels, f.one, 1, norm),
        chain(in_channels, [(f.reduce3, 1), (f.three, 3)], norm),
        chain(in_channels, [(f.reduce5, 1), (f.five, 3), (f.five, 3)], norm),
        nn.Sequential(_pool(), conv(in_channels, f.pool, 1, norm)),
    ]
    return Branches(branches, f.one + f.three + f.five + f.pool)


def factorised_module(in_channels: int, filters: Filters, norm: Norm, n: int = 7) -> Branches:
    """An n x n filter as 1 x n and n x 1, once and twice: 2 n weights for n^2 (figure 6 of 2016, for middle maps)."""
    f, row, column = filters, (1, n), (n, 1)
    deep: list[tuple[int, Kernel]] = [(f.reduce5, row), (f.five, column), (f.five, row), (f.five, column)]
    branches: list[nn.Module] = [
        conv(in_channels, f.one, 1, norm),
        chain(in_channels, [(f.reduce3, 1), (f.reduce3, row), (f.three, column)], norm),
        chain(in_channels, [(f.reduce5, 1), *deep], norm),
        nn.Sequential(_pool(), conv(in_channels, f.pool, 1, norm)),
    ]
    return Branches(branches, f.one + f.three + f.five + f.pool)


def widened_module(in_channels: int, filters: Filters, norm: Norm) -> Branches:
    """1x3 and 3x1 side by side, not in a row: a wider bank where the map is coarsest (figure 7 of 2016)."""
    f = filters
    branches: list[nn.Module] = [
        conv(in_channels, f.one, 1, norm),
        nn.Sequential(conv(in_channels, f.reduce3, 1, norm), _fork(f.reduce3, f.three, norm)),
        nn.Sequential(chain(in_channels, [(f.reduce5, 1), (f.five, 3)], norm), _fork(f.five, f.five, norm)),
        nn.Sequential(_pool(), conv(in_channels, f.pool, 1, norm)),
    ]
    return Branches(branches, f.one + 2 * f.three + 2 * f.five + f.pool)


def _fork(in_channels: int, filters: int, norm: Norm) -> Branches:
    """1x3 and 3x1 side by side."""
    return Branches([conv(in_channels, filters, (1, 3), norm), conv(in_channels, filters, (3, 1), norm)], 2 * filters)


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
