"""Losses that look at shapes: against MONAI, and distances measured pixel by pixel."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from segexp.losses.boundary import Boundary, signed_distances
from segexp.losses.skeleton import soft_skeleton
from segexp.losses.soft_cldice import SoftClDice

NOWHERE = torch.zeros(1, 1, 1, 1, dtype=torch.bool)


def smooth_noise(*size: int, seed: int = 0) -> Tensor:
    """Blobs of 0..1."""
    noise = torch.randn(*size, generator=torch.Generator().manual_seed(seed))
    return torch.sigmoid(4 * F.avg_pool2d(noise, 5, 1, 2))


@pytest.mark.parametrize("iterations", [0, 1, 4])
def test_skeleton_and_its_gradient_are_those_of_monai(iterations: int) -> None:
    from monai.losses.cldice import soft_skel

    image = smooth_noise(2, 2, 20, 23).requires_grad_()
    weights = torch.rand(2, 2, 20, 23, generator=torch.Generator().manual_seed(1))
    found, wanted = soft_skeleton(image, NOWHERE, iterations), soft_skel(image, iterations)
    torch.testing.assert_close(found, wanted)
    mine = torch.autograd.grad((found * weights).sum(), image)[0]
    theirs = torch.autograd.grad((wanted * weights).sum(), image)[0]
    torch.testing.assert_close(mine, theirs)


def test_equal_neighbours_share_the_gradient() -> None:
    # A bright line on flat ground: a mirrored image has the mirrored gradient, which pooling does not give.
    image = torch.full((1, 1, 7, 7), 0.4)
    image[..., 3] = 1.0
    leaf = image.requires_grad_()
    gradient = torch.autograd.grad(soft_skeleton(leaf, NOWHERE, 2).square().sum(), leaf)[0]
    assert gradient.any()
    torch.testing.assert_close(gradient, gradient.flip(2))
    torch.testing.assert_close(gradient, gradient.flip(3))


def test_skeleton_of_a_bar_is_its_middle_line() -> None:
    image = torch.zeros(1, 1, 9, 20)
    image[..., 3:6, 2:18] = 1
    wanted = torch.zeros(9, 20)
    wanted[4, 3:17] = 1
    skeleton = soft_skeleton(image, NOWHERE, 3)[0, 0]
    assert torch.equal(skeleton[:, 4:16], wanted[:, 4:16])
    assert skeleton.sum() <= 16 + 4  # the ends may fork into the corners


@pytest.mark.parametrize("classes", [2, 3])
def test_cldice_is_that_of_monai(classes: int) -> None:
    from monai.losses import SoftclDiceLoss

    logits = torch.logit(smooth_noise(3, 1 if classes == 2 else classes, 20, 23))
    mask = (smooth_noise(3, 1, 20, 23, seed=1)[:, 0] * classes).to(torch.uint8)
    assert mask.unique().tolist() == list(range(classes))
    p = logits.sigmoid() if classes == 2 else logits.softmax(1)[:, 1:]
    singles = []
    for index in range(1, classes):
        reference = SoftclDiceLoss(iter_=4, smooth=1e-9)
        singles.append(reference(p[:, index - 1 : index], (mask == index).float().unsqueeze(1)))
    found = SoftClDice(iterations=4, per_image=True)(logits, mask)
    torch.testing.assert_close(found, torch.stack(singles).mean())


def test_cldice_counts_the_background_on_request() -> None:
    logits = torch.logit(smooth_noise(1, 3, 12, 13))
    mask = (smooth_noise(1, 1, 12, 13, seed=1)[:, 0] * 3).to(torch.uint8)
    without, with_it = SoftClDice()(logits, mask), SoftClDice(include_background=True)(logits, mask)
    # As the foreground of two classes it is the same loss: softmax over (log(1 - p0), log p0) is p0.
    p0 = logits.softmax(1)[:, :1]
    background = SoftClDice()(torch.logit(p0), (mask == 0).to(torch.uint8))
    torch.testing.assert_close(with_it, (2 * without + background) / 3)


def test_ignored_pixels_are_as_the_world_beyond_the_border() -> None:
    # A structure that runs into the ignored part keeps its skeleton up to there.
    image = torch.zeros(1, 1, 9, 20)
    image[..., 3:6, :] = 1
    outside = torch.zeros(1, 1, 9, 20, dtype=torch.bool)
    outside[..., 12:] = True
    assert torch.equal(soft_skeleton(image, outside, 3)[..., :12], soft_skeleton(image[..., :12], NOWHERE, 3))
    assert not soft_skeleton(image, outside, 3)[..., 12:].any()


def pixels(mask: Tensor) -> Iterator[tuple[int, int]]:
    return iter(np.ndindex(*mask.shape))  # type: ignore[arg-type]


def slow_distances(mask: Tensor, index: int) -> Tensor:
    """Every pixel with every other one."""
    result = torch.zeros(mask.shape)
    member = [at for at in pixels(mask) if mask[at] == index]
    other = [at for at in pixels(mask) if mask[at] not in (index, 255)]
    if member and other:
        for at in other:
            result[at] = min(math.dist(at, there) for there in member)
        for at in member:
            result[at] = 1 - min(math.dist(at, there) for there in other)
    return result


def test_distances_pixel_by_pixel() -> None:
    masks = (smooth_noise(4, 1, 11, 14, seed=2)[:, 0] * 3).to(torch.uint8)
    masks[0, :3, 5:] = 255
    masks[1] = 1  # nothing but one class
    masks[2, masks[2] == 1] = 0  # class 1 is absent
    found = signed_distances(masks, range(3))
    assert found.dtype == torch.float32
    for image, mask in enumerate(masks):
        for index in range(3):
            torch.testing.assert_close(found[image, index], slow_distances(mask, index))


def test_boundary_by_hand() -> None:
    # A row of five pixels, truth 0 0 1 1 1: distances 2 1 0 -1 -2.
    mask = torch.tensor([0, 0, 1, 1, 1], dtype=torch.uint8).view(1, 1, 5)
    p = torch.tensor([0.5, 0.25, 0.5, 0.75, 0.8])
    wanted = (2 * 0.5 + 0.25 - 0.75 - 2 * 0.8) / 5
    assert Boundary()(torch.logit(p).view(1, 1, 1, 5), mask).item() == pytest.approx(wanted)


def test_boundary_of_three_classes_leaves_out_the_background() -> None:
    logits = torch.randn(2, 3, 8, 9, generator=torch.Generator().manual_seed(0))
    mask = (smooth_noise(2, 1, 8, 9, seed=2)[:, 0] * 3).to(torch.uint8)
    mask[0, 0] = 255
    valid = int((mask != 255).sum())
    parts = [
        sum(float((logits[i].softmax(0)[c] * slow_distances(mask[i], c)).sum()) for i in range(2)) / valid
        for c in range(3)
    ]
    assert Boundary()(logits, mask).item() == pytest.approx((parts[1] + parts[2]) / 2, rel=1e-4)
    assert Boundary(include_background=True)(logits, mask).item() == pytest.approx(sum(parts) / 3, rel=1e-4)


def test_a_good_mask_has_a_negative_boundary_loss() -> None:
    mask = torch.zeros(1, 12, 12, dtype=torch.uint8)
    mask[:, 3:9, 3:9] = 1
    logits = 20.0 * (2.0 * mask.float() - 1).unsqueeze(1)
    assert Boundary()(logits, mask).item() == pytest.approx(-(12 * 1 + 4 * 2) / 144, rel=1e-4)
