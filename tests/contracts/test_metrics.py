"""What every measure in conf/metric must do; a new YAML is found by itself."""

import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from segexp.inspection.contracts.measure_scenes import certain, measure_images, scene
from segexp.inspection.contracts.measures import PROMISES, MeasureCase, measure_cases, turned
from segexp.inspection.contracts.promise import outcome
from segexp.metrics.base import FigureSpec, ImageMeasure, ImagePrediction
from segexp.spec import IGNORED
from tests.metrics.configured import NAMES, composed, make

every_case = pytest.mark.parametrize(
    ("name", "classes"), [(name, classes) for name in NAMES for classes in (2, 3)], ids=str
)


def cases(name: str) -> list[MeasureCase]:
    return measure_cases(functools.partial(make, name), composed(name)[name])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.name)
def test_every_promise_is_kept(name: str, promise: Any) -> None:
    found = outcome(promise, cases(name), make(name).exceptions)
    assert found.state in ("kept", "excused"), found.reason


@pytest.mark.parametrize("name", NAMES)
def test_exceptions_name_promises(name: str) -> None:
    assert len(NAMES) >= 7
    assert make(name).exceptions.keys() <= {promise.name for promise in PROMISES}


@every_case
@pytest.mark.parametrize("missing", ["truth", "prediction"])
def test_a_distance_of_a_class_that_is_missed_is_the_diagonal(name: str, classes: int, missing: str) -> None:
    measure, there = make(name), scene(1, classes, ignored=False).truth
    if not all(spec.unit in ("px", "m") for spec in measure.described_figures().values()):
        return
    image = replace(ImagePrediction(there, there), **{missing: np.zeros_like(there)})
    for values in measure_images(measure, classes, certain(image, classes)).values():
        assert values.tolist() == [[np.hypot(37, 52)] * (classes - 1)]


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("missing", ["truth", "prediction"])
def test_missed_components_are_all_that_there_are(classes: int, missing: str) -> None:
    measure, there = make("components"), scene(1, classes, ignored=False).truth
    image = replace(ImagePrediction(there, there), **{missing: np.zeros_like(there)})
    count = measure.sums(image, range(1, classes))[:, :2].max(axis=1)
    assert measure_images(measure, classes, image)["components_error"].tolist() == [count.tolist()]
    assert count.min() > 1


@every_case
def test_a_hole_changes_nothing_where_that_is_excused(name: str, classes: int) -> None:
    """A class that fills all that is not ignored, less one predicted pixel: here the truth has no edge at all."""
    measure, truth = make(name), np.full((9, 12), IGNORED, dtype=np.uint8)
    truth[1:-1, 1:-1] = classes - 1
    prediction = truth.copy()
    prediction[4, 5] = 0
    found = measure_images(measure, classes, certain(ImagePrediction(prediction, truth), classes))
    for figure, spec in measure.described_figures().items():
        if "hole" in measure.exceptions:
            assert found[figure][0, -1] == float(spec.direction == "max")


@every_case
def test_mirrored_images_give_nearly_the_same(name: str, classes: int) -> None:
    for found, upright in turned(MeasureCase(functools.partial(make, name), classes)):
        for figure, values in found.items():
            assert values == pytest.approx(upright[figure], nan_ok=True, abs=0.1)


class Share(ImageMeasure):
    """Share of the pixels that are predicted to be of the class, the ignored ones too."""

    figure_specs: ClassVar = {"share_{side}": FigureSpec("min", "share")}

    def __init__(self, side: str = "left") -> None:
        self.side = side

    def sums(self, seen: ImagePrediction, classes: Sequence[int]) -> NDArray[np.float64]:
        """Pixels of the class, and all."""
        return np.array([[float((seen.prediction == k).sum()), seen.truth.size] for k in classes])

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The share."""
        return {f"share_{self.side}": sums[..., 0] / sums[..., 1]}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("perfect", "share_left of .* for a prediction that is the truth, expected 0"),
        ("ignored", "other sums for another prediction at ignored pixels, expected the same; look at pixels where"),
        ("absent", "share_left of .*expected nan; divide with segexp.metrics.quotients"),
        ("worst", "a better share_left|share_left of .* where a class is missing from the prediction alone"),
    ],
)
def test_a_broken_promise_is_told(name: str, words: str) -> None:
    promise = next(promise for promise in PROMISES if promise.name == name)
    section = {"_target_": f"{__name__}.Share"}
    found = outcome(promise, measure_cases(Share, section), {})
    assert found.state == "broken"
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.reason)


def test_figures_that_source_does_not_tell_are_found() -> None:
    promise = next(promise for promise in PROMISES if promise.name == "declared")
    found = outcome(promise, measure_cases(lambda: Share("right"), {"_target_": f"{__name__}.Share"}), {})
    assert "which its source says" in found.reason
    assert outcome(promise, measure_cases(lambda: Share("right"), {"_target_": f"{__name__}.Share", "side": "right"}),
                   {}).state == "kept"  # fmt: skip


def test_a_measure_of_version_0_1_says_its_directions() -> None:
    with pytest.warns(FutureWarning, match=r"directions is read until version 0\.3.*figure_specs = "):

        class Older(Share):
            directions: ClassVar = {"share_left": "min"}

    assert Older().described_figures() == {"share_left": FigureSpec("min", "share_left", "")}
