"""Hausdorff and surface distances against MONAI, brute force and worked examples."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from segexp.errors import ConfigError
from segexp.metrics.base import ImageMeasure, ImagePrediction
from segexp.metrics.distances import HausdorffDistance, SurfaceDistance
from segexp.metrics.regions import Mask, regions
from tests.metrics.scenes import drawn, figures, scene, seen, spec


def slow_outline(mask: Mask, ignored: Mask) -> list[tuple[int, int]]:
    """Pixels with a neighbour, above, below or beside, that is neither the class nor ignored, or not there."""
    whole = np.pad(mask | ignored, 1)
    steps = ((0, 1), (2, 1), (1, 0), (1, 2))
    return [(y, x) for y, x in np.argwhere(mask).tolist() if not all(whole[y + dy, x + dx] for dy, dx in steps)]


def slow(image: ImagePrediction, index: int) -> tuple[list[float], list[float]]:
    """Distances from each outline pixel to the other outline, by trying all pairs."""
    found = regions(image, index)
    one, other = slow_outline(found.prediction, found.ignored), slow_outline(found.truth, found.ignored)

    def nearest(from_: Sequence[tuple[int, int]], to: Sequence[tuple[int, int]]) -> list[float]:
        return [min(((y - v) ** 2 + (x - u) ** 2) ** 0.5 for v, u in to) for y, x in from_]

    return nearest(one, other), nearest(other, one)


def value(measure: ImageMeasure, image: ImagePrediction) -> float:
    ((found,),) = figures(measure, image).values()
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ignored", [True, False])
def test_against_brute_force(seed: int, ignored: bool) -> None:
    image = scene(seed, ignored=ignored)
    to_truth, to_prediction = slow(image, 1)
    for percentile in (50.0, 95.0, 100.0):
        wanted = max(float(np.quantile(side, percentile / 100)) for side in (to_truth, to_prediction))
        assert value(HausdorffDistance(percentile), image) == pytest.approx(wanted)
    assert value(SurfaceDistance(), image) == pytest.approx(np.mean(to_truth + to_prediction))


@pytest.mark.parametrize("seed", range(6))
def test_equal_to_monai(seed: int) -> None:
    metrics = pytest.importorskip("monai.metrics")
    image = scene(seed, 3, (90, 70), ignored=False)
    one_hot = [
        torch.from_numpy(np.stack([labels == index for index in range(3)]))[None].float()
        for labels in (image.prediction, image.truth)
    ]
    for percentile in (95, 100):
        wanted = metrics.compute_hausdorff_distance(*one_hot, percentile=percentile)[0].tolist()
        found = figures(HausdorffDistance(percentile), image, (1, 2))[f"hd{percentile}"]
        assert found == pytest.approx(wanted, rel=1e-6)
    wanted = metrics.compute_average_surface_distance(*one_hot, symmetric=True)[0].tolist()
    assert figures(SurfaceDistance(), image, (1, 2))["asd"] == pytest.approx(wanted, rel=1e-6)


def test_two_pixels() -> None:
    image = seen(drawn("#....", ".....", ".....", "....."), drawn(".....", ".....", ".....", "....#"))
    assert value(HausdorffDistance(), image) == pytest.approx(5.0)
    assert value(SurfaceDistance(), image) == pytest.approx(5.0)


def test_one_stray_pixel_decides_the_maximum_alone() -> None:
    truth = np.zeros((60, 60), dtype=np.uint8)
    truth[10:40, 10:40] = 1
    stray = truth.copy()
    stray[59, 59] = 1
    assert value(HausdorffDistance(100.0), seen(stray, truth)) == pytest.approx(20 * 2**0.5)
    assert value(HausdorffDistance(), seen(stray, truth)) == 0.0
    # The other direction knows nothing of it: 117 outline pixels predicted, 116 true.
    assert value(SurfaceDistance(), seen(stray, truth)) == pytest.approx(20 * 2**0.5 / (117 + 116))


@pytest.mark.parametrize("measure", [HausdorffDistance(), SurfaceDistance()])
def test_a_total_miss_is_the_diagonal(measure: ImageMeasure) -> None:
    there, nowhere = drawn(*["....#"] * 12), drawn(*["....."] * 12)
    for image in (seen(nowhere, there), seen(there, nowhere)):
        assert value(measure, image) == 13.0
    far = seen(drawn("#....", *["....."] * 11), drawn(*["....."] * 11, "....#"))
    assert value(measure, far) == pytest.approx(137**0.5)
    assert np.isnan(value(measure, seen(nowhere, nowhere)))


@pytest.mark.parametrize("make", [HausdorffDistance, SurfaceDistance])
def test_metres_where_the_size_of_a_pixel_is_known(make: type[ImageMeasure]) -> None:
    image, miss = scene(0), seen(np.zeros((3, 4)).astype(np.uint8), np.ones((3, 4)).astype(np.uint8))
    measure = make()
    measure.prepare(spec(2))
    assert [spec.unit for spec in measure.described_figures().values()] == ["px"]
    pixels = value(measure, image)
    measure.prepare(spec(2, pixel_size=0.3))
    assert [spec.unit for spec in measure.described_figures().values()] == ["m"]
    assert value(measure, image) == pytest.approx(0.3 * pixels)
    assert value(measure, miss) == pytest.approx(1.5)


def test_the_field_of_view_has_no_outline() -> None:
    """Both reach the ignored pixels: only the lower edges, one row apart, are compared."""
    truth = drawn("???????", "?#####?", "?#####?", "?#####?", "?.....?", "???????")
    prediction = drawn("#######", "#######", "#######", ".......", ".......", ".......")
    assert value(SurfaceDistance(), seen(prediction, truth)) == pytest.approx(1.0)


def test_figures_are_named_after_the_percentile() -> None:
    assert list(HausdorffDistance(50.0).described_figures()) == ["hd50"]
    assert list(figures(HausdorffDistance(100), scene(0))) == ["hd100"]
    assert list(HausdorffDistance().described_figures()) == ["hd95"]


@pytest.mark.parametrize("percentile", [0.0, -1.0, 100.5, float("nan")])
def test_a_percentile_out_of_range_is_refused(percentile: float) -> None:
    with pytest.raises(ConfigError, match="expected above 0 and at most 100"):
        HausdorffDistance(percentile)
