"""DeepLab-V3, PSPNet, and the pooling they need."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.errors import ConfigError
from segexp.models.auxiliary import Supervised
from segexp.models.deeplab import DeepLabV3
from segexp.models.pooling import PooledNorm, adaptive_average
from segexp.models.pspnet import PspNet
from segexp.models.sizes import InputSizeError

BOTH = [DeepLabV3, PspNet]


def image(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(1, 1), (4, 5), (6, 6), (7, 13), (28, 33)])
def test_adaptive_average_equals_torch(bins: int, size: tuple[int, int]) -> None:
    features = image(2, 3, *size).requires_grad_()
    again = features.detach().clone().requires_grad_()
    found, wanted = adaptive_average(features, bins), F.adaptive_avg_pool2d(again, bins)
    torch.testing.assert_close(found, wanted)
    weight = image(2, 3, bins, bins)
    (found * weight).sum().backward()
    (wanted * weight).sum().backward()
    torch.testing.assert_close(features.grad, again.grad)


def test_adaptive_average_of_a_worked_example() -> None:
    """5 values in 2 fields: floor and ceil give 0-3 and 2-5, so the middle one counts twice."""
    row = torch.tensor([1.0, 2, 3, 4, 5])
    assert torch.equal(adaptive_average(row.expand(1, 1, 5, 5), 2), torch.tensor([[[[2.0, 4], [2, 4]]]]))


def test_pooled_norm_is_batch_norm_but_takes_a_single_value() -> None:
    torch.manual_seed(0)
    own, torchs = PooledNorm(3), nn.BatchNorm2d(3)
    for _ in range(2):
        batch = torch.randn(4, 3, 1, 1)
        assert torch.equal(own(batch), torchs(batch))
    one, before = torch.randn(1, 3, 1, 1), own.running_mean
    assert before is not None
    kept = before.clone()
    found = own(one)
    assert torch.equal(before, kept)
    assert torch.equal(found, torchs.eval()(one))
    assert own.state_dict().keys() == torchs.state_dict().keys()


def test_deeplab_parameters_are_torchvisions() -> None:
    """Published with its model of 21 classes, auxiliary output included."""
    with torch.device("meta"):
        assert count(DeepLabV3(3, 21, auxiliary_weight=0.4)) == 60_996_202
        assert count(DeepLabV3(3, 21, auxiliary_weight=0.4, encoder="resnet50")) == 42_004_074
        assert count(DeepLabV3(3, 1)) == 58_625_857
        assert count(DeepLabV3(3, 1, auxiliary_weight=0.1)) == 58_625_857 + 2_360_065


def test_pspnet_parameters() -> None:
    """Encoder, four levels of 2048 -> 512 with norm, 4096 -> 512 with norm, the logits; the auxiliary output."""
    resnet50 = 23_508_032
    head = 4 * (2048 * 512 + 2 * 512) + 9 * 4096 * 512 + 2 * 512 + 512 + 1
    auxiliary = 9 * 1024 * 256 + 2 * 256 + 256 + 1
    with torch.device("meta"):
        assert count(PspNet(3, 1)) == resnet50 + head + auxiliary == 48_942_402
        assert count(PspNet(3, 1, auxiliary_weight=0)) == resnet50 + head


@pytest.mark.parametrize(("stride", "rates"), [(8, (12, 24, 36)), (16, (6, 12, 18))])
def test_rates_of_the_pyramid(stride: int, rates: tuple[int, ...]) -> None:
    model = DeepLabV3(3, 1, base=2, encoder="resnet18", output_stride=stride).eval()  # type: ignore[arg-type]
    pyramid, shapes = model.classifier[0], []
    convs = [branch[0] for branch in pyramid.convs[1:4]]
    assert [conv.dilation for conv in convs] == [(rate, rate) for rate in rates]
    assert [conv.kernel_size for conv in convs] == [(3, 3)] * 3
    pyramid.register_forward_hook(lambda _m, _i, output: shapes.append(tuple(output.shape)))
    model(image(1, 3, 65, 48))
    assert shapes == [(1, 8, -(-65 // stride), 48 // stride)]


def test_image_pooling_sees_the_whole_image() -> None:
    """A far corner reaches the first pixel through the mean alone: 12, 24 and 36 fall outside a small map."""
    model = DeepLabV3(1, 1, base=2, encoder="resnet18").eval()
    pyramid = model.classifier[0]
    features = image(1, 16, 9, 9).requires_grad_()
    pyramid(features)[0, :, 0, 0].sum().backward()
    assert features.grad is not None
    assert features.grad[0, :, 8, 8].abs().sum() > 0


@pytest.mark.parametrize("make", BOTH)
def test_auxiliary_logits_in_training_only(make: type[DeepLabV3 | PspNet]) -> None:
    model = make(3, 2, base=2, encoder="resnet18", auxiliary_weight=0.4)
    outputs = model.train()(image(2, 3, 33, 47))
    assert isinstance(outputs, Supervised)
    assert outputs.weights == (0.4,)
    assert [tuple(each.shape) for each in (outputs.logits, *outputs.auxiliary)] == [(2, 2, 33, 47)] * 2
    assert not torch.equal(outputs.logits, outputs.auxiliary[0])
    assert isinstance(model.eval()(image(2, 3, 33, 47)), Tensor)
    assert isinstance(make(3, 2, base=2, encoder="resnet18", auxiliary_weight=0).train()(image(2, 3, 33, 47)), Tensor)


@pytest.mark.parametrize("make", BOTH)
def test_a_single_small_image_trains(make: type[DeepLabV3 | PspNet]) -> None:
    model = make(3, 1, base=2, encoder="resnet18", auxiliary_weight=0).train()
    logits = model(image(1, 3, 16, 17))
    assert isinstance(logits, Tensor)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    with pytest.raises(InputSizeError, match=r"15x32.*16x16"):
        model(image(1, 3, 15, 32))


def test_pspnet_levels_are_means_of_the_whole_field() -> None:
    model, sizes = PspNet(3, 1, base=2, encoder="resnet18").eval(), []
    for level in model.pyramid:
        level.register_forward_pre_hook(lambda _m, inputs: sizes.append(tuple(inputs[0].shape[-2:])))
    model(image(1, 3, 101, 75))
    assert sizes == [(1, 1), (2, 2), (3, 3), (6, 6)]


def test_frozen_encoder_leaves_the_head_to_train() -> None:
    model = PspNet(3, 1, base=2, encoder="resnet18", freeze_encoder=True).train()
    trained = {name.split(".")[0] for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {"pyramid", "head", "auxiliary"}
    assert not model.encoder.layer4[1].bn2.training


def test_unknown_output_stride_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"model\.output_stride: found 32"):
        DeepLabV3(3, 1, base=1, output_stride=32)  # type: ignore[arg-type]
