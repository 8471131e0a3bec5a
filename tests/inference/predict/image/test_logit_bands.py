from pathlib import Path

import numpy as np
import pytest
import torch

from segexp import load
from segexp.data.synthetic.scenes import draw_scene
from segexp.image_statistics import image_statistics
from segexp.inference.pixels import ArrayRaster
from segexp.inference.predict.image.logit_bands import logit_bands, raster_statistics
from segexp.windows.plan import WindowPlan
from segexp.windows.settings import Inference
from tests.inference.conftest import Finished
from tests.inference.predict.made import identity, noise
from tests.training.runs import Done


@pytest.mark.parametrize("tta", ["none", "d4"])
def test_an_identity_gives_the_image_back(tta: str) -> None:
    """Requirement 41: no seam, to 1e-5 of the range."""
    image = noise(203, 151, 1)
    model = identity(Inference(window=64, overlap=0.3, batch_size=3))
    model.module.tta = tta  # type: ignore[assignment]
    bands = list(logit_bands(model, ArrayRaster(image)))
    found = torch.cat(bands, dim=2)[0, 0].numpy()
    np.testing.assert_allclose(found / 255, image[..., 0] / 255, atol=1e-5)
    # No more than a band of windows is ever in memory.
    assert max(band.shape[2] for band in bands) <= 64
    assert len(bands) > 3


def test_the_same_as_with_the_whole_image_in_memory(finished: Finished, cells: Done) -> None:
    for path, tta in ((finished.path, "none"), (cells.path, "flips")):
        model = load(path, tta=tta, inference={"window": 32, "overlap": 0.5})  # type: ignore[arg-type]
        image = noise(70, 90)
        found = torch.cat(list(logit_bands(model, ArrayRaster(image))), dim=2)
        torch.testing.assert_close(found, model.logits(image), rtol=1e-4, atol=1e-4)


def steps_at_borders(path: Path, overlap: float) -> float:
    """Mean step of the logits across the borders of windows over that elsewhere, each as a share of the steps that the
    image as a whole gives there."""
    image = draw_scene("buildings", 0, 0, 256).image
    model = load(path, inference={"window": 64, "overlap": overlap})
    stitched = torch.cat(list(logit_bands(model, ArrayRaster(image))), dim=2)[0, 0]
    whole = load(path).logits(image)[0, 0]
    plan = WindowPlan(256, 256, 64, overlap)
    borders = sorted({edge for top in plan.tops for edge in (top - 1, top + 63)} & set(range(255)))
    others = sorted(set(range(255)) - set(borders))
    ratio = [
        float(stitched.diff(dim=0).abs()[rows].mean() / whole.diff(dim=0).abs()[rows].mean())
        for rows in (borders, others)
    ]
    return ratio[0] / ratio[1]


def test_no_seam_of_a_trained_model(finished: Finished) -> None:
    """Steps across the borders of windows are no larger than elsewhere; those of tiles put side by side are."""
    assert steps_at_borders(finished.path, 0.25) < 1.02
    assert steps_at_borders(finished.path, 0.0) > 1.05


def test_statistics_of_strips_are_those_of_the_whole() -> None:
    image = noise(1100, 40, 3, 4096)
    image[:300] //= 20  # dark
    mean, deviation = image_statistics(torch.from_numpy(image).permute(2, 0, 1)[None])
    found = raster_statistics(ArrayRaster(image))
    torch.testing.assert_close(found[:, 0], mean, rtol=1e-5, atol=0)
    torch.testing.assert_close(found[:, 1], deviation, rtol=1e-5, atol=0)
