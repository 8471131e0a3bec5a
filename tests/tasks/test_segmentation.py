"""The module alone: logits of the image's size, classes, what travels in a checkpoint."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from segexp.errors import DivergedError
from segexp.losses.bce import BCE
from segexp.losses.cross_entropy import CrossEntropy
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.log_names import flat_measures
from segexp.tasks.segmentation import Segmentation
from segexp.tasks.speed import Speed

TWO = DataSpec(MaskTarget(("background", "vessel"), ((0, 0, 0), (255, 0, 0))))
THREE = DataSpec(MaskTarget(("a", "b", "c"), ((0, 0, 0), (255, 0, 0), (0, 255, 0))))


def module(spec: DataSpec = TWO, model: nn.Module | None = None, **settings: Any) -> Segmentation:
    loss = BCE() if spec.is_binary else CrossEntropy()
    return Segmentation(
        model or nn.Conv2d(3, spec.out_channels, 1), loss, spec, lambda p: torch.optim.SGD(p, lr=0.1), **settings
    )


@pytest.mark.parametrize("spec", [TWO, THREE], ids=["two", "three"])
def test_logits_and_probabilities(spec: DataSpec) -> None:
    built = module(spec)
    image = torch.randint(0, 256, (2, 3, 7, 5), dtype=torch.uint8)
    channels = spec.out_channels
    assert built(image).shape == (2, channels, 7, 5)
    probabilities = built.probabilities(built(image))
    assert probabilities.shape == (2, channels, 7, 5)
    assert bool(((probabilities >= 0) & (probabilities <= 1)).all())
    if not spec.is_binary:
        torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(2, 7, 5))


def test_foreground_from_the_threshold_on() -> None:
    logits = torch.tensor([-1.0, 0.0, 0.5, 2.0]).view(1, 1, 1, 4)
    assert module().classify(logits, 0.5).tolist() == [[[0, 0, 1, 1]]]
    assert module().classify(logits, -1.0).tolist() == [[[1, 1, 1, 1]]]


def test_most_probable_of_three() -> None:
    logits = torch.tensor([[0.0, 5.0, 1.0], [1.0, 0.0, 1.5], [0.5, 1.0, 2.0]]).T.reshape(1, 3, 1, 3)
    classes = module(THREE).classify(logits.flip(1), 99.0)
    assert classes.dtype == torch.uint8
    assert torch.equal(classes, logits.flip(1).argmax(1).to(torch.uint8))


def test_checkpoint_says_what_is_needed_to_build_again() -> None:
    record = {"config": {"model": {"_target_": "x", "base": 2}}}
    built = module(record=record)
    built.threshold = -1.25
    checkpoint: dict[str, Any] = {}
    built.on_save_checkpoint(checkpoint)
    stored = checkpoint["segexp"]
    assert stored["config"] == record["config"]
    assert DataSpec.from_dict(stored["spec"]) == TWO
    other = module()
    other.on_load_checkpoint(checkpoint)
    assert other.threshold == -1.25


def test_compiled_or_not_the_keys_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(nn.Module, "compile", lambda self, *a, **k: called.append(type(self)))
    compiled = module(speed=Speed(compile=True))
    assert called == [nn.Conv2d]
    assert compiled.state_dict().keys() == module().state_dict().keys()


def test_compile_in_place_adds_no_prefix() -> None:
    plain = nn.Conv2d(1, 1, 1)
    plain.compile()
    assert set(plain.state_dict()) == {"weight", "bias"}


def test_flat_measures_leave_out_how_many_were_averaged() -> None:
    measures = {
        "miou": 0.5, "classes_averaged": 2, "iou": {"a": 0.1, "b": None}, "image_classes_averaged": 2,
        "image_images_averaged": {"a": 3}, "image_miou": 0.4,
    }  # fmt: skip
    assert flat_measures("val", measures) == [
        ("val/miou", 0.5),
        ("val/iou/a", 0.1),
        ("val/iou/b", None),
        ("val/image_miou", 0.4),
    ]


def test_model_sees_channels_last_when_asked() -> None:
    seen: list[bool] = []

    class Spy(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            seen.append(image.is_contiguous(memory_format=torch.channels_last))
            return image[:, :1]

    image = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    for flag in (True, False):
        module(model=Spy(), speed=Speed(channels_last=flag))(image)
    assert seen == [True, False]


@pytest.mark.parametrize("spec", [TWO, THREE], ids=["two", "three"])
def test_nan_at_the_test_is_said_as_in_validation(spec: DataSpec) -> None:
    built = module(spec)
    with torch.no_grad():
        next(built.parameters()).fill_(torch.nan)
    built.on_test_epoch_start()
    batch = {
        "image": torch.zeros(1, 3, 8, 8, dtype=torch.uint8),
        "target": torch.ones(1, 8, 8, dtype=torch.uint8),
        "index": torch.zeros(1, dtype=torch.int64),
    }
    with pytest.raises(DivergedError, match=r"the model gives nan for a test image: .*optimizer\.lr"):
        built.test_step(batch, 0)
