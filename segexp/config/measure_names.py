"""Names of everything that is logged, and which way is better; without torch, so that a typo fails at once.

A name is ``<phase>/<measure>`` or ``<phase>/<measure>/<class>``: ``val/miou``, ``val/iou/vessel``. A measure
is of the whole data set (pooled); with ``image_`` before it, it is the mean over images:
``val/image_iou/vessel``. The terms of a loss are ``val/loss/<term>``. Costly measures are taken of the test images
only; there, ``test/mean/<measure>`` is the mean over classes.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Literal

from segexp.errors import ConfigError

Direction = Literal["min", "max"]

PHASES = ("train", "val", "test")

IMAGE = "image_"
"""Before a measure: averaged over images instead of pooled."""

OVERALL: dict[str, Direction] = {"accuracy": "max", "kappa": "max", "mcc_overall": "max", "miou": "max", "mdice": "max"}
"""One value, pooled or per image."""

PER_CLASS: dict[str, Direction] = {
    "iou": "max",
    "dice": "max",
    "precision": "max",
    "recall": "max",
    "specificity": "max",
    "mcc": "max",
}
"""One value per class, pooled or per image."""

THRESHOLD_FREE: dict[str, Direction] = {"auc": "max", "ap": "max"}
"""One value for two classes; for more classes one per class, at the test only. Per image at the test only."""

TEST_ONLY: dict[str, Direction] = {
    "brier": "min",
    "ece": "min",
    "boundary_iou": "max",
    "cldice": "max",
    "hd95": "min",
    "asd": "min",
    "components_error": "min",
    "object_f1": "max",
    "object_precision": "max",
    "object_recall": "max",
}
"""Figures of the costly measures in ``conf/metric``, one value per class; see :mod:`segexp.metrics.base`."""

PERCENTILE = re.compile(r"hd\d+(\.\d+)?")
"""A Hausdorff distance with another percentile is named after it: hd100."""

MEAN = "mean"
LOSS = "loss"


def direction(name: str) -> Direction:
    """Whether lower ("min") or higher ("max") is better.

    Raises:
        ConfigError: There is no such name.
    """
    check_name(name, None)
    _, measure, *rest = name.split("/")
    figure = measure.removeprefix(IMAGE)
    return figure_direction(rest[0] if figure == MEAN else figure)


def figure_direction(figure: str) -> Direction:
    """The same of a measure without phase, averaging and class, as it stands in results.json.

    Raises:
        ConfigError: There is no such measure.
    """
    known: dict[str, Direction] = {**OVERALL, **PER_CLASS, **THRESHOLD_FREE, **TEST_ONLY, LOSS: "min"}
    if figure not in known and not PERCENTILE.fullmatch(figure):
        raise ConfigError(f"there is no measure {figure!r}: {_suggest(figure, list(known))}")
    return known.get(figure, "min")


def is_test_only(figure: str) -> bool:
    """Whether a measure is taken of the test images only, because it is costly."""
    return figure in TEST_ONLY or PERCENTILE.fullmatch(figure) is not None


def valid_names(phase: str, classes: Sequence[str] | None, terms: Sequence[str] = ()) -> list[str]:
    """All names of a phase; ``<class>`` stands for the classes where they are not known."""
    per_class = ["<class>"] if classes is None else list(classes)
    testing = phase == "test"
    of_class = [*PER_CLASS, *(TEST_ONLY if testing else ())]
    if testing and len(per_class) != 2:
        of_class += THRESHOLD_FREE
    measures = [LOSS, *(f"{LOSS}/{term}" for term in terms)]
    for prefix in ("", IMAGE):
        measures += [prefix + measure for measure in OVERALL]
        measures += [f"{prefix}{measure}/{name}" for measure in of_class for name in per_class]
        if (testing or not prefix) and (classes is None or len(classes) == 2):
            measures += [prefix + measure for measure in THRESHOLD_FREE]
    if testing:
        measures += [f"{prefix}{MEAN}/{measure}" for prefix in ("", IMAGE) for measure in of_class]
    return [f"{phase}/{measure}" for measure in measures]


def check_name(name: str, classes: Sequence[str] | None, terms: Sequence[str] | None = None) -> None:
    """Refuse a name that nothing will ever log.

    Args:
        name: For example the ``monitor`` of a checkpoint.
        classes: Class names of the data; None when they are not known yet, then any is taken.
        terms: Terms of the loss; None when they are not known yet, then any is taken.

    Raises:
        ConfigError: With the nearest valid name.
    """
    phase, _, rest = name.partition("/")
    measure, _, detail = rest.partition("/")
    known = valid_names(phase if phase in PHASES else "val", classes, terms or ())
    if phase in PHASES and (name in known or _is_open(name, classes, terms)):
        return
    figure = measure.removeprefix(IMAGE)
    if phase in ("train", "val") and (is_test_only(figure) or (figure == MEAN and is_test_only(detail))):
        raise ConfigError(
            f"{name}: {figure if figure != MEAN else detail} is measured at the test only, because it is costly; "
            f"choose by {phase}/dice/<class> or another of {', '.join(known)}"
        )
    if classes is not None and measure in THRESHOLD_FREE and len(classes) != 2:
        raise ConfigError(
            f"{name} is measured for two classes only, the data has {len(classes)}: {', '.join(classes)}; "
            "of more classes it is measured at the test, each against the rest"
        )
    raise ConfigError(f"nothing is logged as {name!r}: {_suggest(name, known)}")


def _is_open(name: str, classes: Sequence[str] | None, terms: Sequence[str] | None) -> bool:
    """Whether the name ends in a class or term that cannot be checked yet."""
    phase, measure, *rest = name.split("/")
    if len(rest) != 1 or not rest[0]:
        return False
    if measure == LOSS:
        return terms is None
    figure = measure.removeprefix(IMAGE)
    if phase == "test" and PERCENTILE.fullmatch(rest[0] if figure == MEAN else figure):
        return classes is None or figure == MEAN or rest[0] in classes
    at_test = phase == "test" and (figure in TEST_ONLY or figure in THRESHOLD_FREE)
    return classes is None and (figure in PER_CLASS or at_test)


def _suggest(name: str, known: Sequence[str]) -> str:
    nearest = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]}? " if nearest else ""
    return f"{hint}Valid names are {', '.join(known)}"
