import math

import numpy as np
import pytest
import torch

from segexp.inference.predict.output.maps import entropy, output_layers, paint_overlay, score_rows
from segexp.spec import DataSpec, MaskTarget

TWO = DataSpec(MaskTarget(("ground", "roof"), ((0, 0, 0), (255, 100, 0))))
THREE = DataSpec(MaskTarget(("a", "b", "c"), ((0, 0, 0), (255, 0, 0), (0, 0, 255))))


def test_layers_say_what_they_are() -> None:
    probability, overlaid = output_layers(TWO, ["overlay", "probability"], "uint8")
    assert (probability.name, probability.bands, probability.nodata) == ("probability", ("roof",), 255)
    assert probability.scale == pytest.approx(1 / 254)
    assert overlaid.is_rgb
    mask, deep, unsure = output_layers(THREE, ["mask", "probability", "uncertainty", "polygons"], "float32")
    assert mask.palette == THREE.colours
    assert mask.scale is None
    assert deep.bands == ("a", "b", "c")
    assert math.isnan(deep.nodata or 0)
    assert unsure.dtype == "float32"


def test_entropy_is_one_where_all_classes_are_alike() -> None:
    two = entropy(torch.tensor([[[0.0, 0.5, 1.0, 0.25]]]))
    expected = -(0.25 * math.log2(0.25) + 0.75 * math.log2(0.75))
    torch.testing.assert_close(two, torch.tensor([[0.0, 1.0, 0.0, expected]]))
    three = entropy(torch.tensor([[[1 / 3, 1.0]], [[1 / 3, 0.0]], [[1 / 3, 0.0]]]))
    torch.testing.assert_close(three, torch.tensor([[1.0, 0.0]]))


def test_scores_in_eight_bits_leave_a_number_for_no_data() -> None:
    (layer,) = output_layers(TWO, ["probability"], "uint8")
    missing = np.array([[False, False, True]])
    found = score_rows(layer, torch.tensor([[[0.0, 1.0, 1.0]]]), missing)
    assert found.tolist() == [[[0, 254, 255]]]
    (deep,) = output_layers(TWO, ["probability"], "float32")
    found = score_rows(deep, torch.tensor([[[0.1, 0.7, 1.0]]]), missing)
    np.testing.assert_allclose(found, [[[0.1, 0.7, np.nan]]], rtol=1e-6)


def test_overlay_tints_all_but_the_first_class() -> None:
    shown = np.full((1, 3, 3), 100, np.uint8)
    found = paint_overlay(shown, np.array([[0, 1, 255]], np.uint8), TWO)
    assert found[:, 0].T.tolist() == [[100, 100, 100], [193, 100, 40], [100, 100, 100]]
    assert (shown == 100).all()
