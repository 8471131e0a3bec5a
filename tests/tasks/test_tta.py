"""Test-time augmentation turns every view back before the mean."""

import pytest
import torch
from torch import Tensor

from segexp.tasks.tta import Tta, augmented


def asymmetric(image: Tensor) -> Tensor:
    """Depends on the place alone: 0 at the left, 1 at the right of whatever it is shown."""
    ramp = torch.linspace(0, 1, image.shape[-1]).expand(image.shape[-2], -1)
    return ramp.expand(len(image), 1, -1, -1)


@pytest.mark.parametrize("tta", ["none", "flips", "d4"])
def test_pointwise_model_is_unchanged(tta: Tta) -> None:
    image = torch.randint(0, 255, (2, 3, 5, 8), dtype=torch.uint8)
    found = augmented(lambda x: x[:, :1].float() * 2, image, tta)
    assert torch.equal(found, image[:, :1].float() * 2)


def test_each_view_is_turned_back() -> None:
    image = torch.zeros(1, 3, 4, 6)
    ramp = asymmetric(image)
    assert torch.equal(augmented(asymmetric, image, "none"), ramp)
    # Left and right cancel under a flip: one half everywhere.
    assert torch.allclose(augmented(asymmetric, image, "flips"), torch.full((1, 1, 4, 6), 0.5))
    assert torch.allclose(augmented(asymmetric, image, "d4"), torch.full((1, 1, 4, 6), 0.5))


@pytest.mark.parametrize(("tta", "views"), [("none", 1), ("flips", 4), ("d4", 8)])
def test_number_of_distinct_views(tta: Tta, views: int) -> None:
    image = torch.arange(12.0).view(1, 1, 3, 4)
    seen: set[tuple[float, ...]] = set()

    def model(x: Tensor) -> Tensor:
        seen.add((*map(float, x.shape), *x.flatten().tolist()))
        return x

    augmented(model, image, tta)
    assert len(seen) == views


def test_sixteen_bits_are_turned_like_eight() -> None:
    image = torch.arange(24).reshape(1, 1, 4, 6)
    eight = augmented(lambda view: view * 1.0, image.to(torch.uint8), "d4")
    sixteen = augmented(lambda view: view.to(torch.float32), (image + 60_000).to(torch.uint16), "d4")
    assert torch.equal(sixteen, eight + 60_000)
