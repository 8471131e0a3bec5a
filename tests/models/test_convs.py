"""Kinds of convolution: what they multiply and what they connect."""

import pytest
import torch
from torch import Tensor, nn

from segexp.errors import ConfigError
from segexp.models.convs import Conv, double_conv, he_init, make_conv, pointwise, separable_conv


def multiplications(model: nn.Module, image: Tensor) -> int:
    """Products of a weight and a value, counted at the convolutions as they run."""
    counts: list[int] = []
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(
                lambda conv, _inputs, output: counts.append(conv.weight.numel() * output.shape[-2] * output.shape[-1])
            )
    model(image)
    return sum(counts)


@pytest.mark.parametrize(("kind", "products"), [("plain", 1_228_800), ("separable", 53_952)])
def test_multiplications_of_the_notes(kind: Conv, products: int) -> None:
    """256 filters of 5x5 on 12x12x3."""
    conv = make_conv(kind, 3, 256, kernel=5, padding=0)
    assert multiplications(conv, torch.zeros(1, 3, 12, 12)) == products
    assert conv(torch.zeros(1, 3, 12, 12)).shape == (1, 256, 8, 8)


def test_separable_is_a_plain_convolution_of_rank_one() -> None:
    conv = separable_conv(4, 6)
    depthwise, pointwise = conv
    assert isinstance(depthwise, nn.Conv2d)
    assert isinstance(pointwise, nn.Conv2d)
    assert depthwise.bias is None
    weight = pointwise.weight * depthwise.weight[:, 0][None]
    features = torch.randn(2, 4, 7, 8)
    wanted = nn.functional.conv2d(features, weight, pointwise.bias, padding=1)
    torch.testing.assert_close(conv(features), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("channels", "made"), [((3, 8), 1), ((8, 8), 4), ((6, 8), 2), ((8, 12), 4), ((2, 8), 2)])
def test_groups_divide_both_channels(channels: tuple[int, int], made: int) -> None:
    conv = make_conv("grouped", *channels, groups=4)
    assert isinstance(conv, nn.Conv2d)
    assert conv.groups == made
    assert conv.weight.numel() == channels[0] * channels[1] * 9 // made


def test_a_group_sees_its_own_channels() -> None:
    conv, features = make_conv("grouped", 8, 8, groups=4), torch.randn(1, 8, 5, 5)
    changed = features.clone()
    changed[:, 2:4] += 1  # the second of four groups
    different = (conv(features) != conv(changed)).flatten(2).any(dim=2)[0]
    assert different.tolist() == [False, False, True, True, False, False, False, False]


def test_unknown_kind_lists_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match=r"plain \| separable \| grouped"):
        make_conv("dilated", 1, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["plain", "separable", "grouped"])
def test_he_init_keeps_the_size_of_activations(kind: Conv) -> None:
    """Through four double convolutions, where PyTorch's default loses more than 99 %."""
    sizes = []
    for he in (True, False):
        torch.manual_seed(1)
        stages = nn.Sequential(*(double_conv(64, 64, kinds=(kind, kind), groups=4) for _ in range(4)))
        if he:
            stages.apply(he_init)
        sizes.append(stages(torch.randn(4, 64, 16, 16)).square().mean().item())
    assert 0.1 < sizes[0] < 2  # the zeros of the padding take some
    assert sizes[1] < 0.01


def test_dropout_lies_between_and_keeps_the_names_of_weights() -> None:
    plain, dropping = double_conv(2, 4, norm="batch"), double_conv(2, 4, norm="batch", dropout=0.5)
    assert list(plain.state_dict()) == list(dropping.state_dict())
    assert [name for name, _ in dropping.named_children()] == ["0", "1", "2", "dropout", "3", "4", "5"]
    assert [name for name, _ in plain.named_children()] == ["0", "1", "2", "3", "4", "5"]


def test_dropout_zeroes_whole_channels_in_training_alone() -> None:
    torch.manual_seed(0)
    stage = double_conv(1, 64, dropout=0.25)
    seen: list[Tensor] = []
    stage.dropout.register_forward_hook(lambda _layer, inputs, output: seen.extend((inputs[0] > 0, output > 0)))
    stage(torch.randn(32, 1, 9, 9))
    before, after = (each.flatten(2).any(dim=2) for each in seen)
    assert abs((before & ~after).sum() / before.sum() - 0.25) < 0.03
    assert torch.equal(seen[1], seen[0] & after[..., None, None])
    stage.eval()
    image = torch.randn(1, 1, 9, 9)
    assert torch.equal(stage(image), stage(image))


@pytest.mark.parametrize(("channels", "dtype"), [(4096, torch.float32), (64, torch.bfloat16)])
def test_a_wide_pointwise_convolution_is_spared_bfloat16(channels: int, dtype: torch.dtype) -> None:
    """Its gradient breaks the heap on processors with AMX; narrower ones stay as autocast has them."""
    conv, features = nn.Conv2d(channels, 2, 1), torch.randn(2, channels, 3, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = pointwise(conv, features)
    assert found.dtype == dtype
    found.float().square().mean().backward()
    assert conv.weight.grad is not None
    if dtype == torch.float32:
        assert torch.equal(found, conv(features))
    assert torch.equal(pointwise(conv, features), conv(features))
