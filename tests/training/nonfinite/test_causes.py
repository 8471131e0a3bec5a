"""The most likely cause is the first step of the computation that gave a number that is not finite."""

from typing import Any

import pytest

from segexp.training.nonfinite.causes import Setting, likely_cause

FINE: dict[str, Any] = {
    "loss": 0.5, "terms": {"total": 0.5}, "outputs": {"min": -1.0, "max": 2.0, "not_finite": 0},
    "bad_inputs": [], "weights_finite": True, "gradient_norms": {"encoder": 1.0, "head": "nan"},
}  # fmt: skip
HALF = Setting(precision="16-mixed")


@pytest.mark.parametrize(
    ("facts", "setting", "words", "advice"),
    [
        ({"weights_finite": False}, Setting(), "weights were not finite before it", "lower optimizer.lr or limit the"),
        ({"bad_inputs": ["a", "b"]}, Setting(), "the input holds nan or infinity (a, b)", "mend"),
        ({"outputs": {"not_finite": 3}, "loss": "nan"}, Setting(), "outputs are not finite", "lower optimizer.lr or"),
        ({"outputs": {"not_finite": 3}, "loss": "nan"}, HALF, "overflow in 16-mixed", "trainer.precision=32-true"),
        (
            {"outputs": {"min": -1e6, "max": 0.0, "not_finite": 0}, "loss": "inf"},
            Setting(clipped=True, lr_key=""),
            "very large",
            "lower the learning rate",
        ),
        (
            {"loss": "nan", "terms": {"total": "nan", "dice": "nan", "ce": 1.0}},
            Setting(),
            "the term dice of the loss of finite outputs",
            "choose another loss=",
        ),
        (
            {"loss": "nan", "terms": {"total": "nan"}},
            Setting(loss="Dice"),
            "the loss Dice of finite outputs",
            "mend it",
        ),
        ({}, Setting(precision="bfloat16"), "gradient overflows in bfloat16", "speed.precision=float32"),
        ({}, Setting(), "its gradient is not, in head", "trainer.detect_anomaly=true"),
    ],
)
def test_the_first_step_is_named(facts: dict[str, Any], setting: Setting, words: str, advice: str) -> None:
    found = likely_cause({**FINE, **facts}, setting)
    assert words in found.words
    assert advice in found.advice


def test_a_limit_that_is_set_is_not_advised() -> None:
    assert "gradient_clip_val" not in likely_cause(FINE, Setting(clipped=True)).advice
    assert "gradient_clip_val=1.0" in likely_cause(FINE, Setting()).advice
