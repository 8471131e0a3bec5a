"""What transforms cannot do with the images at hand is said before training, by name."""

import contextlib
import inspect
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate

from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.augment_trial import transforms_fit
from segexp.errors import ConfigError, MismatchError
from tests.data.sampling.test_augment import NAMES, build, config

UINT8, UINT16 = np.dtype(np.uint8), np.dtype(np.uint16)
KINDS = [(3, UINT8), (1, UINT8), (4, UINT8), (3, UINT16), (1, UINT16), (6, UINT16)]


def augment(*transforms: dict[str, Any]) -> Augment:
    plain = config("augment=none")
    plain["augment"]["transforms"] = [{**t, "_target_": f"albumentations.{t['_target_']}"} for t in transforms]
    return build(plain)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("channels", "dtype"), KINDS, ids=str)
def test_every_augmentation_survives_or_is_refused_by_name(name: str, channels: int, dtype: np.dtype[Any]) -> None:
    """What is not refused really works on such images."""
    tried = build(config(f"augment={name}"))
    problems = tried.problems(channels, dtype, (24, 24))
    for problem in problems:
        assert problem.text.startswith("augment.transforms[")
        assert f"{channels} channel" in problem.text
        assert problem.fatal
    if channels == 3 and dtype == UINT8:
        assert problems == []
    if not problems:
        rng = np.random.default_rng(0)
        top = np.iinfo(dtype).max
        image = rng.integers(top // 3, top // 2, (30, 30, channels)).astype(dtype)
        item = Painted(image)
        for seed in range(8):
            crop, mask = tried(item, 24, np.random.default_rng(seed))
            assert (crop.shape, crop.dtype, mask.shape) == ((24, 24, channels), dtype, (24, 24))
            assert top / 6 < crop.mean() < top * 0.8


def Painted(image: np.ndarray) -> Any:
    from segexp.data.items.item import Item

    return Item("noise", image, (np.arange(30)[:, None] // 8 + np.zeros((30, 30))).astype(np.uint8))


@pytest.mark.parametrize(
    ("transform", "channels", "dtype", "expected"),
    [
        ({"_target_": "HueSaturationValue"}, 4, UINT8, "cannot change images of 4 channels of uint8 (TypeError"),
        ({"_target_": "HueSaturationValue"}, 3, UINT16, "cannot change images of 3 channels of uint16"),
        ({"_target_": "HueSaturationValue", "p": 0.01}, 6, UINT16, "cannot change images of 6 channels of uint16"),
        ({"_target_": "RandomGamma"}, 3, UINT16, "turns images of 3 channels of uint16 into 3 of float64"),
        ({"_target_": "Normalize"}, 3, UINT8, "into 3 of float32, expected the same kind; leave it out"),
        ({"_target_": "RandomCrop", "height": 8, "width": 8}, 3, UINT8, "turned a sample of 24x24 into 8x8"),
        (
            {"_target_": "Affine", "rotate": 45, "mask_interpolation": 1, "fill_mask": 255},
            3, UINT8, "makes labels that were not there",
        ),
    ],
)  # fmt: skip
def test_the_refusal_names_transform_and_kind(
    transform: dict[str, Any], channels: int, dtype: np.dtype[Any], expected: str
) -> None:
    (problem,) = augment({"_target_": "HorizontalFlip"}, transform).problems(channels, dtype, (24, 24))
    assert problem.text.startswith(f"augment.transforms[1] ({transform['_target_']}): ")
    assert expected in problem.text
    assert problem.fatal


def test_transforms_inside_one_of_are_tried_too() -> None:
    plain = config("augment=none")
    inner = [{"_target_": "albumentations.Blur"}, {"_target_": "albumentations.RGBShift", "p": 0.1}]
    plain["augment"]["transforms"] = [{"_target_": "albumentations.OneOf", "transforms": inner, "p": 0.2}]
    (problem,) = build(plain).problems(6, UINT8, (24, 24))
    assert problem.text.startswith("augment.transforms[0] (RGBShift): cannot change images of 6 channels")


def test_a_border_filled_with_a_class_is_noted_and_not_refused() -> None:
    turn = {"_target_": "Affine", "rotate": 45, "p": 0.1}
    (problem,) = augment(turn).problems(3, UINT8, (24, 24))
    assert not problem.fatal
    assert "add fill_mask: 255" in problem.text
    assert augment({**turn, "fill_mask": 255}).problems(3, UINT8, (24, 24)) == []


def test_training_is_refused_before_a_pixel_is_read() -> None:
    sizes = {"size": 48, "train_images": 2, "val_images": 2, "test_images": 2}
    crop = augment({"_target_": "RandomCrop", "height": 8, "width": 8})
    with pytest.raises(MismatchError, match=r"^augment\.transforms\[0\] \(RandomCrop\): turned a sample of 32x32"):
        SyntheticDataModule(augment=crop, crop_size=32, **sizes).setup()
    data = SyntheticDataModule(augment=augment({"_target_": "Affine", "rotate": 45}), crop_size=32, **sizes)
    data.setup()
    assert [note for note in data.notes if "fill_mask: 255" in note] == data.notes


def made_of_albumentations() -> dict[str, Any]:
    """Every transform that needs no argument, by its name."""
    import albumentations

    found = {}
    for name in dir(albumentations):
        kind = getattr(albumentations, name)
        if inspect.isclass(kind) and issubclass(kind, albumentations.BasicTransform):
            with contextlib.suppress(ValueError, NotImplementedError):  # an argument is missing, or it is a base class
                found[name] = kind()
    return found


def test_every_transform_of_albumentations_is_judged() -> None:
    made = made_of_albumentations()
    assert len(made) > 80
    texts = {name: [p.text for p in transforms_fit([t], 3, np.dtype("uint8"), (48, 48))] for name, t in made.items()}
    for name in ("ColorJitter", "HorizontalFlip", "D4", "ElasticTransform", "GaussianBlur", "RandomBrightnessContrast"):
        assert texts[name] == [], name
    assert all("\n" not in text and f"({name})" in text for name, found in texts.items() for text in found)
    assert "has fill_mask: 255, such as XYMasking" in texts["TimeMasking"][0]
    assert "add fill_mask: 255" in texts["Rotate"][0]
    assert "turned a sample of 48x48 into" in texts["PadIfNeeded"][0]


def test_a_transform_with_a_list_of_its_own_is_no_choice() -> None:
    jitter = {"_target_": "albumentations.ColorJitter", "p": 1.0}
    augment = Augment(transforms=[instantiate(jitter)])
    assert augment.problems(3, np.dtype("uint8"), (16, 16)) == []
    inside = {"_target_": "albumentations.OneOf", "transforms": [jitter, {"_target_": "albumentations.ToFloat"}]}
    (problem,) = Augment(transforms=[instantiate(inside)]).problems(3, np.dtype("uint8"), (16, 16))
    assert "augment.transforms[0] (ToFloat): turns images" in problem.text


def test_some_channels_alone() -> None:
    import albumentations

    some = albumentations.SelectiveChannelTransform([albumentations.GaussNoise()], channels=(0, 1))
    assert list(transforms_fit([some], 3, np.dtype("uint8"), (16, 16))) == []


@pytest.mark.parametrize(
    ("transform", "words"),
    [(torch.nn.Flatten(), r"torch.nn.modules.flatten.Flatten"), (None, "None"), ("flip", "'flip'"), (dict, "dict")],
)
def test_what_is_no_transform_is_refused_by_its_place(transform: Any, words: str) -> None:
    import albumentations

    with pytest.raises(
        ConfigError, match=rf"augment\.transforms\[1\]: found .*{words}.*expected a transform of albument"
    ):
        Augment(transforms=[albumentations.HorizontalFlip(), transform])
