"""MiniGoogLeNet: the size that the paper states, and its maps."""

from typing import Any

import pytest
import torch
from torch import nn

from segexp.models.minigooglenet import MiniGoogLeNet
from segexp.models.sizes import InputSizeError
from tests.models.test_encoders import count, image


# Table 1 of Zhang et al. 2017; a batch norm has the shift that the paper counts, and a scale for each of 1712 filters.
@pytest.mark.parametrize(("norm", "total"), [("none", 1_649_402), ("batch", 1_649_402 + 1_712)])
def test_has_the_published_size(norm: Any, total: int) -> None:
    with torch.device("meta"):
        model = MiniGoogLeNet(3, 10, norm=norm)
        maps = model.features(torch.empty(1, 3, 32, 32))
    assert count(model) == total
    assert maps.shape == (1, 336, 8, 8)
    assert model.head.weight.shape == (10, 336)


def test_widths_go_with_the_base_and_logits_with_the_mean_of_the_maps() -> None:
    torch.manual_seed(0)
    model = MiniGoogLeNet(1, 4, base=12).eval()
    assert model.head.weight.shape == (4, 42)
    batch = image(2, 1, 33, 40)
    assert model.features(batch).shape == (2, 42, 9, 10)
    torch.testing.assert_close(model(batch), model.head(model.features(batch).mean((-2, -1))))


def test_a_downsample_module_keeps_what_it_pools() -> None:
    model = MiniGoogLeNet(3, 2, base=12).eval()
    down = model.stages[3]
    features = image(1, 10, 8, 8)
    pooled = nn.MaxPool2d(3, 2, 1)(features)
    torch.testing.assert_close(down(features)[:, -10:], pooled)


def test_refuses_smaller_images_than_its_poolings_take() -> None:
    with pytest.raises(InputSizeError, match="MiniGoogLeNet was given 4x32: use at least 5x5 pixels"):
        MiniGoogLeNet(3, 2, base=12)(image(1, 3, 4, 32))
