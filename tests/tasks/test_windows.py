"""Large images seen in windows by the module, as validation and test see them."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from segexp.losses.bce import BCE
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.tta import Tta
from segexp.windows.settings import Inference

SPEC = DataSpec(MaskTarget(("background", "vessel"), ((0, 0, 0), (255, 0, 0))))
OWN_LIGHT = DataSpec(MaskTarget(SPEC.classes, SPEC.colours), scaling="image")


def module(spec: DataSpec, window: Any, model: nn.Module | None = None, **more: Any) -> Segmentation:
    torch.manual_seed(0)
    built = Segmentation(model or nn.Conv2d(3, 1, 1), BCE(), spec, lambda p: torch.optim.SGD(p, lr=0.1))
    built.inference = Inference(window, **more)
    return built.eval()


def raw(*shape: int) -> Tensor:
    """A light that changes from left to right, so that a window's own statistics differ from the image's."""
    ramp = torch.linspace(20, 235, shape[-1]).expand(*shape)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return (ramp + 10 * noise).clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize("tta", ["none", "flips", "d4"])
@pytest.mark.parametrize("spec", [SPEC, OWN_LIGHT], ids=["fixed", "per image"])
@pytest.mark.parametrize("blend", ["gaussian", "constant"])
def test_a_pointwise_model_gives_the_same_in_windows_as_whole(spec: DataSpec, tta: Tta, blend: str) -> None:
    image = raw(2, 3, 37, 50)
    built = module(spec, 16, blend=blend, batch_size=3)
    built.tta = tta
    with torch.inference_mode():
        torch.testing.assert_close(built.evaluated(image), built(image), rtol=0, atol=1e-5)


def test_the_light_of_a_window_is_measured_over_the_whole_image() -> None:
    image = raw(1, 3, 20, 60)
    built = module(OWN_LIGHT, 20)
    with torch.inference_mode():
        in_windows, crop = built.evaluated(image)[..., :14], built(image[..., :14])
    assert float((in_windows - crop).abs().max()) > 0.1


@pytest.mark.parametrize(("window", "shape"), [(None, (40, 40)), ("auto", (40, 40)), (40, (40, 40)), (64, (40, 12))])
def test_an_image_that_fits_is_the_plain_forward_pass(window: Any, shape: tuple[int, int]) -> None:
    image = raw(2, 3, *shape)
    built = module(SPEC, window, nn.Conv2d(3, 1, 3, padding=1))
    with torch.inference_mode():
        assert torch.equal(built.evaluated(image), built(image))


def test_windows_reach_the_model_with_all_their_views() -> None:
    seen: list[tuple[int, ...]] = []

    class Spy(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            seen.append(tuple(image.shape))
            return image[:, :1]

    built = module(SPEC, 16, Spy(), batch_size=4)
    built.tta = "d4"
    with torch.inference_mode():
        built.evaluated(raw(1, 3, 40, 28))
    # 3 x 2 windows in passes of 4 and 2, 8 views each.
    assert seen == [(4, 3, 16, 16)] * 8 + [(2, 3, 16, 16)] * 8


def test_far_from_seams_a_model_with_context_is_the_same() -> None:
    """Where a pixel's surroundings lie inside one window, the window knows as much as the image."""
    image = raw(1, 3, 40, 64)
    built = module(SPEC, 40, nn.Conv2d(3, 1, 3, padding=1), overlap=0.25)
    with torch.inference_mode():
        whole, windows = built(image), built.evaluated(image)
    torch.testing.assert_close(windows[..., :20], whole[..., :20], rtol=0, atol=1e-6)
    torch.testing.assert_close(windows[..., 44:], whole[..., 44:], rtol=0, atol=1e-6)
