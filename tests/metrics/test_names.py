"""Names of what is logged."""

import subprocess
import sys

import pytest

from segexp.errors import ConfigError
from segexp.metrics.measures import Scores
from segexp.metrics.names import OVERALL, PER_CLASS, check_name, direction, valid_names

CLASSES = ("background", "vessel")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("train/loss", "min"),
        ("val/loss", "min"),
        ("val/loss/jaccard", "min"),
        ("val/accuracy", "max"),
        ("test/miou", "max"),
        ("val/image_mdice", "max"),
        ("val/iou/vessel", "max"),
        ("val/image_iou/vessel", "max"),
        ("val/auc", "max"),
        ("val/ap", "max"),
    ],
)
def test_direction(name: str, wanted: str) -> None:
    assert direction(name) == wanted
    check_name(name, None)
    check_name(name, CLASSES)


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("val/iou/vesel", "val/iou/vessel"),
        ("val/image_iou/vesel", "val/image_iou/vessel"),
        ("val/miuo", "val/miou"),
        ("val_miou", "val/miou"),
        ("valid/miou", "val/miou"),
        ("val/mIoU", "val/miou"),
        ("val/los", "val/loss"),
        ("val/iou", "val/miou"),
        ("val/miou/vessel", "val/iou/vessel"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_name(name: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {nearest}\\?"):
        check_name(name, CLASSES)


def test_unknown_classes_are_open_and_measures_are_not() -> None:
    check_name("val/recall/whatever", None)
    for name in ("val/recal/whatever", "val/recall", "val/auc/vessel", "val/miou/vessel", "miou", ""):
        with pytest.raises(ConfigError):
            check_name(name, None)


def test_known_terms_are_closed() -> None:
    check_name("val/loss/bce", CLASSES, ["bce", "jaccard"])
    with pytest.raises(ConfigError, match=r"did you mean val/loss/jaccard\?"):
        check_name("val/loss/jacard", CLASSES, ["bce", "jaccard"])


def test_auc_is_for_two_classes() -> None:
    with pytest.raises(ConfigError, match=r"two classes only, the data has 3: a, b, c"):
        check_name("val/auc", ["a", "b", "c"])
    assert "val/auc" not in valid_names("val", ["a", "b", "c"])


def test_every_measure_has_a_name() -> None:
    measured = set(Scores.__annotations__) - {"classes_averaged", "images_averaged"}
    assert measured == set(OVERALL) | set(PER_CLASS)


def test_names_need_no_torch() -> None:
    code = "import sys, segexp.metrics.names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
