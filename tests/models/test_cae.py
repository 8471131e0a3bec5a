"""The laboratory's autoencoder: its parameters, the sizes on the way, any code, any size that fits."""

import pytest
import torch
from torch import nn

from segexp.models.cae import ConvAutoencoder
from segexp.models.sizes import InputSizeError


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_has_the_laboratorys_parameters() -> None:
    model = ConvAutoencoder(1, 1)
    assert parameters(model) == 51_459
    assert (parameters(model.encoder), parameters(model.decoder)) == (25_090, 26_369)


@pytest.mark.parametrize(("latent", "count"), [(1, 51_459 - 6_273), (2, 51_459), (3, 51_459 + 6_273)])
def test_each_number_of_the_code_costs_two_kernels_and_a_bias(latent: int, count: int) -> None:
    model = ConvAutoencoder(1, 1, latent=latent)
    assert parameters(model) == count
    assert model.encode(torch.zeros(1, 1, 28, 28)).shape == (1, latent, 1, 1)


def test_sizes_on_the_way_down_and_up() -> None:
    sizes = []
    model = ConvAutoencoder(1, 1)
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(lambda _, __, found: sizes.append(tuple(found.shape[1:])))
    assert model(torch.zeros(3, 1, 28, 28)).shape == (3, 1, 28, 28)
    assert sizes == [(32, 14, 14), (64, 7, 7), (2, 1, 1), (64, 7, 7), (32, 14, 14), (1, 28, 28)]


@pytest.mark.parametrize(
    ("kernel", "size", "codes"), [(7, (32, 28), (2, 1)), (4, (16, 20), (1, 2)), (16, (64, 64), (1, 1))]
)
def test_larger_images_have_a_map_of_codes(kernel: int, size: tuple[int, int], codes: tuple[int, int]) -> None:
    model = ConvAutoencoder(3, 3, base=4, latent=5, kernel=kernel)
    image = torch.rand(2, 3, *size)
    found = model.encode(image)
    assert found.shape == (2, 5, *codes)
    assert torch.equal(model.decode(found), model(image))
    assert model(image).shape == image.shape


@pytest.mark.parametrize("size", [(24, 28), (28, 24), (30, 28), (28, 31)])
def test_a_size_that_would_not_come_back_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputSizeError, match=rf"given {size[0]}x{size[1]}: use multiples of 4 of at least 28 pixels"):
        ConvAutoencoder(1, 1, base=2)(torch.zeros(1, 1, *size))


def test_the_code_is_all_that_the_decoder_sees() -> None:
    torch.manual_seed(0)
    model = ConvAutoencoder(1, 1, base=4)
    one, other = torch.rand(2, 1, 1, 28, 28)
    codes = model.encode(one)
    assert torch.equal(model(one), model.decode(codes))
    assert not torch.equal(model.encode(other), codes)
