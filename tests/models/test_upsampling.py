"""Every way of upsampling against hand-computed values."""

from typing import get_args

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segexp.errors import ConfigError
from segexp.models.segnet import SegNet
from segexp.models.upsampling import MaxUnpool, Upsample, Upsampling, bed_of_nails, mean_of_nails, random_nails

WAYS = list(get_args(Upsampling))
SMALL = torch.tensor([[1.0, 2.0], [3.0, 4.0]])


def upsampled(how: Upsampling, size: tuple[int, int], indices: Tensor | None = None) -> Tensor:
    """The 2x2 map, one channel, through an identity convolution."""
    layer = Upsample(1, 1, how)
    nn.init.ones_(layer.conv.weight)
    assert layer.conv.bias is not None
    nn.init.zeros_(layer.conv.bias)
    with torch.no_grad():
        result: Tensor = layer(SMALL[None, None], *size, indices)
    return result[0, 0]


def test_nearest_repeats() -> None:
    wanted = [[1.0, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]
    assert torch.equal(upsampled("nearest", (4, 4)), torch.tensor(wanted))


def test_bilinear_by_hand() -> None:
    """Pixel centres: the new ones lie at -1/4, 1/4, 3/4 and 5/4 of the old, and the outer ones repeat the edge."""
    row = torch.tensor([1, 1.25, 1.75, 2])
    wanted = torch.stack([row, row + 0.5, row + 1.5, row + 2])
    assert torch.equal(upsampled("bilinear", (4, 4)), wanted)


def keys(distance: float, a: float = -0.75) -> float:
    """Cubic convolution kernel (Keys 1981)."""
    x = abs(distance)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else 0.0


def test_bicubic_against_the_kernel() -> None:
    weights = np.zeros((4, 2))
    for new in range(4):
        place = (new + 0.5) / 2 - 0.5
        for old in range(-2, 4):
            weights[new, min(max(old, 0), 1)] += keys(place - old)
    wanted = weights @ SMALL.numpy() @ weights.T
    np.testing.assert_allclose(upsampled("bicubic", (4, 4)).numpy(), wanted, atol=1e-6)
    assert wanted[0, 0] < 1  # it overshoots


@pytest.mark.parametrize("size", [(4, 4), (5, 5), (4, 5)])
def test_transposed_puts_a_copy_of_the_kernel_for_each_value(size: tuple[int, int]) -> None:
    layer = Upsample(1, 1, "transposed")
    kernel = torch.tensor([[1.0, 10.0], [100.0, 1000.0]])
    assert layer.conv.bias is not None
    with torch.no_grad():
        layer.conv.weight.copy_(kernel)
        layer.conv.bias.fill_(0.5)
        found = layer(SMALL[None, None], *size)[0, 0]
    wanted = torch.full(size, 0.5)  # an odd last row or column has the bias alone
    wanted[:4, :4] += torch.kron(SMALL, kernel)
    assert torch.equal(found, wanted)


def test_unpool_by_hand() -> None:
    indices = torch.tensor([[5, 2], [8, 15]])  # in the flattened 4x4 map: one in each 2x2 window
    wanted = [[0.0, 0, 2, 0], [0, 1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 4]]
    assert torch.equal(upsampled("unpool", (4, 4), indices[None, None]), torch.tensor(wanted))
    wider = torch.tensor([[6, 2], [10, 18]])  # the same places in a 5x5 map
    found = upsampled("unpool", (5, 5), wider[None, None])
    assert torch.equal(found[:4, :4], torch.tensor(wanted))
    assert not found[4].any()
    assert not found[:, 4].any()


def test_unpool_is_the_same_where_only_deterministic_kernels_are_allowed() -> None:
    image = torch.randn(1, 3, 9, 8, generator=torch.Generator().manual_seed(0)).requires_grad_()
    pooled, places = nn.functional.max_pool2d(image, 2, return_indices=True)
    found = []
    for strict in (False, True):
        torch.use_deterministic_algorithms(strict)
        whole = MaxUnpool()(pooled, places, 9, 8)
        found.append((whole, torch.autograd.grad(whole.square().sum(), image, retain_graph=True)[0]))
    torch.use_deterministic_algorithms(False)
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
    assert int((found[1][0] != 0).sum()) == 3 * 4 * 4


def test_unpool_without_indices_is_refused() -> None:
    with pytest.raises(ConfigError, match="indices"):
        upsampled("unpool", (4, 4))


def test_bed_of_nails_by_hand() -> None:
    wanted = torch.tensor([[1.0, 0, 2, 0, 0], [0, 0, 0, 0, 0], [3, 0, 4, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    assert torch.equal(upsampled("bed_of_nails", (5, 5)), wanted)
    assert torch.equal(upsampled("bed_of_nails", (4, 4)), wanted[:4, :4])


def test_gradient_passes_the_nails_alone() -> None:
    features = SMALL[None, None].clone().requires_grad_()
    (bed_of_nails(features, 4, 4) * torch.arange(16.0).view(4, 4)).sum().backward()
    assert features.grad is not None
    assert features.grad[0, 0].tolist() == [[0, 2], [8, 10]]


def test_random_nails_put_each_value_once_into_its_cell_and_mean_a_quarter() -> None:
    torch.manual_seed(0)
    features = SMALL[None, None]
    draws = torch.stack([random_nails(features, 5, 5)[0, 0] for _ in range(400)])
    cells = draws[:, :4, :4].unfold(1, 2, 2).unfold(2, 2, 2).flatten(3)
    assert torch.equal(cells.sum(-1), SMALL.expand(400, 2, 2))
    assert torch.equal(cells.ne(0).sum(-1), torch.ones(400, 2, 2, dtype=torch.long))
    assert not draws[:, 4].any()
    assert not draws[:, :, 4].any()
    mean = mean_of_nails(features, 5, 5)[0, 0]
    assert torch.equal(mean[:4, :4], torch.kron(SMALL, torch.full((2, 2), 0.25)))
    torch.testing.assert_close(draws.mean(0), mean, rtol=0.3, atol=0.1)


def test_random_nails_follow_the_seed_in_training_and_are_fixed_outside() -> None:
    layer, features = Upsample(2, 3, "bed_of_nails", "random"), torch.randn(1, 2, 4, 4)

    def drawn(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        found: torch.Tensor = layer(features, 8, 9)
        return found

    assert torch.equal(drawn(1), drawn(1))
    assert not torch.equal(drawn(1), drawn(2))
    layer.eval()
    assert torch.equal(drawn(1), drawn(2))
    assert torch.equal(drawn(1), mean_of_nails(layer.conv(features), 8, 9))


def test_nails_are_for_the_bed_of_nails() -> None:
    for make in (lambda: Upsample(1, 1, "nearest", "random"), lambda: SegNet(3, 1, base=2, bed_of_nails="random")):
        with pytest.raises(ConfigError, match=r"model\.bed_of_nails: found random with upsample="):
            make()


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("size", [(6, 8), (7, 8), (6, 9), (7, 9)])
def test_size_and_channels(how: Upsampling, size: tuple[int, int]) -> None:
    _, indices = nn.functional.max_pool2d(torch.randn(2, 3, *size), 2, return_indices=True)
    assert Upsample(5, 3, how)(torch.randn(2, 5, 3, 4), *size, indices).shape == (2, 3, *size)


def test_reducing_first_equals_reducing_last() -> None:
    """The 1x1 convolution and the interpolation commute."""
    layer, features = Upsample(6, 2, "bicubic"), torch.randn(1, 6, 4, 5)
    assert isinstance(layer.conv, nn.Conv2d)
    late = layer.conv(nn.functional.interpolate(features, size=(9, 10), mode="bicubic", align_corners=False))
    torch.testing.assert_close(layer(features, 9, 10), late)


def test_unknown_way_lists_all() -> None:
    with pytest.raises(ConfigError, match=r"transposed \| nearest \| bilinear \| bicubic \| unpool \| bed_of_nails"):
        Upsample(1, 1, "cubic")  # type: ignore[arg-type]
