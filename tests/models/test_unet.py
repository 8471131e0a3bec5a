"""UNet against the figures of its papers and laboratories."""

import pytest
import torch
from torch import nn

from segexp.errors import ConfigError
from segexp.models.norms import group_count
from segexp.models.sizes import InputSizeError, same_size
from segexp.models.unet import UNet


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("channels", "base", "depth", "parameters"),
    [
        ((3, 1), 8, 3, 29_465),
        ((1, 1), 16, 5, 1_940_817),
        ((3, 1), 16, 5, 1_941_105),
        ((1, 2), 64, 5, 31_030_658),
        ((3, 1), 64, 5, 31_031_745),
    ],
)
def test_parameters(channels: tuple[int, int], base: int, depth: int, parameters: int) -> None:
    with torch.device("meta"):
        assert count(UNet(*channels, base=base, depth=depth)) == parameters


def test_batch_norm_adds_two_per_channel() -> None:
    assert count(UNet(3, 1, base=8, depth=3, norm="batch")) == 29_785


def test_paper_has_23_convolutions() -> None:
    with torch.device("meta"):
        model = UNet(1, 2)
    assert sum(isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) for layer in model.modules()) == 23


def stage_shapes(model: UNet, *size: int) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []
    for stage in [*model.encoder, *model.decoder]:
        stage.register_forward_hook(lambda _module, _inputs, output: shapes.append(tuple(output.shape[1:])))
    with torch.no_grad():
        model(torch.zeros(1, *size, device=model.head.weight.device))
    return shapes


def test_cunet_sizes_on_the_laboratory_patch() -> None:
    shapes = stage_shapes(UNet(3, 1, base=8, depth=3), 3, 250, 250)
    assert shapes == [(8, 250, 250), (16, 125, 125), (32, 62, 62), (16, 125, 125), (8, 250, 250)]


def test_salt_sizes() -> None:
    shapes = stage_shapes(UNet(1, 1, base=16, depth=5), 1, 128, 128)
    assert shapes[4] == (256, 8, 8)
    assert shapes[-1] == (16, 128, 128)


def test_unpadded_paper_sizes() -> None:
    with torch.device("meta"):
        model = UNet(1, 2, padded=False)
        assert model(torch.zeros(1, 1, 572, 572)).shape == (1, 2, 388, 388)
    shapes = stage_shapes(model, 1, 572, 572)
    assert [shape[1] for shape in shapes] == [568, 280, 136, 64, 28, 52, 100, 196, 388]
    assert model.context(388, 388) == (92, 92, 92, 92)
    assert model.context(388, 390) == (92, 106, 92, 92)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (2, 5), (30, 17), (41, 64)])
def test_unpadded_gives_the_size_of_any_image(depth: int, size: tuple[int, int]) -> None:
    model = UNet(1, 2, base=2, depth=depth, padded=False)
    assert same_size(model, torch.randn(1, 1, *size)).shape == (1, 2, *size)


def test_context_is_all_that_an_unpadded_pixel_sees() -> None:
    """Logits of a crop with its true surroundings as context equal those of the whole image."""
    model = UNet(1, 1, base=2, depth=3, padded=False).eval()
    left, right, top, bottom = model.context(20, 24)
    image = torch.randn(1, 1, 20 + top + bottom + 8, 24 + left + right + 8)
    whole = model(image)
    part = model(image[..., 4:-4, 4:-4])
    torch.testing.assert_close(part, whole[..., 4:-4, 4:-4])


def test_unpadded_refuses_other_sizes_and_names_the_next() -> None:
    model = UNet(1, 2, base=2, depth=5, padded=False)
    with pytest.raises(InputSizeError, match=r"570x572: 570 .* is 572"):
        model(torch.zeros(1, 1, 570, 572))
    with pytest.raises(InputSizeError, match="188"):
        model(torch.zeros(1, 1, 20, 20))


@pytest.mark.parametrize(("norm", "smallest"), [("none", 4), ("group", 4), ("batch", 8), ("instance", 8)])
def test_smallest_image(norm: str, smallest: int) -> None:
    model = UNet(1, 1, base=4, depth=3, norm=norm)  # type: ignore[arg-type]
    assert model(torch.randn(1, 1, smallest, smallest)).shape[-1] == smallest
    with pytest.raises(InputSizeError, match=f"at least {smallest}x{smallest}"):
        model(torch.randn(1, 1, smallest, smallest - 1))


@pytest.mark.parametrize("upsample", ["transposed", "nearest", "bilinear"])
@pytest.mark.parametrize("padded", [True, False])
def test_every_upsampling_trains(upsample: str, padded: bool) -> None:
    model = UNet(2, 3, base=4, depth=3, upsample=upsample, padded=padded)  # type: ignore[arg-type]
    logits = same_size(model, torch.randn(2, 2, 21, 30))
    assert logits.shape == (2, 3, 21, 30)
    logits.square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_unknown_names_list_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="none, batch, group, instance"):
        UNet(1, 1, norm="layer")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="transposed, nearest, bilinear"):
        UNet(1, 1, upsample="cubic")  # type: ignore[arg-type]


@pytest.mark.parametrize(("channels", "groups"), [(1, 1), (6, 1), (8, 2), (20, 5), (64, 16), (128, 32), (1024, 32)])
def test_group_count(channels: int, groups: int) -> None:
    assert group_count(channels) == groups


def test_export_for_any_size() -> None:
    model = UNet(3, 1, base=2, depth=3).eval()
    free = torch.export.Dim.DYNAMIC
    exported = torch.export.export(model, (torch.randn(2, 3, 40, 52),), dynamic_shapes=({0: free, 2: free, 3: free},))
    image = torch.randn(1, 3, 64, 96)
    torch.testing.assert_close(exported.module()(image), model(image), rtol=1e-4, atol=1e-5)
