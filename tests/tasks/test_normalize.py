"""Scaling on the device: fixed numbers, and each image's own."""

import pytest
import torch

from segexp.image_statistics import batch_statistics
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.normalize import Normalize

CLASSES = ("background", "vessel")
COLOURS = ((0, 0, 0), (255, 255, 255))


def spec(scaling: str = "fixed") -> DataSpec:
    return DataSpec(MaskTarget(CLASSES, COLOURS), 2, (10.0, 20.0), (2.0, 5.0), scaling)  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_numbers_of_the_spec(dtype: torch.dtype) -> None:
    image = torch.tensor([[[[10, 14]], [[0, 20]]]], dtype=dtype)
    scaled = Normalize(spec(), channels_last=False)(image)
    assert scaled.dtype == torch.float32
    assert torch.allclose(scaled, torch.tensor([[[[0.0, 2.0]], [[-4.0, 0.0]]]]), atol=1e-6)


def test_the_raw_image_is_left_alone() -> None:
    image = torch.full((1, 2, 3, 3), 7.0)
    Normalize(spec(), channels_last=False)(image.to(torch.uint8))
    Normalize(spec(), channels_last=False)(image)
    assert image.unique().tolist() == [7.0]


def test_nothing_of_it_is_in_the_state_dict() -> None:
    assert Normalize(spec(), channels_last=False).state_dict() == {}


@pytest.mark.parametrize("channels_last", [False, True])
def test_memory_order(channels_last: bool) -> None:
    scaled = Normalize(spec(), channels_last=channels_last)(torch.zeros(2, 2, 4, 4, dtype=torch.uint8))
    order = torch.channels_last if channels_last else torch.contiguous_format
    assert scaled.is_contiguous(memory_format=order)


def test_own_scaling_of_a_whole_image() -> None:
    torch.manual_seed(0)
    image = torch.randint(100, 256, (2, 2, 8, 8), dtype=torch.uint8)
    scaled = Normalize(spec("image"), channels_last=False)(image)
    torch.testing.assert_close(scaled.mean(dim=(2, 3)), torch.zeros(2, 2), atol=1e-5, rtol=0)
    torch.testing.assert_close(scaled.var(dim=(2, 3), correction=0), torch.ones(2, 2))


def test_crops_are_scaled_as_the_image_they_are_of() -> None:
    torch.manual_seed(0)
    image = torch.randint(0, 256, (2, 2, 8, 8), dtype=torch.uint8)
    image[..., :4] //= 3
    normalize = Normalize(spec("image"), channels_last=False)
    crop = image[..., :4, :4]
    scaled = normalize(crop, batch_statistics(image))
    assert torch.equal(scaled, normalize(image)[..., :4, :4])
    assert not torch.allclose(scaled, normalize(crop))


def test_one_image_does_not_change_another() -> None:
    torch.manual_seed(0)
    image = torch.randint(0, 256, (3, 2, 8, 8), dtype=torch.uint8)
    normalize = Normalize(spec("image"), channels_last=False)
    torch.testing.assert_close(normalize(image)[1:2], normalize(image[1:2]))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_a_large_image_is_measured_in_blocks(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    image = torch.randint(0, 256, (2, 3, 40, 30), dtype=torch.uint8).to(dtype)
    whole = batch_statistics(image)
    # Blocks of a size that does not divide the number of pixels; the maximum lies in one of them.
    monkeypatch.setattr("segexp.image_statistics.BLOCK", 77)
    torch.testing.assert_close(batch_statistics(image), whole, rtol=1e-5, atol=0)
