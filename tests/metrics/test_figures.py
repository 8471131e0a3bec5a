"""From sums per image to figures by data set, by image and their means."""

import numpy as np

from segexp.metrics.figures import Array, Family, dataset_leaves, image_leaves, image_mean_leaves, nested, plain

NAN = float("nan")


def ratio(sums: Array) -> dict[str, Array]:
    """A share per class, and one over all: sums (M, R, 2)."""
    with np.errstate(invalid="ignore"):
        return {"iou": sums[..., 0] / sums[..., 1], "all": sums[..., 0].sum(1) / sums[..., 1].sum(1)}


SUMS = np.array([[[1, 2], [0, 0]], [[3, 4], [1, 4]], [[0, 2], [3, 4]]])


def family(**settings: object) -> Family:
    return Family(SUMS, ratio, ["a", "b"], **settings)  # type: ignore[arg-type]


def test_dataset_image_and_mean() -> None:
    assert nested(dataset_leaves([family()]), plain) == {
        "all": 8 / 16,
        "miou": (4 / 8 + 4 / 8) / 2,
        "iou": {"a": 4 / 8, "b": 4 / 8},
        "mean": {"iou": 0.5},
    }
    found = nested(image_mean_leaves([family()]), plain)
    assert found["iou"] == {"a": (0.5 + 0.75 + 0) / 3, "b": (0.25 + 0.75) / 2}
    assert found["mean"]["iou"] == found["miou"] == (found["iou"]["a"] + found["iou"]["b"]) / 2
    assert found["all"] == (1 / 2 + 4 / 8 + 3 / 6) / 3


def test_each_image_has_its_own_mean_over_the_classes_that_it_has() -> None:
    found = image_leaves([family()])
    np.testing.assert_array_equal(found["iou", "b"], [NAN, 0.25, 0.75])
    np.testing.assert_array_equal(found["mean", "iou"], [0.5, 0.5, 0.375])
    np.testing.assert_array_equal(found["miou",], found["mean", "iou"])


def test_what_is_not_pooled_is_there_per_image_only() -> None:
    assert dataset_leaves([family(pooled=False)]) == {}
    assert ("iou", "a") in image_leaves([family(pooled=False)])


def test_exact_figures_take_the_place_of_those_of_the_sums() -> None:
    fine = {"all": np.array([0.25])}
    assert nested(dataset_leaves([family(exact=fine)]), plain) == {"all": 0.25}
    images = {"all": np.array([NAN, 0.5, 1.0])}
    assert nested(image_mean_leaves([family(exact_images=images)]), plain) == {"all": 0.75}


def test_a_class_that_no_image_has_is_none() -> None:
    empty = Family(np.zeros((2, 2, 2)), ratio, ["a", "b"])
    for leaves in (dataset_leaves([empty]), image_mean_leaves([empty])):
        assert nested(leaves, plain) == {
            "all": None, "miou": None, "iou": {"a": None, "b": None}, "mean": {"iou": None}
        }  # fmt: skip
