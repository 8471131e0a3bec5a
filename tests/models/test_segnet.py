"""SegNet against the published figures and its mirrored structure."""

import pytest
import torch
from torch import Tensor, nn

from segexp.errors import ConfigError
from segexp.models.auxiliary import Supervised
from segexp.models.segnet import SegNet
from segexp.models.sizes import InputSizeError


def image(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("outputs", "parameters"), [(1, 29_443_585), (2, 29_444_162), (3, 29_444_739)])
def test_parameters(outputs: int, parameters: int) -> None:
    with torch.device("meta"):
        model = SegNet(3, outputs)
    assert sum(parameter.numel() for parameter in model.parameters()) == parameters


def test_decoder_mirrors_the_encoder() -> None:
    with torch.device("meta"):
        model = SegNet(3, 2)
    convs = [
        [(conv.in_channels, conv.out_channels) for conv in stage if isinstance(conv, nn.Conv2d)]
        for stage in reversed(list(model.decoder))
    ]
    assert convs == [
        [(512, 512), (512, 512), (512, 512)],
        [(512, 512), (512, 512), (512, 256)],
        [(256, 256), (256, 256), (256, 128)],
        [(128, 128), (128, 64)],
        [(64, 64), (64, 2)],
    ]
    norms = sum(isinstance(layer, nn.BatchNorm2d) for layer in model.modules())
    assert norms == 13 + 12  # after every convolution but the last
    assert isinstance(model.decoder[0][-1], nn.Conv2d)


def test_unpooling_puts_back_where_the_encoder_took_from() -> None:
    """Every map that the decoder's first convolutions see is 0 except at the places of the encoder's maxima."""
    model, seen, taken = SegNet(3, 1, base=2).eval(), {}, {}
    for stage in range(5):
        first = model.decoder[stage][0]
        first.register_forward_pre_hook(lambda _m, inputs, stage=stage: seen.__setitem__(stage, inputs[0]))
        model.upsample[stage].register_forward_pre_hook(
            lambda _m, _inputs, named, stage=stage: taken.__setitem__(stage, named["indices"]), with_kwargs=True
        )
    model(image(1, 3, 37, 64))
    for stage in range(5):
        height, width = 37 >> stage, 64 >> stage
        assert seen[stage].shape[-2:] == (height, width)
        places = torch.zeros(1, seen[stage].shape[1], height * width).scatter(2, taken[stage].flatten(2), 1.0)
        assert not (seen[stage].flatten(2) * (1 - places)).any()
        windows = (height // 2) * (width // 2)
        assert places.sum() == windows * seen[stage].shape[1]


def test_dropout_acts_in_training_only_and_on_deep_stages() -> None:
    model = SegNet(3, 1, base=2, norm="none", dropout=0.5)
    calls: list[tuple[int, ...]] = []
    model.dropout.register_forward_hook(lambda _m, inputs, _o: calls.append(tuple(inputs[0].shape[1:])))
    batch = image(1, 3, 64, 64)
    torch.manual_seed(0)
    first, second = model.train()(batch), model(batch)
    assert not torch.equal(first, second)
    assert calls[:6] == [(8, 8, 8), (16, 4, 4), (16, 2, 2), (16, 4, 4), (8, 8, 8), (4, 16, 16)]
    model.eval()
    assert torch.equal(model(batch), model(batch))


def test_frozen_encoder_trains_the_decoder_only() -> None:
    model = SegNet(3, 1, base=2, freeze_encoder=True).train()
    model(image(2, 3, 32, 32)).sum().backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == name.startswith("encoder."), name


def test_small_images_are_refused() -> None:
    with pytest.raises(InputSizeError, match=r"31x64.*32x32"):
        SegNet(3, 1, base=1)(torch.zeros(1, 3, 31, 64))


def test_deep_supervision_has_a_head_for_each_coarse_stage_and_only_in_training() -> None:
    weights = [0.5, 0.25, 0.125, 0.0625]
    model = SegNet(3, 2, base=4, auxiliary_weights=weights)
    outputs = model.train()(image(2, 3, 33, 47))
    assert isinstance(outputs, Supervised)
    assert outputs.weights == tuple(weights)
    assert [each.shape for each in outputs.auxiliary] == [(2, 2, 33, 47)] * 4
    assert model.supervision is not None
    # Stages below the finest end in the widths of the next finer stage: 4, 8, 16, 32.
    assert [head.in_channels for head in model.supervision.heads] == [4, 8, 16, 32]  # type: ignore[union-attr]
    assert isinstance(model.eval()(image(1, 3, 33, 47)), Tensor)
    with pytest.raises(ConfigError, match="found 1 weights, expected 4"):
        SegNet(3, 2, base=4, auxiliary_weights=[0.5])


def test_separable_decoder_leaves_encoder_and_logits_plain() -> None:
    with torch.device("meta"):
        plain, separable = SegNet(3, 1), SegNet(3, 1, conv="separable")
    assert separable.encoder.state_dict().keys() == plain.encoder.state_dict().keys()
    assert separable.decoder[0][-1].weight.shape == plain.decoder[0][-1].weight.shape == (1, 64, 3, 3)
    # 512 -> 512: 9 weights a channel without bias, then 512 x 512 and a bias.
    first = sum(parameter.numel() for parameter in separable.decoder[4][0].parameters())
    assert first == 9 * 512 + 512 * 512 + 512
