"""Reconstruction: what comes back, in units of 0..1, whatever the data's own target is and however it is scaled."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segexp.data.sampling.samples import Batch
from segexp.errors import ConfigError, MismatchError
from segexp.losses.bce import BCE
from segexp.models.cae import ConvAutoencoder
from segexp.spec import DataSpec, ImageTarget, MaskTarget
from segexp.tasks.reconstruction import Reconstruction, error_family, in_unit

MASKS = DataSpec(MaskTarget(("a", "b"), ((0, 0, 0), (9, 9, 9))), in_channels=1, dtype="uint8")


def task(spec: DataSpec = MASKS, model: nn.Module | None = None, **keys: object) -> Reconstruction:
    torch.manual_seed(0)
    return Reconstruction(model or ConvAutoencoder(1, 1, base=2), nn.MSELoss(), spec, torch.optim.SGD, **keys)


def batch(image: Tensor, target: Tensor, index: list[int]) -> Batch:
    return Batch(image=image, target=target, index=torch.tensor(index))


def test_a_data_set_of_masks_has_its_images_learnt() -> None:
    assert Reconstruction.adapted(MASKS).target == ImageTarget(1, itself=True)
    assert Reconstruction.adapted(MASKS).kind == "reconstruction"
    image, mask = torch.full((1, 1, 28, 28), 51, dtype=torch.uint8), torch.zeros(1, 28, 28, dtype=torch.uint8)
    assert torch.equal(task().target_of(batch(image, mask, [0])), torch.full((1, 1, 28, 28), 0.2))


def test_a_data_set_of_other_images_has_these_learnt() -> None:
    spec = replace(MASKS, target=ImageTarget(3))
    assert Reconstruction.adapted(spec) == spec
    own = task(spec, ConvAutoencoder(1, 3, base=2))
    other = torch.full((1, 3, 28, 28), 255, dtype=torch.uint8)
    assert torch.equal(own.target_of(batch(torch.zeros(1, 1, 28, 28), other, [0])), torch.ones(1, 3, 28, 28))


@pytest.mark.parametrize(("dtype", "white"), [(torch.uint8, 255), (torch.uint16, 65535), (torch.float32, 1.0)])
def test_white_is_one(dtype: torch.dtype, white: float) -> None:
    assert torch.equal(in_unit(torch.tensor([0, white], dtype=dtype)), torch.tensor([0.0, 1.0]))


def test_the_scale_of_the_input_is_none_of_the_output() -> None:
    spec = replace(MASKS, mean=(100.0,), std=(50.0,))
    assert float(task(spec).target_of(batch(torch.tensor([[[[255]]]], dtype=torch.uint8), torch.zeros(1), [0]))) == 1.0
    own = task(spec)
    white = torch.full((1, 1, 28, 28), 255, dtype=torch.uint8)
    assert torch.equal(own.decode(own.encode(white)), own(white))


def test_figures_are_of_all_values_and_of_each_image() -> None:
    own = task()
    zeros = torch.zeros(2, 1, 28, 28)
    images = zeros.to(torch.uint8)
    own.start_counting("val")
    # Two batches in the wrong order: errors of .1 and .3, and of .5.
    own.count("val", zeros[:1] + 0.5, batch(images[:1], zeros, [2]))
    own.count("val", torch.stack([zeros[0] + 0.1, zeros[1] - 0.3]), batch(images, zeros, [0, 1]))
    found = own.figures()
    assert found["mse"] == pytest.approx((0.01 + 0.09 + 0.25) / 3)
    assert found["psnr"] == pytest.approx(-10 * math.log10(0.35 / 3))
    (row,) = own.predictor_results()
    by_image = row.families["errors"].of_images()
    assert by_image["mse"] == pytest.approx([0.01, 0.09, 0.25])
    assert by_image["psnr"] == pytest.approx([20.0, 10 * math.log10(1 / 0.09), 10 * math.log10(4)])


def test_larger_images_weigh_more_in_the_set() -> None:
    assert error_family(np.array([[10.0, 1.0], [30.0, 0.0]])).of_dataset()["mse"] == pytest.approx([1 / 40])


def test_losses_of_classes_are_refused() -> None:
    with pytest.raises(MismatchError, match="BCE compares classes, task=reconstruction compares images: use loss=mse"):
        Reconstruction(ConvAutoencoder(1, 1, base=2), BCE(), MASKS, torch.optim.SGD)


def test_a_code_of_another_length_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"task\.latent: found 3 numbers, expected 2"):
        task(latent=[1.0, 2.0, 3.0])
    assert task(latent=[2.0, -4.0]).latent == (2.0, -4.0)


def test_a_model_without_codes_reconstructs_too_but_has_none_to_decode() -> None:
    own = task(model=nn.Conv2d(1, 1, 1))
    assert not own.has_codes
    with pytest.raises(ConfigError, match="Conv2d has no codes"):
        task(model=nn.Conv2d(1, 1, 1), latent=[1.0])
