"""VGG and ResNet against torchvision's published layout, and against themselves at other output strides."""

import pytest
import torch
from torch import Tensor, nn

from segexp.errors import ConfigError
from segexp.models.encoders.base import Encoder
from segexp.models.encoders.resnet import ResNet
from segexp.models.encoders.vgg import Vgg16

RESNETS = ["resnet18", "resnet34", "resnet50", "resnet101"]


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def image(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def with_statistics(model: nn.Module) -> nn.Module:
    """Running statistics as after training; the initial 0 and 1 would hide mistakes."""
    generator = torch.Generator().manual_seed(1)
    for norm in model.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.normal_(std=0.1, generator=generator)
            norm.running_var.uniform_(0.5, 1.5, generator=generator)
    return model


def test_vgg_has_the_published_size_and_keys() -> None:
    with torch.device("meta"):
        plain, normed = Vgg16(3), Vgg16(3, norm="batch")
    assert count(plain) == 14_714_688
    assert count(normed) == 14_714_688 + 2 * 4_224
    places = [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]
    assert list(plain.state_dict()) == [f"features.{place}.{part}" for place in places for part in ("weight", "bias")]
    convs = [key for key, value in normed.state_dict().items() if value.ndim == 4]
    places = [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40]
    assert convs == [f"features.{place}.weight" for place in places]


# Published totals, less the last layer of 1000 classes: 512 or 2048 weights and a bias each.
@pytest.mark.parametrize(
    ("name", "total", "last"),
    [
        ("resnet18", 11_689_512, 512),
        ("resnet34", 21_797_672, 512),
        ("resnet50", 25_557_032, 2048),
        ("resnet101", 44_549_160, 2048),
    ],
)
def test_resnet_has_the_published_size(name: str, total: int, last: int) -> None:
    with torch.device("meta"):
        model = ResNet(3, name)  # type: ignore[arg-type]
    assert count(model) == total - 1000 * (last + 1)
    assert model.widths == [64, last // 8, last // 4, last // 2, last]


def test_resnet_has_the_published_keys() -> None:
    keys = list(ResNet(3, "resnet50", base=2).state_dict())
    assert keys[:2] == ["conv1.weight", "bn1.weight"]
    block = [key for key in keys if key.startswith("layer3.0.")]
    parts = {key.removeprefix("layer3.0.").rpartition(".")[0] for key in block}
    assert parts == {"conv1", "bn1", "conv2", "bn2", "conv3", "bn3", "downsample.0", "downsample.1"}
    assert not [key for key in keys if key.startswith("layer3.1.downsample")]


@pytest.mark.parametrize("size", [(64, 96), (65, 47)])
def test_sizes_of_the_maps(size: tuple[int, int]) -> None:
    maps = Vgg16(3, base=2).eval()(image(1, 3, *size))
    assert [tuple(each.shape[1:]) for each in maps] == [
        (width, size[0] >> stage, size[1] >> stage) for stage, width in enumerate((2, 4, 8, 16, 16), start=1)
    ]
    up = [(-(-size[0] // stride), -(-size[1] // stride)) for stride in (2, 4, 8, 16, 32)]
    kept = Vgg16(3, base=2, ceil_mode=True)(image(1, 3, *size))
    assert [tuple(each.shape[2:]) for each in kept] == up
    residual = ResNet(3, "resnet18", base=2).eval()(image(1, 3, *size))
    assert [tuple(each.shape[2:]) for each in residual] == up


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
@pytest.mark.parametrize(("stride", "step"), [(16, 2), (8, 4)])
def test_dilation_only_fills_in_between(name: str, stride: int, step: int) -> None:
    """With the strides replaced, every second or fourth value is what the strided network gives."""
    torch.manual_seed(0)
    strided = with_statistics(ResNet(3, name, base=4)).eval()  # type: ignore[arg-type]
    dilated = ResNet(3, name, base=4, output_stride=stride).eval()  # type: ignore[arg-type]
    dilated.load_state_dict(strided.state_dict())
    batch = image(1, 3, 96, 128)
    with torch.no_grad():
        wanted, found = strided(batch)[-1], dilated(batch)[-1]
    assert found.shape[-2:] == (96 // stride, 128 // stride)
    torch.testing.assert_close(found[..., ::step, ::step], wanted)


def test_residual_block_adds_its_input() -> None:
    """With the last norm at 0 a block is its shortcut: layer 1 of ResNet-18 hands on the stem's map."""
    model = ResNet(1, "resnet18", base=3).eval()
    for block in model.layer1:
        nn.init.zeros_(block.bn2.weight)
    stem, first, *_ = model(image(1, 1, 32, 32))
    assert torch.equal(first, model.maxpool(stem))


@pytest.mark.parametrize("make", [lambda: Vgg16(3, base=2, norm="batch"), lambda: ResNet(3, "resnet18", base=2)])
def test_frozen_stays_in_evaluation_mode(make: object) -> None:
    encoder: Encoder = make()  # type: ignore[operator]
    holder = nn.ModuleDict({"encoder": encoder, "rest": nn.BatchNorm2d(1)})
    encoder.freeze()
    holder.train()
    assert holder["rest"].training
    assert not any(part.training for part in encoder.modules())
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    batch = image(2, 3, 32, 32).requires_grad_()
    encoder(batch)[-1].sum().backward()
    assert batch.grad is not None
    assert all(parameter.grad is None for parameter in encoder.parameters())
    assert all(torch.equal(value, before[key]) for key, value in encoder.state_dict().items())


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"resnet20.*resnet18"):
        ResNet(3, "resnet20")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="output_stride: found 4, expected 8"):
        ResNet(3, "resnet18", output_stride=4)  # type: ignore[arg-type]
