"""Targets and specs as they travel in checkpoints."""

from dataclasses import dataclass, replace

import pytest

from segexp.spec import DataSpec, ImageTarget, LabelTarget, MaskTarget, Target

COLOURS = ((0, 0, 0), (9, 9, 9), (5, 6, 7))


@dataclass(frozen=True)
class ValueTarget(Target):
    """A number for every image."""

    kind = "counting"

    most: int = 10

    @property
    def out_channels(self) -> int:
        return 1


@pytest.mark.parametrize(
    "target",
    [
        MaskTarget(("a", "b", "c"), COLOURS),
        MaskTarget(("a", "b"), COLOURS[:2], two_logits=True),
        LabelTarget(("a", "b")),
        ImageTarget(3),
        ValueTarget(7),
    ],
    ids=lambda target: type(target).__name__,
)
def test_comes_back_from_plain_values(target: Target) -> None:
    spec = DataSpec(target, in_channels=1, mean=(3.0,), std=(2.0,), bands=(2, 1), dtype="uint16")
    plain = spec.to_dict()
    assert plain["target"]["_target_"].endswith(type(target).__name__)
    assert DataSpec.from_dict(plain, lambda _: ValueTarget) == spec


def test_what_version_0_1_wrote_is_read() -> None:
    plain = {"classes": ["a", "b"], "colours": [[0, 0, 0], [9, 9, 9]], "in_channels": 3, "mean": [0.0, 0.0, 0.0]}
    spec = DataSpec.from_dict({**plain, "std": [255.0, 255.0, 255.0], "scaling": "fixed", "kind": "segmentation"})
    assert spec == DataSpec(MaskTarget(("a", "b"), COLOURS[:2]))


def test_a_target_of_another_package_is_not_imported_unasked() -> None:
    with pytest.raises(ValueError, match=r"tests\.test_spec\.ValueTarget' is none of segexp's"):
        DataSpec.from_dict(DataSpec(ValueTarget()).to_dict())


def test_two_classes_have_one_logit_or_two() -> None:
    one = MaskTarget(("a", "b"), COLOURS[:2])
    assert (DataSpec(one).out_channels, DataSpec(replace(one, two_logits=True)).out_channels) == (1, 2)
    assert DataSpec(replace(one, two_logits=True)).is_binary
    assert DataSpec(MaskTarget(("a", "b", "c"), COLOURS, two_logits=True)).out_channels == 3


def test_the_target_says_what_there_is() -> None:
    assert (DataSpec(ValueTarget()).classes, DataSpec(ValueTarget()).colours) == ((), ())
    assert (DataSpec(LabelTarget(("a", "b"))).kind, DataSpec(ImageTarget(2)).out_channels) == ("classification", 2)
