"""The nearest valid name."""

import pytest

from segexp.config.checks.suggest import did_you_mean, nearest

KEYS = [
    "model",
    "model.base",
    "model.depth",
    "loss.terms.bce",
    "loss.terms.bce.pos_weight",
    "loss.terms.jaccard.smooth",
    "optimizer.weight_decay",
    "datamodule.loader.batch_size",
    "datamodule.loader.eval_batch_size",
]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("modle", "model"),
        ("model.bas", "model.base"),
        ("bas", "model.base"),
        ("modle.base", "model.base"),
        ("loss.terms.bce.smoot", "loss.terms.jaccard.smooth"),  # not the block that the key would stand in
        ("optimzer.weight_decay", "optimizer.weight_decay"),
        ("datamodule.loader.bathc_size", "datamodule.loader.batch_size"),
        ("zzz", None),
        ("model.zzz", None),
    ],
)
def test_nearest(word: str, expected: str | None) -> None:
    assert nearest(word, KEYS) == expected


def test_nothing_is_near_nothing() -> None:
    assert nearest("x", []) is None
    assert did_you_mean("x", []) == ""


def test_did_you_mean_lists_all_names_when_none_is_near() -> None:
    assert did_you_mean("unt", ["unet", "cunet"]) == " Did you mean 'unet'?"
    assert did_you_mean("zzz", ["unet", "cunet", "unet"]) == " Valid: cunet, unet."
