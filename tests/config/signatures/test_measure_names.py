"""Names of what is logged."""

import subprocess
import sys

import pytest

from segexp.config.signatures.measure_names import (
    OVERALL,
    PER_CLASS,
    check_name,
    direction,
    figure_spec,
    valid_names,
)
from segexp.errors import ConfigError
from segexp.metrics.measures import MeasureValues

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
        ("val/kappa", "max"),
        ("val/image_mcc_overall", "max"),
        ("val/mcc/vessel", "max"),
        ("test/hd95/vessel", "min"),
        ("test/image_hd99.5/vessel", "min"),
        ("test/mean/hd95", "min"),
        ("test/image_mean/hd100", "min"),
        ("test/mean/mcc", "max"),
        ("test/image_ece/vessel", "min"),
        ("test/cldice/vessel", "max"),
        ("test/image_auc", "max"),
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


def test_areas_of_more_classes_are_of_the_test() -> None:
    check_name("test/auc/b", ["a", "b", "c"])
    check_name("test/image_mean/ap", ["a", "b", "c"])
    assert "test/auc" not in valid_names("test", ["a", "b", "c"])
    assert "test/auc/a" not in valid_names("test", ["a", "b"])
    assert "val/image_auc" not in valid_names("val", ["a", "b"])


@pytest.mark.parametrize(
    "name", ["val/hd95/vessel", "val/image_asd/vessel", "val/hd100/vessel", "train/mean/ece", "val/cldice"]
)
@pytest.mark.parametrize("classes", [None, CLASSES])
def test_costly_figures_choose_nothing(name: str, classes: tuple[str, ...] | None) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}: \w+ is measured at the test only, because it is costly; .*dice"):
        check_name(name, classes)


def test_a_class_that_is_not_there_has_no_distance() -> None:
    check_name("test/hd100/vessel", CLASSES)
    for name in ("test/hd100/vesel", "test/hd95/vesel", "test/hd95", "test/hdx/vessel"):
        with pytest.raises(ConfigError):
            check_name(name, CLASSES)


@pytest.mark.parametrize(("figure", "wanted"), [("hd42", "min"), ("ece", "min"), ("auc", "max"), ("object_f1", "max")])
def test_direction_of_a_figure_of_the_results(figure: str, wanted: str) -> None:
    assert figure_spec(figure).direction == wanted


def test_a_figure_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"no measure 'boundry_iou': did you mean boundary_iou\?"):
        figure_spec("boundry_iou")


def test_every_measure_has_a_name() -> None:
    measured = set(MeasureValues.__annotations__) - {"classes_averaged", "images_averaged", "mean"}
    assert measured == set(OVERALL) | set(PER_CLASS)


def test_names_need_no_torch() -> None:
    code = "import sys, segexp.config.signatures.measure_names; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
