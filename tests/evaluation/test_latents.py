"""The plane of the codes, and which images are shown in it."""

import numpy as np
import pytest

from segexp.evaluation.latents import LatentPlane


@pytest.mark.parametrize(("numbers", "second"), [(1, ""), (2, "second number of the code")])
def test_one_or_two_numbers_are_shown_as_they_are(numbers: int, second: str) -> None:
    codes = np.random.default_rng(0).normal(size=(9, numbers))
    plane = LatentPlane.of_codes(codes)
    assert plane.share is None
    assert plane.names == ("first number of the code", second)
    assert np.array_equal(plane.project(codes)[:, :numbers], codes)
    assert np.array_equal(plane.lift(plane.project(codes)), codes)


def test_more_are_seen_along_their_principal_components() -> None:
    rng = np.random.default_rng(0)
    along = np.array([[0.6, 0.0, 0.8], [0.0, -1.0, 0.0]])
    places = rng.normal(size=(400, 2)) * (5, 2)
    codes = np.array([1.0, 2.0, 3.0]) + places @ along + 0.01 * rng.normal(size=(400, 3))
    plane = LatentPlane.of_codes(codes)
    assert np.abs(plane.axes @ along.T) == pytest.approx(np.eye(2), abs=0.02)
    assert plane.axes[1, 1] > 0, "of two signs the one whose largest entry is positive"
    assert plane.share == pytest.approx([25 / 29, 4 / 29], abs=0.04)
    assert plane.lift(plane.project(codes)) == pytest.approx(codes, abs=0.06)
    assert plane.names[0].startswith("first principal component of the codes, 8")


def test_codes_that_are_all_alike_have_a_plane_too() -> None:
    plane = LatentPlane.of_codes(np.ones((1, 5)))
    assert plane.project(np.ones((1, 5))) == pytest.approx(np.zeros((1, 2)))
    assert np.isfinite(plane.axes).all()
