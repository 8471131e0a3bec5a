"""What every measure in conf/metric must do; a new YAML is found by itself."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segexp.metrics.base import ImageMeasure, Seen
from segexp.spec import IGNORED
from tests.metrics.configured import NAMES, make
from tests.metrics.scenes import scene, spec

# Measures that break a rule, and why. Each exception is tried: one that is none is refused.
ABSENT = {"calibration": "speaks about all valid pixels, as specificity does: small probabilities are right"}
NO_WORST = {
    "components": "a count has no worst value: missed altogether, the error is the true count",
    "calibration": "a share of all pixels: false alarms that cover more than the missed pixels weigh more",
}
NOT_MIRRORED = {"cldice": "thinning peels one side first, so skeletons of even width move by a pixel"}

Figures = dict[str, NDArray[np.float64]]


def figures(measure: ImageMeasure, num_classes: int, *images: Seen) -> Figures:
    """Figures (N, R) of images of ``num_classes`` classes."""
    measure.prepare(spec(num_classes))
    classes = measure.classes(spec(num_classes))
    return measure.figures(np.stack([measure.sums(image, classes) for image in images]))


def certain(image: Seen, num_classes: int) -> Seen:
    """With probabilities 0 and 1 that say what the prediction says."""
    one_hot = np.stack([image.prediction == index for index in range(num_classes)]).astype(np.float32)
    return replace(image, probability=one_hot[1:] if num_classes == 2 else one_hot)


def same(found: Figures, wanted: Figures, **tolerance: float) -> None:
    assert found.keys() == wanted.keys()
    for name, values in found.items():
        assert values == pytest.approx(wanted[name], nan_ok=True, **tolerance), name


every_measure = pytest.mark.parametrize("name", NAMES)
every_case = pytest.mark.parametrize(
    ("name", "classes"), [(name, classes) for name in NAMES for classes in (2, 3)], ids=str
)
obedient = pytest.mark.parametrize(
    ("name", "classes"), [(name, classes) for name in NAMES if name not in ABSENT for classes in (2, 3)]
)


def test_exceptions_name_measures() -> None:
    assert len(NAMES) >= 7
    assert set(ABSENT) | set(NO_WORST) | set(NOT_MIRRORED) <= set(NAMES)


@every_case
def test_figures_are_those_with_a_direction(name: str, classes: int) -> None:
    measure = make(name)
    found = figures(measure, classes, scene(0, classes))
    assert found.keys() == measure.described_figures().keys()
    assert {spec.direction for spec in measure.described_figures().values()} <= {"min", "max"}


@every_case
def test_sums_have_one_shape(name: str, classes: int) -> None:
    measure = make(name)
    numbers = measure.classes(spec(classes))
    sizes = [(37, 52), (20, 20), (1, 9), (1, 1)]
    found = [measure.sums(scene(seed, classes, size), numbers) for seed, size in enumerate(sizes)]
    assert {(sums.dtype.name, sums.shape) for sums in found} == {("float64", (len(numbers), found[0].shape[1]))}
    assert all(np.isfinite(sums).all() for sums in found)


@every_case
def test_figures_of_images_do_not_see_each_other(name: str, classes: int) -> None:
    measure, images = make(name), [scene(seed, classes) for seed in range(3)]
    alone = [figures(measure, classes, image) for image in images]
    together = figures(measure, classes, *images)
    for figure, values in together.items():
        assert values.shape == (3, len(measure.classes(spec(classes))))
        assert np.array_equal(values, np.concatenate([one[figure] for one in alone]))
    none = measure.sums(images[0], measure.classes(spec(classes)))[None][:0]
    assert all(values.shape == (0, none.shape[1]) for values in measure.figures(none).values())


@every_case
def test_classes_do_not_see_each_other(name: str, classes: int) -> None:
    measure, image = make(name), scene(3, classes)
    numbers = list(measure.classes(spec(classes)))
    sums = measure.sums(image, numbers)
    for row, number in enumerate(numbers):
        assert np.array_equal(measure.sums(image, [number]), sums[row : row + 1])
    assert np.array_equal(measure.sums(image, numbers[::-1]), sums[::-1])


@every_case
def test_pooled_figures_do_not_depend_on_the_order(name: str, classes: int) -> None:
    measure = make(name)
    numbers = measure.classes(spec(classes))
    sums = np.stack([measure.sums(scene(seed, classes), numbers) for seed in range(5)])
    pooled = measure.figures(sums.sum(axis=0, keepdims=True))
    same(measure.figures(sums[::-1].sum(axis=0, keepdims=True)), pooled, rel=1e-12)
    if not measure.pooled:  # then adding says nothing new: it is the mean over the images
        each = {figure: np.nanmean(values, axis=0)[None] for figure, values in measure.figures(sums).items()}
        same(pooled, each, rel=1e-12)


@every_case
def test_perfect_is_the_best(name: str, classes: int) -> None:
    measure = make(name)
    for seed in range(3):
        truth = scene(seed, classes).truth
        prediction = np.where(truth == IGNORED, 0, truth).astype(np.uint8)
        for figure, values in figures(measure, classes, certain(Seen(prediction, truth), classes)).items():
            best = float(measure.described_figures()[figure].direction == "max")
            assert values.tolist() == [[best] * values.shape[1]]


@every_case
@pytest.mark.parametrize("shape", ["everywhere", "ringed"])
def test_perfect_is_the_best_without_an_edge(name: str, classes: int, shape: str) -> None:
    """The class fills the image, or all of it that is not ignored."""
    measure, truth = make(name), np.full((9, 12), classes - 1, dtype=np.uint8)
    if shape == "ringed":
        truth[[0, -1]] = IGNORED
        truth[:, [0, -1]] = IGNORED
    image = certain(Seen(np.full_like(truth, classes - 1), truth), classes)
    for figure, values in figures(measure, classes, image).items():
        assert values[0, -1] == float(measure.described_figures()[figure].direction == "max")


@every_case
def test_a_hole_is_not_perfect_and_not_the_worst(name: str, classes: int) -> None:
    """A class that fills all that is not ignored, less one predicted pixel: here the truth has no edge at all."""
    measure, truth = make(name), np.full((9, 12), IGNORED, dtype=np.uint8)
    truth[1:-1, 1:-1] = classes - 1
    prediction = truth.copy()
    prediction[4, 5] = 0
    for figure, values in figures(measure, classes, certain(Seen(prediction, truth), classes)).items():
        if figure.startswith(("object", "components")):
            assert values[0, -1] == float(measure.described_figures()[figure].direction == "max")
        elif measure.described_figures()[figure].direction == "max":
            assert 0.8 < values[0, -1] < 1
        else:  # of a single pixel a percentile may know nothing
            assert 0 < values[0, -1] <= 1 or (figure == "hd95" and values[0, -1] == 0)


@obedient
def test_absent_from_both_is_undefined(name: str, classes: int) -> None:
    nowhere = np.zeros((12, 15), dtype=np.uint8)
    nowhere[0] = IGNORED
    image = Seen(np.where(nowhere == IGNORED, classes - 1, 0).astype(np.uint8), nowhere)
    for values in figures(make(name), classes, certain(image, classes)).values():
        assert np.isnan(values).all()


@every_case
def test_an_image_without_valid_pixel_is_undefined(name: str, classes: int) -> None:
    image = replace(scene(0, classes), truth=np.full((37, 52), IGNORED, dtype=np.uint8))
    for values in figures(make(name), classes, image).values():
        assert np.isnan(values).all()


@obedient
@pytest.mark.parametrize("missing", ["truth", "prediction"])
def test_absent_from_one_is_the_worst(name: str, classes: int, missing: str) -> None:
    measure, there = make(name), scene(1, classes, ignored=False).truth
    image = replace(Seen(there, there), **{missing: np.zeros_like(there)})
    for figure, values in figures(measure, classes, certain(image, classes)).items():
        if name in NO_WORST:
            count = measure.sums(image, measure.classes(spec(classes)))[:, :2].max(axis=1)
            assert values.tolist() == [count.tolist()]
            assert count.min() > 1
        else:
            worst = 0.0 if measure.described_figures()[figure].direction == "max" else np.hypot(37, 52)
            assert values.tolist() == [[worst] * (classes - 1)]


@every_measure
def test_a_total_miss_is_never_better_than_a_hit(name: str) -> None:
    measure, broken = make(name), False
    for seed, classes in [(seed, classes) for seed in range(6) for classes in (2, 3)]:
        image = scene(seed, classes)
        if seed % 2:  # specks all over
            image.prediction[::4, ::4] = classes - 1
        hit = certain(image, classes)
        miss = certain(replace(image, prediction=np.zeros_like(image.prediction)), classes)
        missed, found = (figures(measure, classes, each) for each in (miss, hit))
        for figure, spec_of in measure.described_figures().items():
            sign = 1 if spec_of.direction == "max" else -1
            broken |= bool((sign * missed[figure][:, -1] > sign * found[figure][:, -1]).any())
    assert broken == (name in NO_WORST)


@every_case
def test_ignored_pixels_change_nothing(name: str, classes: int) -> None:
    measure, image = make(name), scene(2, classes)
    numbers = measure.classes(spec(classes))
    nobody = image.truth == IGNORED
    sums = measure.sums(image, numbers)
    rng = np.random.default_rng(0)
    for filler in (0, classes - 1, rng.integers(0, classes, nobody.shape)):
        assert image.probability is not None
        other = Seen(
            np.where(nobody, filler, image.prediction).astype(np.uint8),
            image.truth,
            np.where(nobody, rng.random(nobody.shape), image.probability).astype(np.float32),
        )
        assert np.array_equal(measure.sums(other, numbers), sums)


Turn = Callable[[NDArray[Any]], NDArray[Any]]
TURNS: Sequence[Turn] = (
    lambda array: array[..., ::-1],
    lambda array: array[..., ::-1, :],
    lambda array: np.rot90(array, axes=(-2, -1)),
    lambda array: np.swapaxes(array, -2, -1),
)


@every_case
def test_mirrored_and_turned_images_give_the_same(name: str, classes: int) -> None:
    measure, moved = make(name), False
    for seed in range(3):
        image = scene(seed, classes)
        upright = figures(measure, classes, image)
        for turn in TURNS:
            assert image.probability is not None
            other = Seen(turn(image.prediction), turn(image.truth), turn(image.probability))
            turned = figures(measure, classes, other)
            same(turned, upright, **({"abs": 0.1} if name in NOT_MIRRORED else {"rel": 1e-6}))
            moved |= any(turned[figure] != pytest.approx(upright[figure], rel=1e-6) for figure in turned)
    assert moved == (name in NOT_MIRRORED)


@every_measure
def test_numbers_of_classes_are_only_names(name: str) -> None:
    measure, image = make(name), scene(4, 3)
    assert image.probability is not None
    swap = np.array([0, 2, 1, *range(3, 256)], dtype=np.uint8)
    other = Seen(swap[image.prediction], swap[image.truth], image.probability[[0, 2, 1]])
    found, swapped = figures(measure, 3, image), figures(measure, 3, other)
    for figure, values in found.items():
        assert np.array_equal(values[:, -2:], swapped[figure][:, :-3:-1])


@every_case
def test_images_are_left_as_they_are(name: str, classes: int) -> None:
    image, untouched = scene(5, classes), scene(5, classes)
    assert image.probability is not None
    for array in (image.prediction, image.truth, image.probability):
        array.flags.writeable = False
    figures(make(name), classes, image)
    assert np.array_equal(image.prediction, untouched.prediction)
    assert np.array_equal(image.truth, untouched.truth)


@every_case
def test_shares_lie_between_0_and_1(name: str, classes: int) -> None:
    measure = make(name)
    for figure, values in figures(measure, classes, *(scene(seed, classes) for seed in range(4))).items():
        assert (values >= 0).all()
        assert measure.described_figures()[figure].unit or (values <= 1).all()


@every_measure
def test_only_measures_of_probabilities_need_them(name: str) -> None:
    measure, image = make(name), scene(0)
    bare = replace(image, probability=None)
    if measure.needs_probability:
        with pytest.raises(ValueError, match="probabilit"):
            measure.sums(bare, (1,))
    else:
        assert np.array_equal(measure.sums(bare, (1,)), measure.sums(image, (1,)))
