import numpy as np
import pytest

from segexp.data.checks import object_sizes
from segexp.data.checks.object_sizes import measure_sizes
from segexp.data.items.item import Item


def item(mask: np.ndarray, name: str = "a") -> Item:
    return Item(name, np.zeros((*mask.shape, 3), np.uint8), mask)


def discs(radius: int, *, specks: int = 0) -> np.ndarray:
    y, x = np.mgrid[:200, :300]
    mask = np.zeros((200, 300), np.uint8)
    for centre in (60, 160, 240):
        mask[np.hypot(y - 100, x - centre) <= radius] = 2
    for speck in range(specks):
        mask[2, 2 + 4 * speck] = 2
    return mask


@pytest.mark.parametrize("width", [2, 4, 8, 15])
def test_the_width_of_a_strip(width: int) -> None:
    mask = np.zeros((100, 400), np.uint8)
    mask[40 : 40 + width] = 1
    sizes = measure_sizes([item(mask)], ("background", "vessel"))
    (vessel,) = sizes.objects
    assert vessel.name == "vessel"
    assert vessel.width == pytest.approx(width, rel=0.1)
    assert vessel.is_thin
    assert vessel.words() == f"vessel {vessel.width:.3g} pixels wide"


def test_the_side_of_discs_whatever_specks_lie_around() -> None:
    sizes = measure_sizes([item(discs(20, specks=50))], ("background", "absent", "nucleus"))
    (nucleus,) = sizes.objects
    assert nucleus.count == 53
    assert nucleus.side == pytest.approx(np.sqrt(np.pi) * 20, rel=0.02)
    assert nucleus.width == pytest.approx(2 / 3 * 40, rel=0.05)
    assert not nucleus.is_thin
    assert sizes.words() == f"1 images, longer side 300 pixels, nucleus {nucleus.side:.3g} pixels a side"


def test_sides_are_of_all_images_and_objects_of_a_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_sizes, "MOST_IMAGES", 4)
    items = [item(np.zeros((10, 20 + number), np.uint8), str(number)) for number in range(101)]
    sizes = measure_sizes(items, ("background", "cell"))
    assert sizes.images == 101
    assert sizes.side == (25, 70, 115)
    assert sizes.looked_at == 4
    assert sizes.objects == ()


def test_of_large_images_fewer_and_their_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_sizes, "MOST_PIXELS", 2 * 200 * 300)
    monkeypatch.setattr(object_sizes, "WINDOW", 100)
    sizes = measure_sizes([item(discs(20), str(number)) for number in range(5)], ("a", "b", "c"))
    assert sizes.looked_at == 2
    assert sizes.objects[0].count == 2  # one disc each lies in the middle


def test_ignored_pixels_and_targets_without_classes() -> None:
    mask = discs(20)
    mask[mask == 0] = 255
    assert measure_sizes([item(mask)], ("a", "b", "c")).objects[0].count == 3
    assert measure_sizes([item(mask)], ()).looked_at == 0
