"""Lovasz against the definition by the set function, over all orders of few pixels."""

from itertools import permutations

import numpy as np
import pytest
import torch

from segexp.losses.lovasz import Lovasz, jaccard_steps


def jaccard_loss(wrong: frozenset[int], truth: list[bool]) -> float:
    """1 - IoU when the pixels of a set are wrong and all others right (equation 5 of the paper)."""
    predicted = [value != (index in wrong) for index, value in enumerate(truth)]
    union = sum(p or t for p, t in zip(predicted, truth, strict=True))
    return 0.0 if union == 0 else 1 - sum(p and t for p, t in zip(predicted, truth, strict=True)) / union


def extension(errors: list[float], truth: list[bool]) -> float:
    """Lovász extension of the loss; as it is submodular, the largest sum over all orders, without any sorting."""
    best = -np.inf
    for order in permutations(range(len(errors))):
        total, wrong = 0.0, frozenset[int]()
        for pixel in order:
            total += errors[pixel] * (jaccard_loss(wrong | {pixel}, truth) - jaccard_loss(wrong, truth))
            wrong |= {pixel}
        best = max(best, total)
    return best


@pytest.mark.parametrize("seed", range(6))
def test_hinge_is_the_extension(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 1, 2, 3, generator=generator)
    mask = torch.randint(0, 2, (1, 2, 3), generator=generator).to(torch.uint8)
    truth = [bool(t) for t in mask.flatten()]
    errors = [max(0.0, 1 - x * (1 if t else -1)) for x, t in zip(logits.flatten().tolist(), truth, strict=True)]
    assert Lovasz()(logits, mask).item() == pytest.approx(extension(errors, truth), rel=1e-5)


@pytest.mark.parametrize("classes", ["present", "all"])
def test_softmax_is_the_mean_extension(classes: str) -> None:
    logits = torch.randn(1, 4, 2, 3, generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([0, 0, 1, 3, 3, 3], dtype=torch.uint8).view(1, 2, 3)  # class 2 is absent
    p = logits.softmax(1).flatten(2)[0]
    losses = []
    for index in (0, 1, 3) if classes == "present" else range(4):
        truth = [int(t) == index for t in mask.flatten()]
        errors = [abs(float(t) - float(q)) for t, q in zip(truth, p[index], strict=True)]
        losses.append(extension(errors, truth))
    loss = Lovasz(classes=classes)(logits, mask)  # type: ignore[arg-type]
    assert loss.item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_an_absent_class_has_the_loss_of_its_largest_error() -> None:
    logits = torch.tensor([-3.0, 0.5, -0.5]).view(1, 1, 1, 3)
    assert Lovasz()(logits, torch.zeros(1, 1, 3, dtype=torch.uint8)).item() == pytest.approx(1.5)


def test_at_hard_errors_it_is_the_jaccard_loss() -> None:
    # Wrong or right by far: e = 2 at the two wrong pixels, else 0; IoU 2/4.
    logits = torch.tensor([1.0, 1, -1, 1, -1, -1]).view(1, 1, 2, 3)
    mask = torch.tensor([1, 1, 1, 0, 0, 0], dtype=torch.uint8).view(1, 2, 3)
    assert Lovasz()(logits, mask).item() == pytest.approx(2 * 0.5)


@pytest.mark.parametrize("channels", [1, 3])
def test_per_image_is_the_mean_of_single_images(channels: int) -> None:
    logits = torch.randn(3, channels, 6, 7, generator=torch.Generator().manual_seed(0))
    mask = torch.randint(0, 2, (3, 6, 7), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    mask[1] = 255  # wholly ignored: left out of the mean
    single = torch.stack([Lovasz()(logits[i : i + 1], mask[i : i + 1]) for i in (0, 2)])
    torch.testing.assert_close(Lovasz(per_image=True)(logits, mask), single.mean())


def test_steps_of_many_pixels_keep_their_digits() -> None:
    truth = torch.zeros(2_000_000, dtype=torch.bool)
    truth[::2] = True
    steps = jaccard_steps(truth).double()
    size = 1_000_000
    missed, false = np.arange(1, size + 1), np.arange(size)
    wanted = np.stack((1 / (size + false), (size - missed) / ((size + false) * (size + false + 1.0))), axis=1).ravel()
    np.testing.assert_allclose(steps.numpy(), wanted, rtol=1e-5)
    assert steps.sum().item() == pytest.approx(1.0, rel=1e-5)
