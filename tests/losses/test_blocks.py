"""Losses of very large images, block by block."""

import pytest
import torch

from segexp.losses import blocks
from segexp.losses.base import TOTAL
from segexp.losses.bce import BCE
from segexp.losses.blocks import block_terms
from segexp.losses.jaccard import Jaccard
from segexp.losses.weighted_sum import WeightedSum


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "SIDE", 16)


def scene(height: int, width: int, ignored: bool = True) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(1, 1, height, width, generator=generator)
    mask = torch.randint(0, 2, (1, height, width), generator=generator, dtype=torch.uint8)
    if ignored:
        mask[:, : height // 3, : width // 2] = 255
    return logits, mask


@pytest.mark.parametrize("shape", [(40, 33), (17, 16), (100, 3)])
def test_a_mean_over_pixels_stays_what_it_is(shape: tuple[int, int]) -> None:
    logits, mask = scene(*shape)
    assert block_terms(BCE(), logits, mask)[TOTAL].item() == pytest.approx(BCE()(logits, mask).item(), rel=1e-5)


def test_small_images_are_taken_whole() -> None:
    logits, mask = scene(16, 16)
    loss = WeightedSum({"bce": BCE(), "jaccard": Jaccard()}, {"bce": 1.0, "jaccard": 0.5})
    whole = loss.terms(logits, mask)
    assert {name: value.item() for name, value in block_terms(loss, logits, mask).items()} == {
        name: value.item() for name, value in whole.items()
    }


def test_areas_are_compared_block_by_block_and_weighted_by_pixels_that_count() -> None:
    logits, mask = scene(32, 16)
    parts = [(logits[..., rows, :], mask[..., rows, :]) for rows in (slice(0, 16), slice(16, 32))]
    valid = [int((part != 255).sum()) for _, part in parts]
    expected = sum(n * Jaccard()(one, part).item() for n, (one, part) in zip(valid, parts, strict=True)) / sum(valid)
    assert valid[0] != valid[1]
    assert block_terms(Jaccard(), logits, mask)[TOTAL].item() == pytest.approx(expected, rel=1e-5)


def test_without_a_pixel_that_counts_it_is_zero() -> None:
    logits, mask = scene(40, 40)
    assert block_terms(BCE(), logits, torch.full_like(mask, 255))[TOTAL].item() == 0.0


def test_every_pixel_is_in_one_block() -> None:
    for length in (1, 15, 16, 17, 100, 5000):
        parts = blocks._parts(length)
        assert [place for part in parts for place in range(part.start, part.stop)] == list(range(length))
        assert max(part.stop - part.start for part in parts) <= 16
