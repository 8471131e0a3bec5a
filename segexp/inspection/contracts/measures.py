"""What every measure promises: absent classes, ignored pixels, sums that may be added over images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.config.signatures.declared_figures import declared_figures
from segexp.errors import ConfigError
from segexp.inspection.contracts.losses import example_spec
from segexp.inspection.contracts.measure_scenes import (
    Figures,
    certain,
    format_values,
    measure_images,
    require_same,
    scene,
)
from segexp.inspection.contracts.promise import Promise, require
from segexp.metrics.base import ImageMeasure, ImagePrediction
from segexp.spec import IGNORED

Make = Callable[[], ImageMeasure]
Masks = NDArray[np.uint8]


@dataclass(frozen=True)
class MeasureCase:
    """A measure, made anew for each call, and a number of classes.

    Attributes:
        make: Makes it.
        classes: Number of classes of the made-up masks.
        section: Its block of the config, where it has one: its figures are read from source too then.
    """

    make: Make
    classes: int
    section: Mapping[str, Any] | None = None


def measure_cases(make: Make, section: Mapping[str, Any] | None = None) -> list[MeasureCase]:
    """Two and three classes."""
    return [MeasureCase(make, classes, section) for classes in (2, 3)]


def _best(measure: ImageMeasure) -> dict[str, float]:
    return {name: float(spec.direction == "max") for name, spec in measure.described_figures().items()}


def _declared(case: MeasureCase) -> None:
    measure = case.make()
    found, specs = measure_images(measure, case.classes, scene(0, case.classes)), measure.described_figures()
    require(found.keys() == specs.keys(), f"figures() with {sorted(found)}", f"those of figure_specs, {sorted(specs)}")
    for name, spec in specs.items():
        require(spec.direction in ("min", "max"), f"{spec.direction!r} as direction of {name}", "min or max")
    read = None if case.section is None else declared_figures(case.section)
    if read is not None:
        ways = {name: spec.direction for name, spec in specs.items()}
        directions = {name: spec.direction for name, spec in read.items()}
        advice = "write figure_specs out in the class, with keys of the constructor in braces: hd{percentile:g}"
        require(ways == directions, f"{ways} of the object", f"{directions}, which its source says", advice)


def _shape(case: MeasureCase) -> None:
    measure, sizes = case.make(), [(37, 52), (20, 20), (1, 9), (1, 1)]
    numbers = measure.classes(example_spec(case.classes))
    for seed, size in enumerate(sizes):
        sums = measure.sums(scene(seed, case.classes, size), numbers)
        width = measure.sums(scene(0, case.classes), numbers).shape[1]
        message = f"sums() of {sums.dtype} {sums.shape} for an image of {size[0]}x{size[1]}"
        fits = sums.dtype == np.float64 and sums.shape == (len(numbers), width)
        require(fits, message, f"float64 {(len(numbers), width)}")
        require(
            bool(np.isfinite(sums).all()), f"{message} with nan or infinity", "finite numbers", "divide in figures()"
        )


def _images_apart(case: MeasureCase) -> None:
    measure, images = case.make(), [scene(seed, case.classes) for seed in range(3)]
    alone = [measure_images(measure, case.classes, image) for image in images]
    rows = len(measure.classes(example_spec(case.classes)))
    for figure, values in measure_images(measure, case.classes, *images).items():
        require(values.shape == (3, rows), f"{figure} of shape {values.shape}", f"{(3, rows)}, images by classes")
        one_by_one = np.concatenate([one[figure] for one in alone])
        same = np.array_equal(values, one_by_one, equal_nan=True)
        require(
            same,
            f"{figure} of three images together {format_values(values)}",
            f"{format_values(one_by_one)}, as one by one",
        )
    none = measure.sums(images[0], measure.classes(example_spec(case.classes)))[None][:0]
    shapes = {values.shape for values in measure.figures(none).values()}
    require(shapes == {(0, none.shape[1])}, f"figures {shapes} of no image", f"{(0, none.shape[1])}")


def _classes_apart(case: MeasureCase) -> None:
    measure, image = case.make(), scene(3, case.classes)
    numbers = list(measure.classes(example_spec(case.classes)))
    sums = measure.sums(image, numbers)
    advice = "work on one class at a time, and take its number from classes"
    for row, number in enumerate(numbers):
        alone = measure.sums(image, [number])
        require(np.array_equal(alone, sums[row : row + 1]), f"other sums of class {number} alone", "the same", advice)
    backwards = measure.sums(image, numbers[::-1])
    require(np.array_equal(backwards, sums[::-1]), "other sums of classes in another order", "the same", advice)


def _pooled(case: MeasureCase) -> None:
    measure = case.make()
    numbers = measure.classes(example_spec(case.classes))
    sums = np.stack([measure.sums(scene(seed, case.classes), numbers) for seed in range(5)])
    pooled = measure.figures(sums.sum(axis=0, keepdims=True))
    require_same(measure.figures(sums[::-1].sum(axis=0, keepdims=True)), pooled, "images in another order", 1e-12)
    if not measure.pooled:  # then adding says nothing new: it is the mean over the images
        each = {figure: np.nanmean(values, axis=0)[None] for figure, values in measure.figures(sums).items()}
        require_same(pooled, each, "sums added over images, with pooled = False", 1e-12)


def _perfect(case: MeasureCase) -> None:
    measure = case.make()
    for seed in range(3):
        truth = scene(seed, case.classes).truth
        prediction = np.where(truth == IGNORED, 0, truth).astype(np.uint8)
        found = measure_images(measure, case.classes, certain(ImagePrediction(prediction, truth), case.classes))
        _is_best(measure, found, "a prediction that is the truth")
    for ringed in (False, True):
        truth = np.full((9, 12), case.classes - 1, dtype=np.uint8)
        if ringed:
            truth[[0, -1]] = truth[:, [0, -1]] = IGNORED
        image = ImagePrediction(np.full_like(truth, case.classes - 1), truth)
        found = measure_images(measure, case.classes, certain(image, case.classes))
        last = {name: values[:, -1:] for name, values in found.items()}
        _is_best(measure, last, "a class that fills the image, and is predicted so")


def _is_best(measure: ImageMeasure, found: Figures, what: str) -> None:
    for name, best in _best(measure).items():
        require(bool((found[name] == best).all()), f"{name} of {format_values(found[name])} for {what}", f"{best:g}")


def _hole(case: MeasureCase) -> None:
    measure, truth = case.make(), np.full((9, 12), IGNORED, dtype=np.uint8)
    truth[1:-1, 1:-1] = case.classes - 1
    prediction = truth.copy()
    prediction[4, 5] = 0
    found = measure_images(measure, case.classes, certain(ImagePrediction(prediction, truth), case.classes))
    for name, best in _best(measure).items():
        value = float(found[name][0, -1])
        what = f"{name} of {value:g} where a single pixel is missed"
        require(0.8 < value < 1 if best else 0 < value <= 1, what, "0.8 to below 1" if best else "above 0, at most 1")


def _absent(case: MeasureCase) -> None:
    nowhere = np.zeros((12, 15), dtype=np.uint8)
    nowhere[0] = IGNORED
    image = ImagePrediction(np.where(nowhere == IGNORED, case.classes - 1, 0).astype(np.uint8), nowhere)
    _is_undefined(measure_images(case.make(), case.classes, certain(image, case.classes)), "classes that are nowhere")
    image = replace(scene(0, case.classes), truth=np.full((37, 52), IGNORED, dtype=np.uint8))
    _is_undefined(measure_images(case.make(), case.classes, image), "an image that is all ignored")


def _is_undefined(found: Figures, what: str) -> None:
    for name, values in found.items():
        message = f"{name} of {format_values(values)} for {what}"
        require(bool(np.isnan(values).all()), message, "nan", "divide with segexp.metrics.quotients.share or quotient")


def _worst(case: MeasureCase) -> None:
    measure = case.make()
    there = scene(1, case.classes, ignored=False).truth
    nowhere = np.zeros_like(there)
    for missing, image in {
        "truth": ImagePrediction(there, nowhere),
        "prediction": ImagePrediction(nowhere, there),
    }.items():
        found = measure_images(measure, case.classes, certain(image, case.classes))
        for name, best in _best(measure).items():
            message = f"{name} of {format_values(found[name])} where a class is missing from the {missing} alone"
            bad = bool((found[name] == 0).all()) if best else bool((found[name] > 0).all())
            require(bad, message, "0" if best else "the worst value there is")
    for seed in range(6):
        image = scene(seed, case.classes)
        if seed % 2:  # specks all over
            image.prediction[::4, ::4] = case.classes - 1
        nothing = replace(image, prediction=np.zeros_like(image.prediction))
        missed, hit = (measure_images(measure, case.classes, certain(each, case.classes)) for each in (nothing, image))
        for name, best in _best(measure).items():
            sign = 1 if best else -1
            better = bool((sign * missed[name][:, -1] > sign * hit[name][:, -1]).any())
            message = f"a better {name} where nothing is predicted ({format_values(missed[name])})"
            require(not better, message, f"none better than {format_values(hit[name])}, of a prediction that overlaps")


def _ignored(case: MeasureCase) -> None:
    measure, image = case.make(), scene(2, case.classes)
    numbers, nobody = measure.classes(example_spec(case.classes)), image.truth == IGNORED
    sums, rng = measure.sums(image, numbers), np.random.default_rng(0)
    for filler in (0, case.classes - 1, rng.integers(0, case.classes, nobody.shape)):
        likely = image.probability if image.probability is not None else 0
        probability = np.asarray(np.where(nobody, rng.random(nobody.shape), likely), np.float32)
        other = ImagePrediction(np.where(nobody, filler, image.prediction).astype(np.uint8), image.truth, probability)
        same = np.array_equal(measure.sums(other, numbers), sums)
        advice = f"look at pixels where image.truth != {IGNORED} alone, see segexp.metrics.regions"
        require(same, "other sums for another prediction at ignored pixels", "the same", advice)


_TURNS: tuple[Callable[[NDArray[Any]], NDArray[Any]], ...] = (
    lambda array: array[..., ::-1],
    lambda array: array[..., ::-1, :],
    lambda array: np.rot90(array, axes=(-2, -1)),
    lambda array: np.swapaxes(array, -2, -1),
)


def turned(case: MeasureCase) -> list[tuple[Figures, Figures]]:
    """Figures of scenes that are mirrored or turned, each with those of the scene as it was."""
    measure, pairs = case.make(), []
    for seed in range(3):
        image = scene(seed, case.classes)
        upright = measure_images(measure, case.classes, image)
        for turn in _TURNS:
            probability = None if image.probability is None else turn(image.probability)
            other = ImagePrediction(turn(image.prediction), turn(image.truth), probability)
            pairs.append((measure_images(measure, case.classes, other), upright))
    return pairs


def _mirrored(case: MeasureCase) -> None:
    for found, upright in turned(case):
        require_same(found, upright, "a mirrored or turned image")


def _numbers(case: MeasureCase) -> None:
    measure, image = case.make(), scene(4, 3)
    swap = np.array([0, 2, 1, *range(3, 256)], dtype=np.uint8)
    probability = None if image.probability is None else image.probability[[0, 2, 1]]
    other = ImagePrediction(swap[image.prediction], swap[image.truth], probability)
    found, swapped = measure_images(measure, 3, image), measure_images(measure, 3, other)
    for name, values in found.items():
        same = np.array_equal(values[:, -2:], swapped[name][:, :-3:-1])
        require(same, f"another {name} where two classes change their numbers", "the same")


def _untouched(case: MeasureCase) -> None:
    image, before = scene(5, case.classes), scene(5, case.classes)
    for array in (image.prediction, image.truth, image.probability):
        if array is not None:
            array.flags.writeable = False
    measure_images(case.make(), case.classes, image)
    same = np.array_equal(image.prediction, before.prediction) and np.array_equal(image.truth, before.truth)
    require(same, "masks that were changed", "masks left as they are", "work on a copy")


def _range(case: MeasureCase) -> None:
    measure = case.make()
    found = measure_images(measure, case.classes, *(scene(seed, case.classes) for seed in range(4)))
    for name, spec in measure.described_figures().items():
        inside = (found[name] >= 0) & ((found[name] <= 1) | bool(spec.unit))
        expected = f"at least 0{'' if spec.unit else ', at most 1'}"
        message = f"{name} of {format_values(found[name])}"
        require(bool(inside.all()), message, expected, "a figure that is no share of 0..1 has a unit")


def _probability(case: MeasureCase) -> None:
    measure, image = case.make(), scene(0)
    bare = replace(image, probability=None)
    if not measure.needs_probability:
        same = np.array_equal(measure.sums(bare, (1,)), measure.sums(image, (1,)))
        require(same, "other sums without probabilities", "the same", "or say needs_probability = True")
        return
    try:
        measure.sums(bare, (1,))
    except (ValueError, ConfigError) as error:
        require("probabilit" in str(error), f"the error {error}", "one that speaks of probabilities")
    else:
        require(False, "sums without probabilities", "a ValueError, since needs_probability is True")


PROMISES = (
    Promise("declared", "figures() gives the figures of figure_specs, which can be read from source", _declared),
    Promise("shape", "sums() gives finite float64 (classes, n), whatever the size of the image", _shape),
    Promise("images_apart", "figures of one image do not depend on others", _images_apart),
    Promise("classes_apart", "figures of one class do not depend on others", _classes_apart),
    Promise("pooled", "sums may be added over images in any order", _pooled),
    Promise("perfect", "a prediction that is the truth is the best there is", _perfect),
    Promise("hole", "a single missed pixel is neither perfect nor the worst", _hole),
    Promise("absent", "a class absent from truth and prediction is undefined (nan)", _absent),
    Promise("worst", "a class absent from one of them is the worst there is, never better than a hit", _worst),
    Promise("ignored", "what is predicted at ignored pixels changes nothing", _ignored),
    Promise("mirrored", "mirrored and turned images give the same", _mirrored),
    Promise("numbers", "numbers of classes are only names", _numbers),
    Promise("untouched", "masks are left as they are", _untouched),
    Promise("range", "figures are 0 or more, and without a unit at most 1", _range),
    Promise("probability", "probabilities are needed where needs_probability says so alone", _probability),
)
