"""DeepLab-V3+ with Aligned Xception: counts, sizes, and what the paper changes in Xception."""

import pytest
import torch
from torch import nn

from segexp.errors import ConfigError
from segexp.models.deeplab_plus import DeepLabV3Plus
from segexp.models.encoders.xception import SeparableConv, Xception


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def separable(before: int, after: int) -> int:
    """Weights of a 3x3 filter per channel and a 1x1 convolution, with two norms."""
    return 9 * before + 2 * before + before * after + 2 * after


def projection(before: int, after: int) -> int:
    return before * after + 2 * after


def entry(before: int, width: int) -> int:
    return separable(before, width) + 2 * separable(width, width) + projection(before, width)


STEM = 27 * 32 + 2 * 32 + 9 * 32 * 64 + 2 * 64
MIDDLE = 3 * separable(728, 728)
EXIT = separable(728, 728) + separable(728, 1024) + separable(1024, 1024) + projection(728, 1024)
END = separable(1024, 1536) + separable(1536, 1536) + separable(1536, 2048)
ENCODER = STEM + entry(64, 128) + entry(128, 256) + entry(256, 728) + 16 * MIDDLE + EXIT + END
PYRAMID = 2 * projection(2048, 256) + 3 * separable(2048, 256) + projection(5 * 256, 256)
DECODER = projection(256, 48) + separable(304, 256) + separable(256, 256) + 257


def test_parameters_are_those_of_the_paper_s_layers() -> None:
    """With a classifier of 1000 classes the encoder has 39.92 million, as others publish of it."""
    with torch.device("meta"):
        assert count(Xception(3)) == ENCODER == 37_867_312
        assert count(DeepLabV3Plus(3, 1)) == ENCODER + PYRAMID + DECODER == 41_050_273
        assert count(Xception(3, middle_blocks=8)) == ENCODER - 8 * MIDDLE
    assert round((ENCODER + 2048 * 1000 + 1000) / 1e6, 2) == 39.92


@pytest.mark.parametrize(("stride", "last"), [(32, (3, 4)), (16, (5, 7)), (8, (9, 13))])
def test_strides_and_sizes(stride: int, last: tuple[int, int]) -> None:
    encoder = Xception(3, base=2, middle_blocks=1, output_stride=stride).eval()  # type: ignore[arg-type] # a choice
    low, features = encoder(torch.randn(1, 3, 65, 97))
    assert low.shape == (1, 16, 17, 25)
    assert features.shape == (1, 128, *last)
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in encoder.modules())


def test_finer_maps_hold_the_coarser_ones() -> None:
    """Dilation in place of stride: every second value of the finer map is the coarser one's, far from the border."""
    torch.manual_seed(0)
    coarse = Xception(3, base=2, middle_blocks=1, output_stride=16).eval()
    fine = Xception(3, base=2, middle_blocks=1, output_stride=8).eval()
    fine.load_state_dict(coarse.state_dict())
    image = torch.randn(1, 3, 768, 768)
    with torch.no_grad():
        (_, one), (_, other) = coarse(image), fine(image)
    inner = slice(20, 28)
    torch.testing.assert_close(one[..., inner, inner], other[..., ::2, ::2][..., inner, inner], rtol=1e-3, atol=1e-4)


def test_norm_and_relu_follow_each_depthwise_filter() -> None:
    layers = [type(layer).__name__ for layer in SeparableConv(3, 4)]
    assert layers == ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d", "ReLU"]
    conv = SeparableConv(3, 4, 2, 3)[0]
    assert isinstance(conv, nn.Conv2d)
    assert (conv.groups, conv.stride, conv.dilation, conv.padding) == (3, (2, 2), (3, 3), (3, 3))


def test_logits_have_the_size_of_the_image_and_a_frozen_encoder_stays() -> None:
    model = DeepLabV3Plus(3, 2, base=2, middle_blocks=1, freeze_encoder=True).train()
    before = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    logits = model(torch.randn(2, 3, 45, 33))
    assert logits.shape == (2, 2, 45, 33)
    logits.sum().backward()
    assert all(weight.grad is None for weight in model.encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.encoder.state_dict().items())
    assert all(weight.grad is not None for weight in model.decoder.parameters())
    with pytest.raises(ConfigError, match=r"model\.output_stride: found 32"):
        DeepLabV3Plus(3, 1, base=2, output_stride=32)  # type: ignore[arg-type]
