import math

import pytest

from segexp.errors import ConfigError
from segexp.trained_sizes import ObjectSizes, TrainedSizes
from segexp.windows.rescale import Rescale, proposed_factor, read_scale, refuse_unlike

SMALL = TrainedSizes(200, (112, 120, 120), 32, (ObjectSizes("nucleus", 40, 41.0, 27.0),))


def read(asked: float | str, trained: TrainedSizes | None = SMALL, metres: float | None = None) -> Rescale:
    found = read_scale(asked, trained, metres)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("asked", "name", "seen"),
    [
        (0.4, "scale0.4", (120, 80)),
        (2, "scale2", (600, 400)),
        ("128px", "scale128px", (128, 85)),
        (128, "scale128px", (128, 85)),
        ("auto", "scaleauto", (120, 80)),
        (0.01, "scale0.01", (3, 2)),
    ],
)
def test_an_image_is_seen_at_the_size_that_is_asked_for(asked: float | str, name: str, seen: tuple[int, int]) -> None:
    found = read(asked)
    assert found.name == name
    assert found.shape_for(300, 200) == seen
    assert found.shape_for(200, 300) == seen[::-1]
    assert read(found.given) == found


def test_one_pixel_stays_one_pixel() -> None:
    assert read(0.4).shape_for(1, 1) == (1, 1)
    assert read(0.4).shape_for(1, 100) == (1, 40)


@pytest.mark.parametrize("asked", [None, 1, 1.0])
def test_one_is_no_scale(asked: float | None) -> None:
    assert read_scale(asked) is None


@pytest.mark.parametrize("asked", [0, -1, math.nan, math.inf, 1e9, 16.0, "0.5", "8px", "px", "all", True, [0.5], 10**9])
def test_what_is_no_scale_is_refused(asked: object) -> None:
    with pytest.raises(ConfigError, match=r"^scale: found .*, expected a "):
        read_scale(asked, SMALL)  # type: ignore[arg-type]


def test_auto_needs_a_record() -> None:
    with pytest.raises(ConfigError, match=r"does not record .* give a factor, scale=0\.5"):
        read_scale("auto", None)


@pytest.mark.parametrize(
    ("side", "factor"), [(120, 1), (115, 1), (112, 1), (100, 1), (149, 1), (300, 0.4), (60, 2.0), (240, 0.5)]
)
def test_auto_goes_by_the_longer_side_and_leaves_alone_what_is_near(side: int, factor: float) -> None:
    assert read("auto").factor_for(side, 20) == pytest.approx(factor)


def test_auto_goes_by_metres_where_both_are_known() -> None:
    found = read("auto", SMALL, 0.3)
    assert found.at(0.15).factor_for(5000, 5000) == pytest.approx(0.5)
    assert found.at(0.3).factor_for(5000, 5000) == 1
    assert found.at(None).factor_for(300, 300) == pytest.approx(0.4)
    with pytest.raises(ConfigError, match="scale: auto gives 333"):
        found.at(100.0).factor_for(300, 300)


@pytest.mark.parametrize(("side", "factor"), [(120, None), (170, None), (180, 0.67), (300, 0.4), (90, None), (50, 2.4)])
def test_a_factor_is_proposed_for_images_that_are_far_from_those_trained_on(side: int, factor: float | None) -> None:
    assert proposed_factor(SMALL, side, None, None) == factor


def test_models_that_are_asked_together_were_trained_at_one_size() -> None:
    large = TrainedSizes(10, (300, 300, 300))
    refuse_unlike("a", read("auto"), "b", read("auto", TrainedSizes(5, (130, 130, 130))))
    refuse_unlike("a", read(0.5), "b", read(0.5, large))
    with pytest.raises(ConfigError, match="unlike sizes: a on 200 images, longer side 112 to 120 pixels, nucleus 41"):
        refuse_unlike("a", read("auto"), "b", read("auto", large))


def test_a_record_survives_a_checkpoint_and_foreign_ones_are_refused() -> None:
    assert TrainedSizes.from_dict(SMALL.to_dict(0.5)) == SMALL
    assert SMALL.to_dict(0.5)["objects"][0]["side_m"] == 20.5
    for side in ([0, 1, 2], [3, 2, 1], [1, 2], [1, math.nan, 2], "abc"):
        with pytest.raises((ValueError, TypeError)):
            TrainedSizes.from_dict({**SMALL.to_dict(), "side": side})
