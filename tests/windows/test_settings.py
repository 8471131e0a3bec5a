"""Which images are seen whole, and which in windows."""

import pytest

from segexp.windows.settings import Inference


@pytest.mark.parametrize(
    ("window", "shape", "expected"),
    [
        ("auto", (1024, 1024), None),
        ("auto", (512, 2048), None),  # by area
        ("auto", (1025, 1024), 512),
        ("auto", (5000, 5000), 512),
        (None, (5000, 5000), None),
        (256, (256, 256), None),
        (256, (100, 257), 256),
    ],
)
def test_window_for(window: object, shape: tuple[int, int], expected: int | None) -> None:
    assert Inference(window=window).window_for(*shape) == expected  # type: ignore[arg-type]


def test_what_was_in_force() -> None:
    auto = Inference(overlap=0.5, blend="constant")
    assert auto.in_force([(64, 64), (2000, 2000), (3000, 900)]) == {
        "window": 512, "images_in_windows": 2, "images_whole": 1, "overlap": 0.5, "blend": "constant",
    }  # fmt: skip
    assert auto.in_force([(64, 64)]) == {"window": None, "images_in_windows": 0, "images_whole": 1}


def test_windows_in_a_pass() -> None:
    assert (Inference().windows_in_a_pass("cpu"), Inference().windows_in_a_pass("cuda")) == (1, 4)
    assert Inference(batch_size=3).windows_in_a_pass("cpu") == 3
