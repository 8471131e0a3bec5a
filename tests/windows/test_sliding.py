"""Windows of images, put together again."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from segexp.windows.plan import Blend, Window, WindowPlan
from segexp.windows.sliding import BandAccumulator, sliding_window, stitched


def raw(*shape: int, dtype: torch.dtype = torch.uint8) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, shape, generator=generator).to(dtype)


def identity(windows: Tensor) -> Tensor:
    return windows.float()


@pytest.mark.parametrize("blend", ["gaussian", "constant"])
@pytest.mark.parametrize(("height", "width"), [(40, 40), (61, 33), (16, 50), (9, 70), (70, 9)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.9])
def test_an_identity_gives_the_image_back(height: int, width: int, overlap: float, blend: Blend) -> None:
    image = raw(2, 3, height, width)
    found = sliding_window(identity, image, 16, overlap, blend, 3)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found / 255, image / 255, rtol=0, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16])
def test_16_bit_images_keep_their_values(dtype: torch.dtype) -> None:
    image = (raw(1, 2, 30, 40).int() * (257 if dtype == torch.uint16 else 1)).to(dtype)
    torch.testing.assert_close(sliding_window(identity, image, 16), image.float(), rtol=1e-5, atol=0)


@pytest.mark.parametrize(("height", "width"), [(16, 16), (5, 16)])
def test_a_small_image_is_the_plain_forward_pass_to_the_last_bit(height: int, width: int) -> None:
    torch.manual_seed(0)
    model = nn.Conv2d(3, 2, 3, padding=1)
    image = raw(2, 3, height, width)
    asked: list[tuple[int, ...]] = []

    def forward(windows: Tensor) -> Tensor:
        asked.append(tuple(windows.shape))
        out: Tensor = model(windows.float())
        return out

    assert torch.equal(sliding_window(forward, image, 16), model(image.float()))
    assert asked == [(2, 3, height, width)]


@pytest.mark.parametrize("batch_size", [1, 2, 5, 100])
def test_windows_of_a_pass(batch_size: int) -> None:
    asked: list[tuple[int, ...]] = []
    layouts: set[bool] = set()

    def forward(windows: Tensor) -> Tensor:
        asked.append(tuple(windows.shape))
        layouts.add(windows.is_contiguous(memory_format=torch.channels_last))
        return windows[:, :1].float()

    # 3 x 2 windows of 10 x 10.
    image = raw(1, 3, 26, 18)
    assert torch.equal(sliding_window(forward, image, 10, 0.25, "constant", batch_size), image[:, :1].float())
    assert sum(shape[0] for shape in asked) == 6
    assert max(shape[0] for shape in asked) == min(batch_size, 6)
    assert {shape[1:] for shape in asked} == {(3, 10, 10)}
    assert layouts == {True}


def test_images_of_a_batch_do_not_mix() -> None:
    images = raw(3, 1, 30, 23)
    found = sliding_window(identity, images, 10, 0.5, "gaussian", 6)
    for place in range(3):
        alone = sliding_window(identity, images[place : place + 1], 10, 0.5, "gaussian", 1)
        torch.testing.assert_close(found[place : place + 1], alone, rtol=1e-6, atol=0)


def test_where_windows_disagree_the_nearer_centre_weighs_more() -> None:
    """Each window answers with its own number: the map is the mean of the numbers by their weights."""
    counter = iter(range(100))

    def forward(windows: Tensor) -> Tensor:
        numbers = torch.tensor([float(next(counter)) for _ in windows])
        return numbers.view(-1, 1, 1, 1).expand(-1, 1, *windows.shape[-2:])

    plan = WindowPlan(16, 28, 16, 0.25)
    found = sliding_window(forward, raw(1, 1, 16, 28), 16, 0.25, "gaussian", 1)
    expected = torch.zeros(28)
    expected[12:] += torch.from_numpy(plan.column_weights[1])
    torch.testing.assert_close(found[0, 0, 5], expected)
    assert bool((found.diff(dim=-1) >= 0).all())


def test_a_nan_is_not_blended_away() -> None:
    image = raw(1, 1, 30, 30)

    def forward(windows: Tensor) -> Tensor:
        out = windows.float()
        out[..., 3, 3] = torch.nan
        return out

    found = sliding_window(forward, image, 16, batch_size=1)
    # One in each of the 3 x 3 windows.
    assert int(found.isnan().sum()) == 9
    assert bool(found[0, 0, 3, 3].isnan())


def test_finished_rows_leave_the_band_as_soon_as_they_are_known() -> None:
    """Row bands come between the windows, and the band in memory is one window high."""
    plan = WindowPlan(40, 30, 16, 0.25)
    image = raw(1, 2, 40, 30)
    events: list[str] = []

    def read(window: Window) -> Tensor:
        events.append("read")
        return image[(..., *window.slices)]

    bands = []
    for rows in stitched(identity, read, plan, 1):
        events.append(f"{rows.shape[2]} rows")
        bands.append(rows)
    across = ["read"] * len(plan.lefts)
    assert events == [*across, "12 rows", *across, "12 rows", *across, "16 rows"]
    torch.testing.assert_close(torch.cat(bands, dim=2), image.float(), rtol=1e-6, atol=0)


def test_a_band_needs_the_memory_of_one_row_of_windows() -> None:
    plan = WindowPlan(10_000, 64, 16, 0.5)
    band = BandAccumulator(plan, torch.zeros(1, 1, 16, 16))
    assert band._band.shape == (1, 1, 16, 64)
    height = 0
    for _ in range(len(plan)):
        rows = band.add(torch.ones(1, 1, 16, 16))
        height += 0 if rows is None else rows.shape[2]
        if rows is not None:
            assert float(rows.min()) == pytest.approx(1.0, abs=1e-6)
    assert height == 10_000


def test_half_precision_is_added_up_in_float32() -> None:
    found = sliding_window(lambda w: w.to(torch.bfloat16), raw(1, 1, 40, 40), 16, 0.9)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, raw(1, 1, 40, 40).float(), rtol=1e-5, atol=0)


@pytest.fixture(autouse=True)
def _grad_stays_on() -> Iterator[None]:
    yield
    assert torch.is_grad_enabled()
