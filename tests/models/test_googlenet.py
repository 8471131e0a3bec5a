"""GoogLeNet: published sizes, the modules of its versions, auxiliary classifiers in training only."""

from typing import Any

import pytest
import torch
from torch import nn

from segexp.errors import ConfigError
from segexp.models.auxiliary import Supervised
from segexp.models.googlenet import GoogLeNet
from segexp.models.inception import Filters, factorised_module, naive_module, reduced_module, stacked_module
from tests.models.test_encoders import count, image

F = Filters(64, 96, 128, 16, 32, 32)
"""Of module 3a."""


def small(**keys: Any) -> GoogLeNet:
    torch.manual_seed(0)
    return GoogLeNet(3, 5, base=8, **keys)


# Szegedy et al. 2015: about 7 million; 6,998,552 are those of table 1 with their biases, 13,378,280 the authors' Caffe
# model with both auxiliary classifiers.
@pytest.mark.parametrize(
    ("version", "alone", "with_heads", "maps"),
    [
        ("v1_naive", 97_526_008, 104_274_376, 4944),
        ("v1", 6_998_552, 13_378_280, 1024),
        ("v2", 8_081_736, 14_461_720, 1536),
        ("v3", 8_100_968, 14_485_048, 1536),
    ],
)
def test_sizes_and_maps(version: Any, alone: int, with_heads: int, maps: int) -> None:
    with torch.device("meta"):
        model, plain = (GoogLeNet(3, 1000, version=version, auxiliary_weight=weight) for weight in (0.3, 0.0))
        features = plain.features(torch.empty(1, 3, 224, 224))
    assert (count(plain), count(model)) == (alone, with_heads)
    assert features.shape == (1, maps, 7, 7)
    assert plain.head.weight.shape == (1000, maps)
    assert len(model.inceptions) == 9


@pytest.mark.parametrize("version", ["v1_naive", "v1", "v2", "v3"])
def test_auxiliary_logits_are_given_in_training_only(version: Any) -> None:
    model, batch = small(version=version), image(2, 3, 64, 64)
    found = model(batch)
    assert isinstance(found, Supervised)
    assert found.weights == (0.3, 0.3)
    assert [tuple(logits.shape) for logits in (found.logits, *found.auxiliary)] == [(2, 5)] * 3
    assert isinstance(model.eval()(batch), torch.Tensor)
    assert isinstance(small(version=version, auxiliary_weight=0.0)(batch), torch.Tensor)


def test_a_training_batch_of_one_image_is_taken() -> None:
    assert isinstance(small(version="v3")(image(1, 3, 64, 64)), Supervised)


def test_reductions_keep_the_maps_few_and_the_weights_too() -> None:
    naive, reduced = naive_module(192, F, "none"), reduced_module(192, F, "none")
    assert (naive.out_channels, reduced.out_channels) == (64 + 128 + 32 + 192, 256)
    assert (count(naive), count(reduced)) == (387_296, 163_696)


def test_two_small_filters_see_as_far_as_a_large_one_with_fewer_weights() -> None:
    five, stacked = (reduced_module(8, Filters(8, 8, 8, 8, 8, 8), "none"), stacked_module(8, Filters(*[8] * 6), "none"))
    # 2 (9 * 8 * 8 + 8) in place of 25 * 8 * 8 + 8
    assert count(five) - count(stacked) == (25 * 64 + 8) - 2 * (9 * 64 + 8)
    for module in (five, stacked):
        line = image(1, 8, 11, 11).requires_grad_()
        module.branches[2](line)[0, :, 5, 5].sum().backward()
        assert line.grad is not None
        assert line.grad[0].abs().sum(0).nonzero().min() >= 3
        assert line.grad[0].abs().sum(0).nonzero().max() <= 7


def test_a_row_and_a_column_stand_for_a_square() -> None:
    module = factorised_module(8, Filters(*[8] * 6), "none")
    convs = [layer for layer in module.branches[1].modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.kernel_size for layer in convs] == [(1, 1), (1, 7), (7, 1)]
    assert sum(layer.weight.numel() for layer in convs[1:]) == 14 * 64  # for 49 * 64


def test_versions_differ_where_the_papers_say() -> None:
    norms = {version: _norms(small(version=version)) for version in ("v1", "v2", "v3")}
    assert norms["v1"] == {"trunk": 0, "dense": 0}
    assert norms["v2"]["dense"] == 0
    assert norms["v3"]["dense"] == 2
    stems = {version: small(version=version).stem[0][0].kernel_size for version in ("v1", "v2", "v3")}
    assert stems == {"v1": (7, 7), "v2": (7, 7), "v3": (3, 3)}


def _norms(model: GoogLeNet) -> dict[str, int]:
    dense = [head.norm for head in model.auxiliary if isinstance(head.norm, nn.BatchNorm2d)]
    return {
        "trunk": sum(isinstance(layer, nn.BatchNorm2d) for layer in model.inceptions.modules()),
        "dense": len(dense),
    }


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.version: found 'v4', expected v1_naive \| v1 \| v2 \| v3"):
        small(version="v4")
