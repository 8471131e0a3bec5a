"""The compact networks of Bahl et al. 2019 and Galdran et al. 2022 against their published figures."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn

from segexp.models.auxiliary import Supervised
from segexp.models.cfcn import CFCN
from segexp.models.cunet_separable import CUNetSeparable
from segexp.models.little_unet import LittleUNet
from segexp.models.sizes import InputSizeError
from segexp.models.upsampling import Upsampling
from segexp.models.wnet import WNet

NETS = [CFCN, CUNetSeparable, LittleUNet, WNet]


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("net", "parameters"), [(CFCN, 1_438), (CUNetSeparable, 51_113), (LittleUNet, 34_201), (WNet, 68_482)]
)
def test_published_parameters(net: type[nn.Module], parameters: int) -> None:
    assert count(net(3, 1)) == parameters


def test_cfcn_layers() -> None:
    model = CFCN(3, 1)
    assert [count(conv) for conv in model.convs] == [67, 310, 1_020]
    assert count(model.head) == 41


def test_cunet_has_three_poolings_and_no_skips() -> None:
    model, shapes = CUNetSeparable(3, 1).eval(), []
    for stage in [*model.encoder, *model.decoder]:
        stage.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    model(torch.zeros(1, 3, 64, 44))
    assert shapes == [(8, 64, 44), (16, 32, 22), (32, 16, 11), (32, 16, 11), (16, 32, 22), (8, 64, 44)]
    assert [upsample.conv.weight.shape[:2] for upsample in model.upsample] == [(32, 32), (32, 16), (16, 8)]


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("size", [(32, 40), (33, 47), (8, 61)])
@pytest.mark.parametrize("channels", [(3, 1), (1, 2), (4, 3)])
def test_logits_have_the_size_of_the_image(
    net: type[nn.Module], size: tuple[int, int], channels: tuple[int, int]
) -> None:
    logits = net(*channels).eval()(torch.randn(2, channels[0], *size))
    assert logits.shape == (2, channels[1], *size)


@pytest.mark.parametrize(("net", "smallest"), [(CFCN, 4), (CUNetSeparable, 8), (LittleUNet, 8), (WNet, 8)])
def test_smallest_image(net: type[nn.Module], smallest: int) -> None:
    model = net(1, 1).train()
    outputs = model(torch.randn(1, 1, smallest, smallest))
    assert (outputs.logits if isinstance(outputs, Supervised) else outputs).shape[-1] == smallest
    with pytest.raises(InputSizeError, match=f"{smallest}x{smallest - 1}: use at least {smallest}x{smallest}"):
        model(torch.randn(1, 1, smallest, smallest - 1))


@pytest.mark.parametrize("net", [CUNetSeparable, LittleUNet, WNet])
@pytest.mark.parametrize("upsample", get_args(Upsampling))
def test_every_upsampling_trains(net: type[nn.Module], upsample: Upsampling) -> None:
    model = net(2, 3, base=4, upsample=upsample)
    outputs = model(torch.randn(2, 2, 19, 24))
    logits = outputs.logits if isinstance(outputs, Supervised) else outputs
    assert logits.shape == (2, 3, 19, 24)
    logits.square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_a_shortcut_goes_round_each_stage() -> None:
    """With the convolutions off, a stage is its shortcut, which is linear."""
    stage = LittleUNet(2, 1).encoder[0].eval()
    for layer in stage.body:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.zeros_(layer.weight)
    image = torch.randn(1, 2, 8, 8)
    wanted = nn.functional.conv2d(image, stage.shortcut[0].weight) / (1 + 1e-5) ** 0.5
    torch.testing.assert_close(stage(image), wanted)


def test_a_bridge_lies_on_each_skip() -> None:
    model, seen = LittleUNet(3, 1).eval(), []
    for bridge in model.bridge:
        bridge.register_forward_hook(lambda _module, inputs, output: seen.append((inputs[0].shape, output.shape)))
    model(torch.randn(1, 3, 20, 28))
    assert seen == [((1, 16, 10, 14),) * 2, ((1, 8, 20, 28),) * 2]


@pytest.mark.parametrize("classes", [1, 3])
def test_the_second_net_sees_the_image_and_raw_logits(classes: int) -> None:
    model, seen = WNet(3, classes).train(), []
    model.second.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    image = torch.randn(2, 3, 16, 24)
    outputs = model(image)
    assert isinstance(outputs, Supervised)
    assert outputs.weights == (1.0,)
    assert torch.equal(seen[0], torch.cat((image, outputs.auxiliary[0]), dim=1))
    assert count(model.second) - count(model.first) == classes * (9 * 8 + 8)  # its first stage and shortcut


def test_wnet_gives_plain_logits_in_evaluation_and_without_weight() -> None:
    image = torch.randn(2, 3, 16, 16)
    assert isinstance(WNet(3, 1).eval()(image), Tensor)
    assert isinstance(WNet(3, 1, auxiliary_weight=0).train()(image), Tensor)
