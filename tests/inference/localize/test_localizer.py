import numpy as np
import pytest

from segexp.errors import MismatchError
from segexp.inference.localize.localizer import load_localizer
from segexp.inference.localize.settings import MapSettings
from segexp.rasters import read_rgb
from segexp.runs.checkpoints import find_sources
from tests.inference.conftest import Finished, finished, settings_of_torch
from tests.inference.localize.conftest import Smears

__all__ = ["finished", "settings_of_torch"]

EVERY = MapSettings(("lecture", "gradcam", "fine"), singles=2)


def test_a_large_image_is_seen_in_windows(smears: Smears) -> None:
    """Of two equal halves seen one by one, each has the maps that it has alone, and both the same probability."""
    (source,) = find_sources(smears.run)
    half = read_rgb(smears.fields / "Im001_1.jpg")[:, 64:]
    both = np.concatenate([half, half], axis=1)
    windows, _ = load_localizer(source, EVERY, {"window": 64, "overlap": 0.0}, "cpu", [])
    alone, whole = windows.localize(half, (64, 64), None), windows.localize(both, (64, 128), None)
    np.testing.assert_allclose(whole.probabilities, alone.probabilities, atol=1e-6)
    assert list(whole.maps) == ["lecture", "gradcam", "fine", "mean", *(f"map {n}" for n in windows.singles)]
    for name, values in whole.maps.items():
        assert values.shape == (64, 128)
        for start in (0, 64):
            np.testing.assert_allclose(values[:, start : start + 64], alone.maps[name], atol=1e-5)


def test_the_mean_over_views_turns_with_the_image(smears: Smears) -> None:
    (source,) = find_sources(smears.run)
    field = read_rgb(smears.fields / "Im002_1.jpg")
    made, _ = load_localizer(source, MapSettings(("fine",), views="d4"), {}, "cpu", [])
    upright, turned = made.localize(field, (64, 128), 1), made.localize(np.rot90(field), (128, 64), 1)
    np.testing.assert_allclose(turned.maps["fine"], np.rot90(upright.maps["fine"]), atol=1e-5)
    single, _ = load_localizer(source, MapSettings(("fine",)), {}, "cpu", [])
    assert np.abs(single.localize(field, (64, 128), 1).maps["fine"] - upright.maps["fine"]).max() > 1e-3


def test_the_strongest_maps_add_most_to_the_logit_of_the_class(smears: Smears) -> None:
    """Worked out from the maps themselves: mean over the places times the weight of the class."""
    (source,) = find_sources(smears.run)
    field = read_rgb(smears.fields / "Im001_1.jpg")[:, 64:]
    every, _ = load_localizer(source, MapSettings(("lecture",), singles=64), {}, "cpu", [])
    chosen, _ = load_localizer(source, MapSettings(("lecture",), singles=3, strongest=True), {}, "cpu", [])
    # Maps of one value each, of an image of 64 pixels: the means of maps are not changed by stretching.
    found = every.localize(field, (64, 64), 1).maps
    weights = every.model.head.weight[1].detach().numpy()
    added = {name: found[name].mean() * weights[int(name.split()[1])] for name in found if name.startswith("map ")}
    assert len(added) == len(weights)
    best = sorted(added, key=lambda name: -added[name])[:3]
    assert list(chosen.localize(field, (64, 64), 1).maps)[2:] == best


def test_a_segmentation_is_refused(finished: Finished) -> None:
    (source,) = find_sources(finished.path)
    with pytest.raises(MismatchError, match=r"is a segmentation with segexp\.models.*expected a classifier"):
        load_localizer(source, EVERY, {}, "cpu", [])
