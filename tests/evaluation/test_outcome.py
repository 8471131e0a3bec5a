"""An infinite figure is named with its images before it becomes null."""

import numpy as np
import pytest

from segexp.evaluation import outcome


def test_images_of_infinite_figures_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(outcome.LOG, "warning", told.append)
    names = [f"photo_{number}" for number in range(7)]
    values = np.array([np.inf, 1.0, -np.inf, np.nan, np.inf, np.inf, np.inf])
    outcome._tell_infinite({("psnr",): values, ("area_error", "vessel"): np.ones(7)}, names)
    assert told == [
        "psnr is infinite for photo_0, photo_2, photo_4, photo_5 and 1 more: "
        "empty in per_image.csv, null in results.json"
    ]
    assert outcome.finite({"psnr": [np.inf, 1.0]}) == {"psnr": [None, 1.0]}
