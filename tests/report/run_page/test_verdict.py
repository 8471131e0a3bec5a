"""The verdict on top of a page: what was learnt, against what, whether more epochs or images would help."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from segexp.report.run_page.trivial import beaten_by
from segexp.report.run_page.verdict import epochs_sentence, find_verdict
from tests.report.made_up import results as made_up

Row = Mapping[str, Any]


def outcome(
    value: float | None, interval: list[float | None] | None, *rivals: tuple[str, float], images: int | None = 40
) -> dict[str, Any]:
    """Results of two classes with a mean IoU of the model and of trivial predictors."""
    own: dict[str, Any] = {"name": "model", "dataset": {"miou": value}}
    own |= {"interval": {"level": 0.95, "dataset": {"miou": interval}}} if interval else {}
    others = [{"name": name, "dataset": {"miou": other}} for name, other in rivals]
    split = {"name": "test"} | ({} if images is None else {"images": images})
    return {"task": {"classes": ["background", "vessel"]}, "split": split, "rows": [own, *others]}


def sentences(results: Row, epochs: list[dict[str, str]] | None = None) -> tuple[str, tuple[str, ...]]:
    found = find_verdict(results, epochs or [])
    assert found is not None
    return found.kind, found.sentences


def test_a_clear_lead_on_enough_images() -> None:
    assert sentences(outcome(0.8123, [0.8, 0.83], ("Otsu", 0.5), ("all background", 0.45))) == (
        "good",
        (
            "On 40 test images the model reaches mean IoU 0.8123 (95 % interval 0.8000 to 0.8300), in which it is "
            "better than all trivial predictors (the best, Otsu: 0.5000).",
            "The test is large enough to tell the two apart: the interval is 0.0300 wide, the difference to Otsu "
            "0.3123.",
        ),
    )


@pytest.mark.parametrize(
    ("rival", "kind", "text"),
    [
        (0.70, "good", "The test is just large enough to tell the two apart: the interval is 0.1500 wide"),
        (
            0.75,
            "open",
            "The interval of the model alone does not tell it from Otsu, whose value lies within it; both are "
            "measured on the same images, so a paired comparison may tell more.",
        ),
        (0.80, "bad", "The interval of the model alone does not tell it from Otsu"),
        (0.95, "bad", "The test is just large enough to tell"),
    ],
)
def test_the_width_of_the_interval_against_the_difference(rival: float, kind: str, text: str) -> None:
    found = sentences(outcome(0.80, [0.73, 0.88], ("Otsu", rival)))
    assert found[0] == kind
    assert found[1][1].startswith(text)
    assert ("no better than what has learnt nothing" in found[1][0]) == (kind == "bad")


def masks(own: tuple[float, float], **rivals: tuple[float, float]) -> dict[str, Any]:
    """Results with mean IoU and Dice of the vessel, and an interval of the former."""
    found = outcome(own[0], [own[0] - 0.02, own[0] + 0.02], *((name, pair[0]) for name, pair in rivals.items()))
    for row, pair in zip(found["rows"], (own, *rivals.values()), strict=True):
        row["dataset"]["dice"] = {"background": 0.9, "vessel": pair[1]}
    return found


def test_what_is_better_in_one_figure_alone_is_said_of_that_figure() -> None:
    kind, said = sentences(masks((0.6, 0.5), Otsu=(0.55, 0.52)))
    assert kind == "bad"
    assert said == (
        "On 40 test images the model reaches mean IoU 0.6000 (95 % interval 0.5800 to 0.6200), better in mean IoU than "
        "all trivial predictors, but not in Dice vessel (Otsu: 0.5200 against 0.5000).",
        "The test is large enough to tell the two apart in mean IoU: the interval is 0.0400 wide, the difference to "
        "Otsu 0.0500.",
    )
    several = {"Otsu": (0.65, 0.52), "all vessel": (0.3, 0.55), "all background": (0.6, 0.0)}
    assert sentences(masks((0.6, 0.5), **several))[1][0].endswith(
        "no better than what has learnt nothing (Otsu in mean IoU and Dice vessel, all vessel in Dice vessel, "
        "all background)."
    )


def test_other_figures_than_those_of_the_usual_rivals_are_compared_too() -> None:
    found = outcome(None, None, ("Otsu", 0.5))
    for row, value in zip(found["rows"], (0.7, 0.8), strict=True):
        row["dataset"] = {"auc": value}
    assert sentences(found)[0] == "bad"
    assert "ROC-AUC 0.7000, no better than what has learnt nothing (Otsu)." in sentences(found)[1][0]


def test_few_images_make_any_interval_doubtful() -> None:
    kind, said = sentences(outcome(0.8, [0.79, 0.81], ("Otsu", 0.5), images=19))
    assert kind == "open"
    assert said[1].startswith("19 test images, fewer than 20, are a first indication only: the interval is 0.0200 wide")
    assert sentences(outcome(0.8, [0.79, 0.81], ("Otsu", 0.5), images=20))[0] == "good"


@pytest.mark.parametrize(
    ("results", "texts"),
    [
        (outcome(0.8, None, ("Otsu", 0.5)), ("nothing tells how far chance alone moves that measure",)),
        (outcome(0.8, [None, 0.9], ("Otsu", 0.5)), ("No interval was drawn",)),
        (
            outcome(0.8, None, images=1),
            ("On one test image the model reaches mean IoU 0.8000;", "One image cannot tell"),
        ),
        (outcome(0.8, [0.7, 0.9]), ("no trivial predictor stands beside it", "The interval is 0.2000 wide.")),
        (outcome(None, None, ("Otsu", 0.5)), ("has no measure that is a number",)),
        (outcome(float("nan"), None), ("has no measure that is a number",)),
        (outcome(0.8, None, images=None), ("On the test data the model reaches",)),
        (outcome(0.8, None) | {"split": {"name": ["x"], "images": True}}, ("On the ['x'] data",)),
    ],
)
def test_odd_cases(results: Row, texts: tuple[str, ...]) -> None:
    kind, said = sentences(results)
    assert kind == "open"
    assert all(text in " ".join(said) for text in texts)


def test_without_a_test_there_is_none() -> None:
    assert find_verdict({}) is None
    assert find_verdict({"rows": []}) is None
    assert find_verdict(made_up()) is not None


def test_other_kinds_of_task_speak_of_their_own_figures() -> None:
    label = {
        "kind": "classification", "task": {"classes": ["cat", "dog"]}, "split": {"name": "val", "images": 1200},
        "rows": [
            {"name": "model", "dataset": {"accuracy": 0.91}, "interval": {"dataset": {"accuracy": [0.9, 0.92]}}},
            {"name": "all cat", "dataset": {"accuracy": 0.5}},
        ],
    }  # fmt: skip
    assert sentences(label)[1][0].startswith("On 1,200 validation images the model reaches accuracy 0.9100 (95 % inter")
    image = {
        "kind": "reconstruction", "split": {"name": "test", "images": 30}, "directions": {"mse": "min"},
        "labels": {"mse": "MSE"},
        "rows": [
            {"name": "model", "dataset": {"psnr": 6.9, "mse": 0.2}, "interval": {"dataset": {"mse": [0.14, 0.26]}}},
            {"name": "mean training image", "dataset": {"mse": 0.1, "psnr": 10.0}},
        ],
    }  # fmt: skip
    kind, said = sentences(image)
    assert kind == "bad"
    assert (
        "MSE 0.2000 (95 % interval 0.1400 to 0.2600, less is better), no better than what has learnt nothing" in said[0]
    )
    assert "no better than what has learnt nothing (mean training image)." in said[0]
    image["rows"][1]["dataset"]["mse"] = 0.3  # type: ignore[index] # made up
    assert beaten_by([image]) == []
    assert sentences(image)[0] == "good"
    logged = {"kind": "logged", "directions": {"loss": "min"}, "rows": [{"name": "model", "dataset": {"loss": 0.25}}]}
    assert "On the test data the model reaches loss 0.2500 (less is better); no trivial" in sentences(logged)[1][0]


def curve(*values: float | str, mode: str = "max", rates: Sequence[float] = ()) -> tuple[str, ...]:
    rows = [{"epoch": str(epoch), "val/miou": str(value)} for epoch, value in enumerate(values)]
    for row, rate in zip(rows, rates, strict=False):
        row["lr"] = str(rate)
    return epochs_sentence({"checkpoint": {"monitor": "val/miou", "mode": mode}}, rows)


def test_whether_more_epochs_would_help() -> None:
    rising = [0.1 * epoch for epoch in range(10)]
    assert curve(*rising) == (
        "More epochs would probably help: the last validation of 10 still gained 0.1 in val/miou.",
    )
    assert curve(*rising, *rising[::-1]) == (
        "More epochs like these would hardly help: the best of 20 validations was at epoch 10, by val/miou.",
    )
    level = [0.0, 0.5, 0.7, 0.8, 0.8001]
    assert curve(*level) == ("More epochs would hardly help: the last validation of 5 gained nothing in val/miou.",)
    # One-cycle and cosine: the end is level whatever there is to learn.
    slowly = "Whether more epochs would help, only a longer training tells: the last validation of 5 gained nothing in "
    assert curve(*level, rates=[0.3, 1.0, 0.5, 0.2, 0.05])[0].startswith(slowly + "val/miou, but the schedule")
    before = [*(0.1 * epoch for epoch in range(7)), 0.7, 0.6995, 0.6998]
    falling = [1.0 - 0.1 * epoch for epoch in range(10)]
    falling[-1] = 0.001
    assert curve(*before, rates=falling)[0].startswith(
        slowly.partition(": the last")[0] + ": the best of 10 validations"
    )
    # Unless it was worse at the end than before: that is no level.
    assert curve(*before[:-2], 0.6, 0.5, rates=falling)[0].startswith("More epochs like these would hardly help")
    # A rate that fell because nothing was gained any more, a constant one, one that is still high.
    for rates in ([1.0, 0.1, 0.01, 0.001, 0.001], [0.01] * 5, [1.0, 0.9, 0.7, 0.5, 0.3]):
        assert curve(*level, rates=rates)[0].startswith("More epochs would hardly help")
    assert curve(*rising, rates=[1 - 0.1 * epoch for epoch in range(10)])[0].startswith("More epochs would probably")
    assert curve(*(1 - value for value in rising), mode="min")[0].startswith("More epochs would probably help")
    assert curve(*[0.5] * 8)[0].startswith(
        "More epochs like these would hardly help: the best of 8 validations was at epoch 1"
    )


def test_curves_that_say_nothing() -> None:
    assert curve() == curve("", "nan", "odd") == ()
    assert curve(0.1, 0.2, "nan", 0.3) == ("After 3 validations nothing can be said of more epochs.",)
    assert curve(0.1) == ("After 1 validation nothing can be said of more epochs.",)
    assert epochs_sentence({}, [{"epoch": "0", "val/miou": "1"}]) == ()
    assert epochs_sentence({"checkpoint": {"monitor": "val/miou"}}, [{"epoch": "x"}]) == ()
