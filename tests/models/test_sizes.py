"""Mirroring against numpy, and same_size."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segexp.models.auxiliary import Supervised
from segexp.models.sizes import InputSizeError, Padding, mirror_pad, require_size, same_size


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (3, 4), (12, 20)])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 2, 0, 1), (9, 8, 7, 13)])
def test_mirror_is_that_of_numpy(size: tuple[int, int], padding: Padding) -> None:
    image = torch.randn(2, 3, *size)
    left, right, top, bottom = padding
    wanted = np.pad(image.numpy(), ((0, 0), (0, 0), (top, bottom), (left, right)), mode="reflect")
    assert np.array_equal(mirror_pad(image, padding).numpy(), wanted)


def test_mirror_keeps_channels_last() -> None:
    image = torch.randn(2, 3, 8, 8).contiguous(memory_format=torch.channels_last)
    assert mirror_pad(image, (2, 2, 2, 2)).is_contiguous(memory_format=torch.channels_last)


def test_a_model_without_context_runs_as_it_is() -> None:
    image = torch.randn(1, 2, 5, 7)
    assert same_size(nn.Identity(), image) is image


class _Valid(nn.Module):
    """A 3x3 mean without padding."""

    def context(self, height: int, width: int) -> Padding:
        return 1, 1, 1, 1

    def forward(self, image: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(image, 3, stride=1)


def test_first_logit_belongs_to_first_pixel() -> None:
    image = torch.randn(1, 1, 6, 8)
    inner = nn.functional.avg_pool2d(image, 3, stride=1)
    assert torch.equal(same_size(_Valid(), image)[..., 1:-1, 1:-1], inner)


class _Auxiliary(_Valid):
    """The mean, with two multiples of it beside it, and a surplus at the right and the bottom."""

    def context(self, height: int, width: int) -> Padding:
        return 1, 3, 1, 2

    def forward(self, image: Tensor) -> Supervised:  # type: ignore[override]
        mean = super().forward(image)
        return Supervised(mean, (2 * mean, 3 * mean), (0.5, 0.25))


def test_auxiliary_logits_are_cut_as_the_logits() -> None:
    image = torch.randn(2, 1, 6, 8)
    wanted, found = same_size(_Valid(), image), same_size(_Auxiliary(), image)
    assert isinstance(wanted, Tensor)
    assert isinstance(found, Supervised)
    assert found.logits.shape == (2, 1, 6, 8)
    assert torch.equal(found.logits, wanted)
    assert torch.equal(found.auxiliary[0], 2 * wanted)
    assert torch.equal(found.auxiliary[1], 3 * wanted)
    assert found.weights == (0.5, 0.25)


def test_too_small_an_image_is_refused() -> None:
    require_size("Net", torch.zeros(1, 1, 4, 5), 4)
    with pytest.raises(InputSizeError, match="Net was given 3x5: use at least 4x4"):
        require_size("Net", torch.zeros(1, 1, 3, 5), 4)
