"""Targets that are no masks are cropped and changed as they have to be, and names of version 0.1 still work."""

from functools import cached_property

import albumentations
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from segexp.data.items.forms import IMAGE_FORM, LABEL_FORM, VALUE_FORM, TargetForm
from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.crop_locations import RandomLocations
from segexp.data.sampling.samples import RandomCrops, WholeImages, collate

PIXELS = np.random.default_rng(0).integers(0, 255, (20, 24, 3)).astype(np.uint8)
FLIPS = [albumentations.HorizontalFlip(p=0.5), albumentations.RandomBrightnessContrast(p=1.0)]


def crops(item: Item, size: int | None = 8, augment: Augment | None = None) -> RandomCrops:
    return RandomCrops(RandomLocations([item], 6, size), size, augment or Augment(), 0, redraw=True)


@pytest.mark.parametrize("form", [VALUE_FORM, LABEL_FORM])
@pytest.mark.parametrize("size", [8, 30, None])
@pytest.mark.parametrize("augment", [Augment(), Augment(30, 0.2, FLIPS)], ids=["none", "strong"])
def test_a_value_stays_whatever_becomes_of_its_image(form: TargetForm, size: int | None, augment: Augment) -> None:
    item = Item("a", PIXELS, 3 if form is LABEL_FORM else np.float32(2.5), form=form)
    samples = [crops(item, size, augment)[0, index] for index in range(6)]
    assert {float(sample["target"]) for sample in samples} == {float(item.target)}
    batch = collate(samples)
    assert batch["target"].shape == (6,)
    assert batch["target"].dtype == (torch.int64 if form is LABEL_FORM else torch.float32)
    assert batch["image"].shape[-2:] == ((20, 24) if size is None else (size, size))


@pytest.mark.parametrize(("size", "augment"), [(8, Augment()), (30, Augment()), (16, Augment(45, 0.3, FLIPS[:1]))])
def test_an_image_moves_with_its_image(size: int, augment: Augment) -> None:
    item = Item("a", PIXELS, PIXELS.copy(), form=IMAGE_FORM)
    batch = collate([crops(item, size, augment)[0, index] for index in range(4)])
    assert torch.equal(batch["target"], batch["image"])
    whole = collate([WholeImages([item])[0, 0]])
    assert torch.equal(whole["target"], whole["image"])


def test_what_sampling_goes_by() -> None:
    assert (Item("a", PIXELS, 3, form=LABEL_FORM).class_window(0, 0, 2, 5) == np.full((2, 5), 3)).all()
    assert not Item("a", PIXELS, 3.0, form=VALUE_FORM).class_window(0, 0, 2, 5).any()
    assert Item("a", PIXELS, 3.0, form=VALUE_FORM).resized(10).target == 3.0
    assert Item("a", PIXELS, PIXELS, form=IMAGE_FORM).resized(10).target.shape == (10, 10, 3)


class TestVersion01:
    def test_a_mask_is_found_under_its_old_names(self) -> None:
        mask = np.zeros((20, 24), np.uint8)
        with pytest.warns(FutureWarning, match=r"argument mask of Item is called target since version 0\.2"):
            item = Item("a", PIXELS, mask=mask)
        with pytest.warns(FutureWarning, match=r"Item\.mask is called target"):
            assert item.mask is item.target
        with pytest.warns(FutureWarning, match="class_window"):
            assert item.mask_window(0, 0, 3, 4).shape == (3, 4)
        batch = collate([WholeImages([item])[0, 0]])
        with pytest.warns(FutureWarning, match=r'batch\["mask"\] is called batch\["target"\]'):
            assert batch["mask"] is batch["target"]
        with pytest.raises(KeyError, match="nothing"):
            batch["nothing"]

    def test_an_item_of_then_is_used_as_it_is(self) -> None:
        with pytest.warns(FutureWarning, match=r"Old\.mask is called target"):

            class Old(Item):
                def __init__(self) -> None:
                    self.name, self.group = "old", None

                @property
                def image(self) -> NDArray[np.uint8]:
                    return PIXELS

                @cached_property
                def mask(self) -> NDArray[np.uint8]:
                    return PIXELS[..., 0] % 3

                @property
                def shape(self) -> tuple[int, int]:
                    return 20, 24

                def window(self, top: int, left: int, height: int, width: int) -> tuple[NDArray[np.uint8], ...]:
                    place = np.s_[top : top + height, left : left + width]
                    return self.image[place], self.target[place]

                def mask_window(self, top: int, left: int, height: int, width: int) -> NDArray[np.uint8]:
                    return self.window(top, left, height, width)[1]

        item = Old()
        assert (item.target == PIXELS[..., 0] % 3).all()
        assert item.class_window(1, 2, 3, 4).shape == (3, 4)
        assert crops(item)[0, 0]["target"].shape == (8, 8)
